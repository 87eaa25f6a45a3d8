"""Another index beside the one that answers, over HTTP: how far it is, begin, cancel."""

from fastapi import APIRouter, status

from api.access import Opened
from api.job_schemas import IndexStateSchema

router = APIRouter(tags=["jobs"])


@router.get("/reindex", operation_id="reindex_show")
def show(sourcebook: Opened) -> IndexStateSchema:
    """Which index answers, which one the settings want, and how far that one is."""
    return IndexStateSchema.model_validate(sourcebook.reindexing.state())


@router.post("/reindex", operation_id="reindex_begin", status_code=status.HTTP_202_ACCEPTED)
def begin(sourcebook: Opened) -> IndexStateSchema:
    """Builds the index that the settings want, beside the one that answers until the new one is complete.

    A build that stopped goes on where it was. 409 when there is nothing to build, or another is being built.
    """
    return IndexStateSchema.model_validate(sourcebook.reindexing.begin())


@router.delete("/reindex", operation_id="reindex_cancel")
def cancel(sourcebook: Opened) -> IndexStateSchema:
    """Removes what was built so far. 409 when nothing is being built."""
    return IndexStateSchema.model_validate(sourcebook.reindexing.cancel())
