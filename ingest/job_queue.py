"""The queue of jobs: enqueued with the record, in its transactions; `jobs` works on them."""

from collections.abc import Sequence
from enum import IntEnum

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

from corpus.database import Database, Transaction
from corpus.documents import CollectionId, Document, DocumentId
from corpus.errors import UnavailableError

WORKFLOW_VERSION = "1"
"""Pinned by hand: DBOS's own default, a hash of the source, would strand jobs at every edit."""

APPLICATION = "sourcebook"
INGEST, DELETE, SYNC, REBUILD = "ingest", "delete", "sync", "rebuild"
PAUSED = "paused"
"""A queue that no worker listens to: jobs of paused collections wait in it."""

MOVED_AT_ONCE = 500


class Priority(IntEnum):
    """Within a collection, the lower number goes first; collections take turns whatever their jobs are."""

    INTERACTIVE = 1
    """Somebody waits for it: a few files, or another try."""
    BULK = 2


class JobQueue:
    """Usable between `connect` and `disconnect`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client: DBOSClient | None = None

    def connect(self) -> None:
        self._client = DBOSClient(
            system_database_url=self._database.url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
        )

    def disconnect(self) -> None:
        if self._client:
            self._client.destroy()

    def enqueue_ingest(
        self,
        transaction: Transaction,
        document: Document,
        priority: Priority = Priority.INTERACTIVE,
        *,
        is_paused: bool = False,
    ) -> None:
        """The job exists if and only if the transaction commits; the same version twice is one job."""
        options = EnqueueOptions(
            workflow_name=INGEST,
            queue_name=PAUSED if is_paused else INGEST,
            workflow_id=ingest_job(document.id, document.version),
            app_version=WORKFLOW_VERSION,
            queue_partition_key=document.collection_id,
            priority=priority,
        )
        self._opened.enqueue_in_transaction(transaction, options, document.id, document.version)

    def enqueue_delete(
        self, transaction: Transaction, document_id: DocumentId, collection_id: CollectionId, run: str = ""
    ) -> None:
        """`run` tells a repeated removal from the first, which would otherwise be the same job."""
        options = EnqueueOptions(
            workflow_name=DELETE,
            queue_name=DELETE,
            workflow_id=f"delete:{document_id}{run and ':' + run}",
            app_version=WORKFLOW_VERSION,
            queue_partition_key=collection_id,
        )
        self._opened.enqueue_in_transaction(transaction, options, document_id)

    def enqueue_sync(self, transaction: Transaction, connector_id: str, number: int) -> None:
        options = EnqueueOptions(
            workflow_name=SYNC,
            queue_name=SYNC,
            workflow_id=f"{SYNC}:{connector_id}:{number}",
            app_version=WORKFLOW_VERSION,
            queue_partition_key=connector_id,
        )
        self._opened.enqueue_in_transaction(transaction, options, connector_id, number)

    def enqueue_rebuild(self, transaction: Transaction, number: int, run: int) -> None:
        options = EnqueueOptions(
            workflow_name=REBUILD,
            queue_name=REBUILD,
            workflow_id=f"{REBUILD}:{number}:{run}",
            app_version=WORKFLOW_VERSION,
        )
        self._opened.enqueue_in_transaction(transaction, options, number)

    def pause(self, collection_id: CollectionId) -> None:
        """Jobs of the collection that wait will go on waiting; those in work go on to their end."""
        self._move(collection_id, INGEST, PAUSED)

    def resume(self, collection_id: CollectionId) -> None:
        self._move(collection_id, PAUSED, INGEST)

    def unfinished(self, job_ids: Sequence[str]) -> dict[str, str]:
        """The queue of each job that waits or is in work: the others are done, or were never made."""
        found = self._opened.list_workflows(
            workflow_ids=list(job_ids),
            status=["ENQUEUED", "PENDING", "DELAYED"],
            load_input=False,
            load_output=False,
        )
        return {job.workflow_id: job.queue_name or "" for job in found}

    def unfinished_deletions(self) -> frozenset[str]:
        """Ids of documents whose removal is queued or in work."""
        found = self._opened.list_workflows(
            name=DELETE, status=["ENQUEUED", "PENDING"], load_input=False, load_output=False
        )
        return frozenset(job.workflow_id.split(":")[1] for job in found)

    def _move(self, collection_id: CollectionId, source: str, target: str) -> None:
        waiting = self._opened.list_workflows(
            queue_name=source, status="ENQUEUED", load_input=False, load_output=False
        )
        ids = [job.workflow_id for job in waiting if job.queue_partition_key == collection_id]
        for start in range(0, len(ids), MOVED_AT_ONCE):
            self._opened.resume_workflows(ids[start : start + MOVED_AT_ONCE], queue_name=target)

    @property
    def _opened(self) -> DBOSClient:
        if self._client is None:
            raise UnavailableError("The job queue is not open.")
        return self._client


def ingest_job(document_id: DocumentId, version: int) -> str:
    """Id of the job that ingests a version."""
    return f"ingest:{document_id}:{version}"
