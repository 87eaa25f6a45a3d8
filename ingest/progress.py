"""Where the versions in work stand: noted in memory, written to the record once a second.

What is quick leaves no trace here and costs no transaction: its stages would be over before anybody looked.
"""

from datetime import UTC, datetime
from threading import Lock

from corpus.documents import DocumentId, DocumentStatus
from corpus.versions import Step


class ProgressBoard:
    def __init__(self) -> None:
        self._lock = Lock()
        self._steps: dict[tuple[DocumentId, int], Step] = {}
        self._changed: set[tuple[DocumentId, int]] = set()

    def enter(self, document_id: DocumentId, version: int, status: DocumentStatus) -> None:
        """A stage begins."""
        self._note(document_id, version, status, None)

    def advance(self, document_id: DocumentId, version: int, chunks_done: int) -> None:
        """So many chunks are embedded."""
        self._note(document_id, version, DocumentStatus.EMBEDDING, chunks_done)

    def leave(self, document_id: DocumentId, version: int) -> None:
        with self._lock:
            self._steps.pop((document_id, version), None)
            self._changed.discard((document_id, version))

    def take_changes(self) -> list[Step]:
        """The last step of each version that made one since this was last asked."""
        with self._lock:
            changed = [self._steps[key] for key in self._changed]
            self._changed.clear()
        return changed

    def stage(self, document_id: DocumentId, version: int) -> DocumentStatus:
        with self._lock:
            step = self._steps.get((document_id, version))
        return step.status if step else DocumentStatus.PARSING

    def _note(
        self, document_id: DocumentId, version: int, status: DocumentStatus, chunks_done: int | None
    ) -> None:
        now = datetime.now(UTC)
        key = (document_id, version)
        with self._lock:
            before = self._steps.get(key)
            if chunks_done is None:
                chunks_done = before.chunks_done if before else 0
            self._steps[key] = Step(
                document_id=document_id,
                version=version,
                status=status,
                chunks_done=chunks_done,
                stage_at=before.stage_at if before and before.status == status else now,
                at=now,
            )
            self._changed.add(key)
