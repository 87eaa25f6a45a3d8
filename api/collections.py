"""Collections over HTTP."""

from fastapi import APIRouter, status

from api.access import Opened
from api.job_schemas import Retried
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


@router.post("/{collection_id}/retry", operation_id="collections_retry", status_code=status.HTTP_202_ACCEPTED)
def retry_failed(collection_id: str, sourcebook: Opened) -> Retried:
    """Ingests every failed document of the collection again."""
    return Retried(retried=sourcebook.control.retry_failed(CollectionId(collection_id)))


@router.post(
    "/{collection_id}/pause", operation_id="collections_pause", status_code=status.HTTP_204_NO_CONTENT
)
def pause_collection(collection_id: str, sourcebook: Opened) -> None:
    """Documents that wait go on waiting, and new ones with them; those in work go on to their end."""
    sourcebook.control.pause([CollectionId(collection_id)])


@router.post(
    "/{collection_id}/resume", operation_id="collections_resume", status_code=status.HTTP_204_NO_CONTENT
)
def resume_collection(collection_id: str, sourcebook: Opened) -> None:
    sourcebook.control.resume([CollectionId(collection_id)])
