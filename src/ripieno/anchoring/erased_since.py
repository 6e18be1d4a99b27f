"""What was erased after a backup is erased again in what is put back, as far as anything knows of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from ripieno.anchoring.manifest import BackupError
from ripieno.journal.retention import Doomed
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.read_only import read_only
from ripieno.model.errors import NotFoundError, RefusedError, StoreError
from ripieno.proof.notes import Verifier
from ripieno.proof.verification import verify_export

__all__ = ["ErasedRun", "erase_again", "known_in"]

JOURNAL: Final = "journal.sqlite"
REASON: Final = "erased before, and put back from a backup that was made before that"


@dataclass(frozen=True, slots=True)
class ErasedRun:
    """That a run was erased, as a younger log says it."""

    run: str
    by: str
    lost: Sequence[tuple[str, str]]
    """Path and tool of what could not be undone any more."""


def known_in(export: Path | None, home: Path, key: Verifier) -> list[ErasedRun]:
    """Give every erasure of which a younger export, or the folder that is replaced, tells.

    Raises `BackupError` for an export that is not sound: nothing is destroyed by the word of just any file.
    """
    found = {one.run: one for one in in_folder(home)}
    if export is not None:
        found |= {one.run: one for one in in_export(export, key)}
    return list(found.values())


def in_export(export: Path, key: Verifier) -> list[ErasedRun]:
    """Give the erasures in an export."""
    try:
        with export.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            report = verify_export(lines, key)
        if not report.sound:
            msg = f"{export} is no sound export of this log: {report.findings[0]}"
            raise BackupError(msg, remedy="ripieno audit export writes one; ripieno audit verify tells more")
        with export.open("rb") as lines:
            return list(
                erasures(line["envelope"].encode() for line in map(orjson.loads, lines) if of_one(line))
            )
    except OSError as error:
        msg = f"cannot read {export}: {error.strerror}"
        raise BackupError(msg, remedy="name an export that is younger than the backup") from error


def of_one(line: Mapping[str, Any]) -> bool:
    """Tell whether a line of an export holds an erasure."""
    return line["line"] == "event" and '"run.erased"' in line["envelope"]


def in_folder(home: Path) -> list[ErasedRun]:
    """Give the erasures in a data folder; of one that cannot be read any more, none."""
    if not (home / JOURNAL).exists():
        return []
    try:
        with closing(read_only(home / JOURNAL)) as log:
            return list(
                erasures(
                    row[0] for row in log.execute("SELECT envelope FROM events WHERE kind = 'run.erased'")
                )
            )
    except (sqlite3.Error, StoreError, ValueError, KeyError):
        return []


def erasures(envelopes: Iterator[bytes]) -> Iterator[ErasedRun]:
    """Read erasures from their events."""
    for envelope in envelopes:
        event = orjson.loads(envelope)
        if event["kind"] == "run.erased":
            body = event["body"]
            lost = [(one["path"], one["tool"]) for one in body.get("undo", ())]
            yield ErasedRun(body["run"], body["by"], lost)


async def erase_again(store: SqliteStore, doomed: Sequence[ErasedRun]) -> tuple[list[str], dict[str, str]]:
    """Erase what is there, and give which runs were, and which could not be and why."""
    erased: list[str] = []
    kept: dict[str, str] = {}
    for one in doomed:
        try:
            row = await store.run(one.run)
        except NotFoundError:  # it was begun after the backup: nothing of it is here
            continue
        if store.erasure(one.run) is not None:
            continue
        try:
            await store.erase(row.tenant, [Doomed(one.run, one.lost)], by=one.by, reason=REASON)
            erased.append(one.run)
        except RefusedError as error:
            kept[one.run] = error.message
    if erased:
        await store.scrub()
    return erased, kept
