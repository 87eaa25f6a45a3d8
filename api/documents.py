"""Documents over HTTP: upload, list, status, text, page pictures, delete."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response, UploadFile, status
from fastapi.responses import FileResponse

from api.access import Opened
from api.schemas import CollectionName, DocumentSchema, DocumentTextSchema, Page
from corpus.documents import DocumentId, DocumentStatus
from corpus.errors import InvalidInputError, NotFoundError
from ingest.job_queue import Priority
from ingest.sniffing import PDF, PICTURES

router = APIRouter(prefix="/documents", tags=["documents"])

# A document is somebody's upload: never let a browser run it on our origin.
_AS_DOWNLOAD = {"Content-Security-Policy": "sandbox; default-src 'none'"}


@router.get("", operation_id="documents_list")
def list_documents(
    sourcebook: Opened,
    collection: str | None = None,
    status: DocumentStatus | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[DocumentSchema]:
    collection_id = None
    if collection is not None:
        (collection_id,) = sourcebook.catalog.collection_ids([collection])
    found = sourcebook.catalog.documents(
        collection_id=collection_id, statuses=[status] if status else (), after=cursor, limit=limit + 1
    )
    data = [DocumentSchema.model_validate(document) for document in found[:limit]]
    has_more = len(found) > limit
    return Page(data=data, has_more=has_more, next_cursor=data[-1].id if has_more else None)


@router.post("", operation_id="documents_upload", status_code=status.HTTP_202_ACCEPTED)
def upload_documents(
    sourcebook: Opened,
    collection: Annotated[CollectionName, Form()],
    files: list[UploadFile],
    *,
    is_bulk: Annotated[bool | None, Form()] = None,
) -> Page[DocumentSchema]:
    """Accepts files; each document has to reach a final status. A ZIP yields one document per member.

    `is_bulk`: part of something larger, which smaller uploads may overtake; by default, many files are.
    """
    limit = sourcebook.settings.max_upload_bytes
    for file in files:
        if file.size is not None and file.size > limit:
            raise InvalidInputError(f"'{file.filename}' is larger than the {limit >> 20} MB allowed.")
    priorities = {None: None, True: Priority.BULK, False: Priority.INTERACTIVE}
    accepted = sourcebook.intake.add(
        collection, ((file.filename or "", file.file) for file in files), priority=priorities[is_bulk]
    )
    return Page(data=[DocumentSchema.model_validate(document) for document in accepted])


@router.get("/{document_id}", operation_id="documents_show")
def show_document(document_id: str, sourcebook: Opened) -> DocumentSchema:
    return DocumentSchema.model_validate(sourcebook.catalog.document(DocumentId(document_id)))


@router.get("/{document_id}/text", operation_id="documents_text")
def document_text(document_id: str, sourcebook: Opened) -> DocumentTextSchema:
    """The canonical text that citations point into, and its blocks."""
    return DocumentTextSchema.model_validate(sourcebook.catalog.text(DocumentId(document_id)))


@router.get("/{document_id}/file", operation_id="documents_file")
def document_file(document_id: str, sourcebook: Opened) -> FileResponse:
    """The original bytes, as a download."""
    document = sourcebook.catalog.document(DocumentId(document_id))
    return FileResponse(
        sourcebook.blobs.path(document.sha256),
        media_type="application/octet-stream",
        filename=document.path.rsplit("/", 1)[-1],
        headers=_AS_DOWNLOAD,
    )


@router.get("/{document_id}/pages/{page}", operation_id="documents_page", response_class=Response)
def document_page(document_id: str, page: int, sourcebook: Opened) -> Response:
    """A picture (PNG) of one page of a PDF or picture; pages count from 1."""
    document = sourcebook.catalog.document(DocumentId(document_id))
    if document.media_type not in (PDF, *PICTURES) or not 1 <= page <= (document.pages or 0):
        raise NotFoundError("There is no picture of this page.")
    picture = sourcebook.sandbox.render_page(sourcebook.blobs.path(document.sha256), page)
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(picture, media_type="image/png", headers=headers)


@router.post("/{document_id}/cancel", operation_id="documents_cancel")
def cancel_document(document_id: str, sourcebook: Opened) -> DocumentSchema:
    """Stops the ingestion; an older version that answers goes on answering. 409 when it is at its end."""
    return DocumentSchema.model_validate(sourcebook.control.cancel(DocumentId(document_id)))


@router.post("/{document_id}/retry", operation_id="documents_retry", status_code=status.HTTP_202_ACCEPTED)
def retry_document(document_id: str, sourcebook: Opened) -> DocumentSchema:
    """Ingests a document again that failed or was cancelled, or a duplicate under its own path."""
    return DocumentSchema.model_validate(sourcebook.control.retry(DocumentId(document_id)))


@router.delete("/{document_id}", operation_id="documents_delete", status_code=status.HTTP_204_NO_CONTENT)
def delete_document(document_id: str, sourcebook: Opened) -> None:
    """When this returns, no search or answer shows the document any more."""
    sourcebook.intake.delete(DocumentId(document_id))
