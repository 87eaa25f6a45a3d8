"""Ingestion as a whole over HTTP: what is in work, what is left of what was deleted, is all well?"""

from typing import Annotated

from fastapi import APIRouter, Query, status

from api.access import Opened, readable_collections
from api.job_schemas import DeletionSchema, DoctorReport, FindingSchema, Retried
from api.schemas import DocumentSchema, Page
from corpus.documents import UNFINISHED_STATUSES, DocumentId

router = APIRouter(tags=["jobs"])


@router.get("/jobs", operation_id="jobs_list")
def list_jobs(
    sourcebook: Opened,
    collection: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[DocumentSchema]:
    """Documents that are not yet at their end, oldest first, with their progress."""
    collection_id = None
    if collection is not None:
        (collection_id,) = sourcebook.catalog.collection_ids([collection])
    found = sourcebook.catalog.documents(
        collection_id=collection_id, statuses=UNFINISHED_STATUSES, after=cursor, limit=limit + 1
    )
    data = [DocumentSchema.model_validate(document) for document in found[:limit]]
    has_more = len(found) > limit
    return Page(data=data, has_more=has_more, next_cursor=data[-1].id if has_more else None)


@router.post("/jobs/retry", operation_id="jobs_retry", status_code=status.HTTP_202_ACCEPTED)
def retry_all(sourcebook: Opened) -> Retried:
    """Ingests every failed document again."""
    return Retried(retried=sourcebook.control.retry_failed())


@router.post("/jobs/pause", operation_id="jobs_pause", status_code=status.HTTP_204_NO_CONTENT)
def pause_all(sourcebook: Opened) -> None:
    """Pauses every collection there is now."""
    sourcebook.control.pause(readable_collections(sourcebook, []))


@router.post("/jobs/resume", operation_id="jobs_resume", status_code=status.HTTP_204_NO_CONTENT)
def resume_all(sourcebook: Opened) -> None:
    sourcebook.control.resume(readable_collections(sourcebook, []))


@router.get("/deletions", operation_id="deletions_list")
def list_deletions(
    sourcebook: Opened,
    collection: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[DeletionSchema]:
    """What was deleted, and the proof that nothing of it is left."""
    found = sourcebook.deletions.records(collection=collection, after=cursor, limit=limit + 1)
    data = [DeletionSchema.model_validate(record) for record in found[:limit]]
    has_more = len(found) > limit
    return Page(data=data, has_more=has_more, next_cursor=data[-1].document_id if has_more else None)


@router.get("/deletions/{document_id}", operation_id="deletions_show")
def show_deletion(document_id: str, sourcebook: Opened) -> DeletionSchema:
    return DeletionSchema.model_validate(sourcebook.deletions.record(DocumentId(document_id)))


@router.get("/doctor", operation_id="doctor_examine")
def examine(sourcebook: Opened) -> DoctorReport:
    """Compares record, index, files and jobs; changes nothing."""
    return DoctorReport(findings=[FindingSchema.model_validate(each) for each in sourcebook.doctor.examine()])


@router.post("/doctor", operation_id="doctor_repair")
def repair(sourcebook: Opened) -> DoctorReport:
    """The same, and repairs what can be repaired."""
    return DoctorReport(findings=[FindingSchema.model_validate(each) for each in sourcebook.doctor.repair()])
