"""The command line's contract (docs/cli.md): one JSON document on stdout, and the exit codes."""

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.cli import main

ROOT = Path(__file__).parents[2]
LEAVE = "# Leave\n\nEvery full-time employee receives 27 days of paid annual leave a year.\n"
TRAVEL = "# Travel\n\nA hotel night may cost up to 140 euros.\n"
QUESTION = "How many days of paid annual leave does a full-time employee receive?"
PORT_OF_NOBODY = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Fails unless stdout is exactly one JSON document."""
        return json.loads(self.out)


def sourcebook(*arguments: str | Path) -> Ran:
    """Runs a command in this process: what talks to a server loads no model."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["sourcebook", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    assert isinstance(code, int)
    return Ran(code=code, out=out.getvalue(), err=err.getvalue())


def sourcebook_alone(*arguments: str | Path, **environment: str) -> Ran:
    """Runs a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


def sentence(ran: Ran) -> str:
    """What a failed command says: something for people, no traceback, nothing on stdout."""
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert ran.err.strip()
    return ran.err


@contextlib.contextmanager
def serving(data: Path) -> Generator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--data", data],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with process:
        try:
            assert process.stdout is not None
            assert "http://127.0.0.1:" in process.stdout.readline()
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "notes"
    (folder / "hr").mkdir(parents=True)
    (folder / "hr" / "leave.md").write_text(LEAVE)
    (folder / "travel.md").write_text(TRAVEL)
    (folder / ".hidden").write_text("not a document")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, notes: Path) -> Iterator[Path]:
    """A served data folder with the notes in it: commands find the server through the folder."""
    folder = tmp_path_factory.mktemp("data")
    with serving(folder):
        done = sourcebook("ingest", notes, "--collection", "notes", "--data", folder)
        assert done.code == 0, done.err
        yield folder


def documents(data: Path, collection: str) -> list[dict[str, Any]]:
    return sourcebook("documents", "list", "--collection", collection, "--json", "--data", data).json


def test_a_folder_s_documents_are_named_from_the_folder_on(data: Path) -> None:
    found = documents(data, "notes")
    assert sorted(each["path"] for each in found) == ["notes/hr/leave.md", "notes/travel.md"]
    assert {each["status"] for each in found} == {"ready"}


def test_ingest_reports_every_document(data: Path, notes: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.md", TRAVEL + "\nBreakfast is included.\n")
    ran = sourcebook(
        "ingest", packed, notes / "travel.md", "--collection", "reported", "--json", "--data", data
    )
    assert ran.code == 0
    assert ran.json.keys() == {"documents", "took_s", "chunks_per_s"}
    assert [each["path"] for each in ran.json["documents"]] == ["packed.zip/inside.md", "travel.md"]
    for each in ran.json["documents"]:
        assert each.keys() == {"path", "document_id", "status", "reason", "chunks", "pages"}
        assert (each["status"], each["reason"], each["chunks"]) == ("ready", None, 1)


def test_a_failed_document_is_listed_and_fails_the_command(data: Path, notes: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing of a PDF")
    ran = sourcebook(
        "ingest", broken, notes / "travel.md", "--collection", "partly", "--json", "--data", data
    )
    assert ran.code == 1
    bad, good = ran.json["documents"]
    assert (bad["status"], bad["reason"]["code"], good["status"]) == ("failed", "corrupt", "ready")
    assert "broken.pdf" in ran.err


def test_without_waiting_ingest_returns_at_once(data: Path, notes: Path) -> None:
    ran = sourcebook("ingest", notes, "--collection", "later", "--no-wait", "--json", "--data", data)
    assert ran.code == 0
    assert len(ran.json["documents"]) == 2


def test_search_prints_passages(data: Path) -> None:
    ran = sourcebook(
        "search", "hotel night", "--collection", "notes", "--limit", "1", "--json", "--data", data
    )
    assert ran.code == 0
    assert ran.json.keys() == {"query", "mode", "took_ms", "passages"}
    (passage,) = ran.json["passages"]
    assert passage["title"] == "Travel"
    assert passage.keys() == {
        "rank", "score", "document_id", "title", "collection", "page", "heading_path", "text", "start", "end",
    }  # fmt: skip


def test_ask_prints_an_answer_whose_quotes_stand_in_the_text(data: Path) -> None:
    ran = sourcebook("ask", QUESTION, "--collection", "notes", "--json", "--data", data)
    assert ran.code == 0
    answer = ran.json
    assert answer.keys() == {
        "question", "answer", "answerable", "finish_reason", "model", "citations", "sentences", "sources",
        "usage", "timings_ms",
    }  # fmt: skip
    assert answer["answerable"]
    (citation,) = answer["citations"]
    assert citation.keys() == {
        "n", "document_id", "title", "page", "quote", "start", "end", "boxes", "location",
    }  # fmt: skip
    text = sourcebook("documents", "text", citation["document_id"], "--json", "--data", data).json
    assert text.keys() == {"document_id", "version", "title", "media_type", "pages", "text", "blocks"}
    assert text["text"][citation["start"] : citation["end"]] == citation["quote"]


def test_for_people_ask_prints_answer_and_sources(data: Path) -> None:
    ran = sourcebook("ask", QUESTION, "--collection", "notes", "--data", data)
    assert ran.code == 0
    assert "27 days" in ran.out
    assert "[1] Leave" in ran.out


def test_names_of_emoji_and_markup_are_printed_as_they_stand(data: Path, tmp_path: Path) -> None:
    words = "Switch to :warning: or [red] mode when :bell: rings."
    (tmp_path / "symbols.md").write_text(words)
    ingested = sourcebook(
        "ingest", tmp_path / "symbols.md", "--collection", "symbols", "--json", "--data", data
    ).json
    document_id = ingested["documents"][0]["document_id"]
    assert sourcebook("documents", "text", document_id, "--json", "--data", data).json["text"] == words
    assert sourcebook("documents", "text", document_id, "--data", data).out.strip() == words


def test_an_unsupported_file_fails_the_command_and_a_duplicate_does_not(data: Path, tmp_path: Path) -> None:
    for name, content in (
        ("one.md", b"One rule."),
        ("two.md", b"One rule."),
        ("odd.bin", bytes(range(9)) * 50),
    ):
        (tmp_path / name).write_bytes(content)
    one, two, odd = (tmp_path / name for name in ("one.md", "two.md", "odd.bin"))
    ran = sourcebook("ingest", one, two, "--collection", "doubled", "--json", "--data", data)
    assert ran.code == 0
    assert [each["status"] for each in ran.json["documents"]] == ["ready", "duplicate"]
    assert "one.md" in ran.json["documents"][1]["reason"]["detail"]
    ran = sourcebook("ingest", odd, "--collection", "doubled", "--json", "--data", data)
    assert ran.code == 1
    assert [each["status"] for each in ran.json["documents"]] == ["unsupported"]
    assert "odd.bin" in ran.err


def test_jobs_wait_while_their_collection_is_paused(data: Path, notes: Path) -> None:
    sourcebook("ingest", notes / "travel.md", "--collection", "halted", "--data", data)
    assert sourcebook("jobs", "pause", "--collection", "halted", "--data", data).code == 0
    sourcebook("ingest", notes / "hr", "--collection", "halted", "--no-wait", "--data", data)
    (job,) = sourcebook("jobs", "list", "--collection", "halted", "--json", "--data", data).json
    assert (job["path"], job["status"], job["is_stalled"]) == ("hr/leave.md", "queued", False)
    cancelled = sourcebook("jobs", "cancel", job["id"], "--json", "--data", data)
    assert (cancelled.code, cancelled.json["status"]) == (0, "cancelled")
    assert sourcebook("jobs", "cancel", job["id"], "--data", data).code == 1
    assert sourcebook("jobs", "resume", "--collection", "halted", "--data", data).code == 0
    retried = sourcebook("jobs", "retry", job["id"], "--data", data)
    assert "1 queued again" in retried.err
    again = sourcebook("ingest", notes / "hr", "--collection", "halted", "--json", "--data", data)
    assert [each["status"] for each in again.json["documents"]] == ["ready"]
    assert sourcebook("jobs", "pause", "--collection", "nowhere", "--data", data).code == 1


def test_the_doctor_finds_nothing_in_a_healthy_folder(data: Path) -> None:
    ran = sourcebook("doctor", "--json", "--data", data)
    assert (ran.code, ran.json) == (0, {"findings": []})
    assert sourcebook("doctor", "--repair", "--data", data).out.strip() == "Nothing wrong."


def test_a_deletion_is_proved(data: Path, notes: Path) -> None:
    sourcebook("ingest", notes / "travel.md", "--collection", "proved", "--data", data)
    (gone,) = documents(data, "proved")
    sourcebook("documents", "delete", gone["id"], "--data", data)
    listed = sourcebook("documents", "deletions", "--collection", "proved", "--json", "--data", data)
    (record,) = listed.json
    assert (record["document_id"], record["path"]) == (gone["id"], "travel.md")
    assert record.keys() == {
        "document_id", "collection", "path", "requested_at", "chunks", "vectors", "blobs", "verified_at",
    }  # fmt: skip


def test_a_deleted_document_is_neither_shown_nor_listed(data: Path, notes: Path) -> None:
    sourcebook("ingest", notes, "--collection", "fading", "--data", data)
    gone, kept = (each["id"] for each in documents(data, "fading"))
    assert sourcebook("documents", "show", gone, "--json", "--data", data).json["id"] == gone
    assert sourcebook("documents", "delete", gone, "--data", data).code == 0
    assert [each["id"] for each in documents(data, "fading")] == [kept]
    ran = sourcebook("documents", "show", gone, "--json", "--data", data)
    assert ran.code == 1
    sentence(ran)


def test_collections_are_listed(data: Path) -> None:
    ran = sourcebook("collections", "list", "--json", "--data", data)
    assert ran.code == 0
    assert {each["name"]: each["documents"] for each in ran.json}["notes"] == 2


def test_an_unknown_collection_fails(data: Path) -> None:
    ran = sourcebook("search", "anything", "--collection", "nowhere", "--json", "--data", data)
    assert ran.code == 1
    assert "nowhere" in sentence(ran)


def test_a_server_that_does_not_answer_fails() -> None:
    ran = sourcebook("search", "anything", "--json", "--server", PORT_OF_NOBODY)
    assert ran.code == 1
    assert PORT_OF_NOBODY in sentence(ran)
    asked = sourcebook("ask", "anything", "--json", "--server", PORT_OF_NOBODY)
    assert asked.code == 1
    sentence(asked)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", "/nowhere/at/all", "--collection", "x"),
        ("ingest", "."),
        ("search", "x", "--mode", "magic"),
        ("search", "x", "--limit", "0"),
        ("search", " "),
        ("unheard-of",),
    ],
)
def test_wrong_usage_is_told_apart_from_failure(arguments: tuple[str, ...]) -> None:
    ran = sourcebook(*arguments)
    assert ran.code == 2
    sentence(ran)


def test_serving_other_machines_is_refused(tmp_path: Path) -> None:
    ran = sourcebook("serve", "--host", "0.0.0.0", "--port", "0", "--data", tmp_path)
    assert ran.code == 1
    assert "this machine only" in sentence(ran)


def test_a_second_server_on_the_folder_is_refused(data: Path) -> None:
    ran = sourcebook_alone("serve", "--port", "0", "--data", data)
    assert ran.code == 1
    assert "Another Sourcebook process" in sentence(ran)


@pytest.mark.slow
def test_without_a_server_a_command_opens_the_folder_itself(notes: Path, tmp_path: Path) -> None:
    ingested = sourcebook_alone(
        "ingest", notes, "--collection", "notes", "--json", "--data", tmp_path / "own"
    )
    assert ingested.code == 0, ingested.err
    found = sourcebook_alone("search", "hotel", "--json", "--data", tmp_path / "own")
    assert found.code == 0, found.err
    assert found.json["passages"][0]["title"] == "Travel"


def test_a_change_of_settings_takes_a_reindex(tmp_path: Path, notes: Path) -> None:
    data, wanted = tmp_path / "own", {"SOURCEBOOK_EMBEDDING__DIMENSION": "128"}
    assert sourcebook_alone("ingest", notes, "--collection", "notes", "--data", data).code == 0
    before = sourcebook_alone("search", "hotel", "--json", "--data", data, **wanted)
    assert before.json["passages"]  # the index that is there goes on answering
    built = sourcebook_alone("reindex", "--json", "--data", data, **wanted)
    assert built.code == 0, built.err
    assert (built.json["is_current"], built.json["building"]) == (True, None)
    assert built.json["answering"].startswith("all-minilm-l6-v2-128-")
    after = sourcebook_alone("search", "hotel", "--json", "--data", data, **wanted)
    (first, *_) = after.json["passages"]
    assert "140 euros" in first["text"]
