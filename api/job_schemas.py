"""What the routes about ingestion as a whole send: deletions, findings, the state of the index."""

from datetime import datetime

from api.schemas import Schema


class Retried(Schema):
    retried: int
    """Documents that are queued again."""


class DeletionSchema(Schema):
    document_id: str
    collection: str
    path: str
    requested_at: datetime
    chunks: int
    vectors: int
    blobs: int
    verified_at: datetime | None


class FindingSchema(Schema):
    fault: str
    subject: str
    detail: str
    count: int
    is_repaired: bool


class DoctorReport(Schema):
    findings: list[FindingSchema]


class BuildingSchema(Schema):
    name: str
    documents_done: int
    documents_total: int
    problem: str | None
    """Why it stopped; null while it goes on."""


class IndexStateSchema(Schema):
    answering: str
    """Name of the index that answers."""
    wanted: str
    """Name of the index that the settings would give: another one needs `reindex`."""
    is_current: bool
    building: BuildingSchema | None
