"""Resumable uploads: tus 1.0 with creation, expiration, checksum and termination (https://tus.io).

`Upload-Metadata` names the `collection` and the file: `relativePath` (with folders), else `filename`.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from email.utils import formatdate
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.requests import ClientDisconnect

from api.access import Opened
from corpus.documents import Document
from corpus.errors import InvalidInputError
from ingest.uploads import (
    CHECKSUMS,
    ChecksumMismatchError,
    OffsetMismatchError,
    PartialUpload,
    Piece,
    UploadBusyError,
    UploadNotFoundError,
)

VERSION = "1.0.0"
PIECE_TYPE = "application/offset+octet-stream"
MOST_NAMED = 100
"""Documents that a header names: 100 ids are some 4 kB, and many proxies allow 8."""
CHECKSUM_MISMATCH = 460
"""tus's own status."""
_STATUS_OF: dict[type[Exception], int] = {
    UploadNotFoundError: HTTPStatus.NOT_FOUND,
    OffsetMismatchError: HTTPStatus.CONFLICT,
    UploadBusyError: HTTPStatus.LOCKED,
    ChecksumMismatchError: CHECKSUM_MISMATCH,
}

router = APIRouter(prefix="/uploads", tags=["uploads"])

UploadLength = Annotated[int | None, Header()]
TusResumable = Annotated[str | None, Header()]


@router.options("", operation_id="uploads_options")
def describe(sourcebook: Opened) -> Response:
    """What this server knows of tus."""
    return _reply(
        HTTPStatus.NO_CONTENT,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,expiration,checksum,termination",
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            "Tus-Max-Size": str(sourcebook.uploads.max_bytes),
        },
    )


@router.post("", operation_id="uploads_create", status_code=HTTPStatus.CREATED)
def create_upload(
    request: Request,
    sourcebook: Opened,
    upload_length: UploadLength = None,
    upload_metadata: Annotated[str, Header()] = "",
    tus_resumable: TusResumable = None,
) -> Response:
    """Begins an upload; `Location` is where its pieces go."""
    if tus_resumable != VERSION:
        return _other_version()
    if upload_length is None:
        raise InvalidInputError("Upload-Length must say how long the file is.")
    if upload_length > sourcebook.uploads.max_bytes:
        return _reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {})
    named = _metadata(upload_metadata)
    upload = sourcebook.uploads.create(
        collection=named.get("collection", ""),
        path=named.get("relativePath") or named.get("filename", ""),
        size_bytes=upload_length,
        is_bulk=named.get("is_bulk") == "true",
    )
    # An empty file has no piece that could finish it.
    documents = [] if upload_length else sourcebook.uploads.finish(upload.id)
    location = f"{request.url.path.rstrip('/')}/{upload.id}"
    return _reply(HTTPStatus.CREATED, {"Location": location} | _state(upload) | _naming(documents))


@router.head("/{upload_id}", operation_id="uploads_offset")
def upload_offset(upload_id: str, sourcebook: Opened) -> Response:
    """How many bytes have arrived: go on from there."""
    upload = sourcebook.uploads.show(upload_id)
    length = {"Upload-Length": str(upload.size_bytes), "Cache-Control": "no-store"}
    return _reply(HTTPStatus.OK, _state(upload) | length)


@router.patch("/{upload_id}", operation_id="uploads_append")
async def append(
    upload_id: str,
    request: Request,
    sourcebook: Opened,
    upload_offset: Annotated[int, Header()],
    content_type: Annotated[str, Header()] = "",
    upload_checksum: Annotated[str, Header()] = "",
    tus_resumable: TusResumable = None,
) -> Response:
    """Takes a piece. The last one makes the file a document, named in `Sourcebook-Documents`.

    Of an archive's documents the first 100 are named; the collection lists them all.
    """
    if tus_resumable != VERSION:
        return _other_version()
    if content_type != PIECE_TYPE:
        return _reply(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {})
    uploads = sourcebook.uploads
    try:
        async with _in_threads(uploads.piece(upload_id, upload_offset, _checksum(upload_checksum))) as piece:
            async for content in request.stream():
                await asyncio.to_thread(piece.write, content)
    except tuple(_STATUS_OF) as error:
        return _reply(_STATUS_OF[type(error)], {})
    except ClientDisconnect:
        # What has arrived is kept; nobody is there to hear it.
        return _reply(HTTPStatus.NO_CONTENT, {})
    upload = await asyncio.to_thread(uploads.show, upload_id)
    documents = await asyncio.to_thread(uploads.finish, upload_id)
    return _reply(HTTPStatus.NO_CONTENT, _state(upload) | _naming(documents))


@router.delete("/{upload_id}", operation_id="uploads_terminate")
def terminate(upload_id: str, sourcebook: Opened) -> Response:
    """Forgets an upload and what has arrived of it."""
    sourcebook.uploads.terminate(upload_id)
    return _reply(HTTPStatus.NO_CONTENT, {})


@asynccontextmanager
async def _in_threads(opened: AbstractContextManager[Piece]) -> AsyncGenerator[Piece]:
    """Entering and leaving wait for the disk, which nobody else shall wait for."""
    piece = await asyncio.to_thread(opened.__enter__)
    try:
        yield piece
    except BaseException as error:
        if not await asyncio.to_thread(opened.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await asyncio.to_thread(opened.__exit__, None, None, None)


def _metadata(header: str) -> dict[str, str]:
    """`name base64, name base64`."""
    named: dict[str, str] = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            named[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidInputError("Upload-Metadata holds values in base64 of UTF-8.") from error
    return named


def _checksum(header: str) -> str:
    algorithm, _, value = header.partition(" ")
    try:
        return f"{algorithm} {base64.b64decode(value, validate=True).hex()}" if header else ""
    except binascii.Error as error:
        raise InvalidInputError("Upload-Checksum is an algorithm and a sum in base64.") from error


def _naming(documents: Sequence[Document]) -> dict[str, str]:
    """Of a large archive only the first: clients and proxies refuse long headers."""
    ids = [document.id for document in documents[:MOST_NAMED]]
    return {"Sourcebook-Documents": ",".join(ids)} if ids else {}


def _state(upload: PartialUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": formatdate(upload.expires_at, usegmt=True),
    }


def _other_version() -> Response:
    return _reply(HTTPStatus.PRECONDITION_FAILED, {"Tus-Version": VERSION})


def _reply(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION} | headers)
