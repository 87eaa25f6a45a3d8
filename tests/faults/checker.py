"""Looks at what is on disk when every process is gone, and says which promise it breaks.

Written in plain SQL, apart from the code that it judges. P1 to P5: docs/promises.md.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

FINAL = {"ready", "ready_with_warnings", "failed", "unsupported", "duplicate", "cancelled"}


def broken_promises(database: str, folder: Path, points: set[str]) -> list[str]:
    """One sentence each; `points` are the ids of all vectors in the index."""
    engine = sa.create_engine(database)
    with engine.connect() as connection:

        def rows(query: str) -> list[Any]:
            return list(connection.execute(sa.text(query)).mappings())

        documents = {row["id"]: row for row in rows("select * from documents")}
        chunks = rows("select * from chunks order by document_id, version, number")
        versions = rows("select document_id, number from versions")
        deletions = {row["document_id"]: row for row in rows("select * from deletions")}
        schema = "dbos." if engine.dialect.name == "postgresql" else ""
        jobs = rows(f"select workflow_uuid, status from {schema}workflow_status")
    engine.dispose()
    return [
        *_accepted(folder, documents, deletions),
        *_ended(documents, jobs),
        *_searchable(documents, chunks, versions, points),
        *_deleted(documents, deletions),
        *_files(folder, documents),
    ]


def history(folder: Path) -> list[dict[str, Any]]:
    file = folder / "history.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _accepted(folder: Path, documents: dict[str, Any], deletions: dict[str, Any]) -> list[str]:
    return [
        f"P1: {event['path']} was accepted and is lost"
        for event in history(folder)
        if "accepted" in event and event["accepted"] not in documents.keys() | deletions.keys()
    ]


def _ended(documents: dict[str, Any], jobs: list[Any]) -> list[str]:
    open_jobs = [job["workflow_uuid"] for job in jobs if job["status"] in ("PENDING", "ENQUEUED")]
    return [
        *(
            f"P2: {row['path']} is {row['status']}"
            for row in documents.values()
            if row["status"] not in FINAL
        ),
        *(f"P2: {job} never ended" for job in open_jobs),
    ]


def _searchable(
    documents: dict[str, Any], chunks: list[Any], versions: list[Any], points: set[str]
) -> list[str]:
    """The active version of each document, whole, once, in record and index; and nothing else."""
    broken: list[str] = []
    wanted: set[str] = set()
    for row in documents.values():
        active = row["active_version"]
        own = [each for each in chunks if each["document_id"] == row["id"]]
        numbers = [each["number"] for each in own if each["version"] == active]
        wanted |= {each["point_id"] for each in own if each["version"] == active}
        if active is not None and numbers != list(range(row["chunks"])):
            broken.append(f"P5: {row['path']} has the chunks {numbers}, not {row['chunks']}")
        if any(each["version"] != active for each in own):
            broken.append(f"P3: {row['path']} keeps chunks of versions that do not answer")
        kept = [each["number"] for each in versions if each["document_id"] == row["id"]]
        if kept != ([active] if active is not None else []):
            broken.append(f"P3: {row['path']} keeps the versions {kept}; {active} answers")
        if row["status"].startswith("ready") and active != row["version"]:
            broken.append(f"P3: {row['path']} is ready, but an old version answers")
    if missing := wanted - points:
        broken.append(f"P3: {len(missing)} chunks have no vector")
    if strays := points - wanted:
        broken.append(f"P3: {len(strays)} vectors belong to nothing that answers")
    return broken


def _deleted(documents: dict[str, Any], deletions: dict[str, Any]) -> list[str]:
    return [
        f"P4: {row['path']} is deleted, but not gone"
        for row in deletions.values()
        if row["verified_at"] is None or row["document_id"] in documents
    ]


def _files(folder: Path, documents: dict[str, Any]) -> list[str]:
    """Every document's bytes, whole, and no others. Half uploads are the doctor's, an hour later."""
    broken: list[str] = []
    known = {row["sha256"] for row in documents.values()}
    there = {path.name: path for path in (folder / "blobs").glob("??/*")}
    for sha256 in known:
        if sha256 not in there:
            broken.append(f"P1: the bytes {sha256[:8]} are gone")
        elif hashlib.sha256(there[sha256].read_bytes()).hexdigest() != sha256:
            broken.append(f"P1: the bytes {sha256[:8]} are damaged")
    # An upload that nobody was told of may leave its bytes: the doctor removes them an hour later.
    return broken
