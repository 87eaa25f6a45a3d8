"""What the board tells the record of versions in work."""

from corpus.documents import DocumentId, DocumentStatus
from ingest.progress import ProgressBoard

DOCUMENT = DocumentId("doc_one")


def test_only_the_last_of_many_steps_is_told_and_only_once() -> None:
    board = ProgressBoard()
    board.enter(DOCUMENT, 1, DocumentStatus.CHUNKING)
    board.advance(DOCUMENT, 1, 256)
    board.advance(DOCUMENT, 1, 512)
    (step,) = board.take_changes()
    assert (step.status, step.chunks_done) == (DocumentStatus.EMBEDDING, 512)
    assert board.take_changes() == []


def test_a_stage_keeps_its_beginning_while_it_lasts() -> None:
    board = ProgressBoard()
    board.advance(DOCUMENT, 1, 0)
    (first,) = board.take_changes()
    board.advance(DOCUMENT, 1, 256)
    (second,) = board.take_changes()
    board.enter(DOCUMENT, 1, DocumentStatus.INDEXING)
    (third,) = board.take_changes()
    assert second.stage_at == first.stage_at
    assert second.at > first.at
    assert (third.stage_at, third.chunks_done) == (third.at, 256)


def test_what_is_over_before_anybody_asks_leaves_no_trace() -> None:
    board = ProgressBoard()
    board.enter(DOCUMENT, 1, DocumentStatus.CHUNKING)
    board.leave(DOCUMENT, 1)
    assert board.take_changes() == []
    assert board.stage(DOCUMENT, 1) is DocumentStatus.PARSING
