"""Which documents have made no step for so long that somebody must look."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.documents import FINAL_STATUSES, DocumentStatus
from corpus.tables import CollectionRow, DocumentRow


class StallCheck:
    """One moment's judgement, for one session.

    A document in work is stalled when it has made no step. One that waits in the queue is stalled when
    nothing at all has made a step meanwhile: a long queue that moves is no stall, nor is a paused one.
    """

    def __init__(self, session: Session, stall_after: timedelta) -> None:
        self._session = session
        self._oldest = datetime.now(UTC) - stall_after
        self._queue_moves: bool | None = None

    def is_stalled(self, row: DocumentRow, *, is_paused: bool) -> bool:
        status = DocumentStatus(row.status)
        if status.is_final or row.updated_at >= self._oldest:
            return False
        if status is not DocumentStatus.QUEUED:
            return True
        return not is_paused and not self._does_queue_move()

    def stalled(self) -> list[DocumentRow]:
        query = (
            sa.select(DocumentRow, CollectionRow.is_paused)
            .join(CollectionRow, CollectionRow.id == DocumentRow.collection_id)
            .where(DocumentRow.status.not_in(FINAL_STATUSES), DocumentRow.updated_at < self._oldest)
            .order_by(DocumentRow.id)
        )
        return [
            row
            for row, is_paused in self._session.execute(query)
            if self.is_stalled(row, is_paused=is_paused)
        ]

    def _does_queue_move(self) -> bool:
        if self._queue_moves is None:
            step = sa.select(DocumentRow.id).where(
                DocumentRow.updated_at >= self._oldest, DocumentRow.status != DocumentStatus.QUEUED
            )
            self._queue_moves = self._session.scalar(step.limit(1)) is not None
        return self._queue_moves
