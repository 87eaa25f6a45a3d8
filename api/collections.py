"""Collections over HTTP."""

from fastapi import APIRouter, status

from api.access import Opened
from api.schemas import CollectionSchema, NewCollection, Page
from corpus.documents import CollectionId

router = APIRouter(prefix="/collections", tags=["collections"])


@router.get("", operation_id="collections_list")
def list_collections(sourcebook: Opened) -> Page[CollectionSchema]:
    found = [CollectionSchema.model_validate(each) for each in sourcebook.catalog.collections()]
    return Page(data=found)


@router.post("", operation_id="collections_create", status_code=status.HTTP_201_CREATED)
def create_collection(new: NewCollection, sourcebook: Opened) -> CollectionSchema:
    return CollectionSchema.model_validate(sourcebook.catalog.create_collection(new.name))


@router.delete("/{collection_id}", operation_id="collections_delete", status_code=status.HTTP_204_NO_CONTENT)
def delete_collection(collection_id: str, sourcebook: Opened) -> None:
    sourcebook.intake.delete_collection(CollectionId(collection_id))
