"""What a request may touch. Until accounts come, the local user may read every collection."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request

from api.wiring import Sourcebook
from corpus.documents import CollectionId


def _sourcebook(request: Request) -> Sourcebook:
    return request.app.state.sourcebook


Opened = Annotated[Sourcebook, Depends(_sourcebook)]


def readable_collections(sourcebook: Sourcebook, names: Sequence[str]) -> frozenset[CollectionId]:
    """Ids of the named collections, of all when none is named; raises `CollectionNotFoundError`."""
    if names:
        return sourcebook.catalog.collection_ids(names)
    return frozenset(collection.id for collection in sourcebook.catalog.collections())
