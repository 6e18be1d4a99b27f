"""What was erased, deleted and held after a backup is done again in what is put back, as far as is known.

A sink that keeps checkpoints keeps this, too; a younger export tells it, and so does the folder that is
replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from ripieno.anchoring.duties import KINDS, Duties, Duty, duty_of
from ripieno.anchoring.manifest import BackupError
from ripieno.anchoring.sink import RememberingSink, Sink, SinkError, size_of
from ripieno.journal.memory import MemoryChange, MemoryState
from ripieno.journal.retention import Doomed, Holdable
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.read_only import read_only
from ripieno.kernel.clock import Clock
from ripieno.kernel.conclusion import conclude
from ripieno.model.errors import NotFoundError, RefusedError, StoreError
from ripieno.proof.notes import NoteError, Signer, Verifier
from ripieno.proof.verification import verify_export

__all__ = ["Known", "Repeated", "known_in", "remembered_by", "repeat"]

JOURNAL: Final = "journal.sqlite"
REASON: Final = "done before, and put back from a backup that was made before that"
OVER: Final = "it had ended and was erased after the backup"
AT_ONCE: Final = 100
"""So many runs of a tenant that was deleted are erased before the next are looked for."""

BEHIND: Final = 2**40
"""Added to the place of what has no leaf yet: it comes after all that has one."""


@dataclass(slots=True)
class Known:
    """What others tell of the time after a backup."""

    duties: set[Duty] = field(default_factory=set[Duty])
    told_by: set[str] = field(default_factory=set[str])
    """Who was asked and would know: empty where nobody does."""

    def since(self, size: int) -> list[Duty]:
        """Give in their order what has to be done in a log of this size.

        But for what is erased for good, only what came later.
        """
        always = ("run.erased", "deletion")
        return sorted(
            (one for one in self.duties if one.kind in always or one.leaf >= size),
            key=lambda one: (one.leaf, one.name),
        )


@dataclass(slots=True)
class Repeated:
    """What was done again."""

    erased: list[str] = field(default_factory=list[str])
    """Runs."""
    deleted: list[str] = field(default_factory=list[str])
    """Tenants."""
    holds: int = 0
    """How many were set or released."""
    forgotten: int = 0
    """How many things that were remembered are not any more, or are again."""
    removed: int = 0
    """How many documents."""
    kept: dict[str, str] = field(default_factory=dict[str, str])
    """What could not be done, by run or tenant, and why."""


# -- who tells it ----------------------------------------------------------------------------------------


def remembered_by(sinks: Sequence[Sink], signer: Signer, size: int, *, unchecked: bool) -> Known:
    """Give what sinks remember of the time after a log was of this size.

    Raises `BackupError` for one that cannot be asked, or where something of it is missing; `unchecked`: goes
    on with what there is.
    """
    known = Known()
    for sink in sinks:
        if not isinstance(sink, RememberingSink):
            continue
        try:
            found = [one for note in notes_in(sink, size) for one in opened(note, signer, sink)]
            check_whole(found, size, sink)
        except SinkError as error:
            if unchecked:
                continue
            msg = f"what was erased after the backup cannot be told: {error.message}"
            remedy = "see to it, or go on with --unchecked: what was erased may come back then"
            raise BackupError(msg, remedy=remedy) from error
        known.duties.update(duty for one in found for duty in one.held)
        known.told_by.add(sink.name)
    return known


def notes_in(sink: RememberingSink, size: int) -> Iterator[str]:
    """Give the notes of a sink that reach beyond a size, the smallest first."""
    for name in sink.told():
        if size_of(name) > size:
            yield sink.remembered(name)


def opened(note: str, signer: Signer, sink: Sink) -> Iterator[Duties]:
    """Read a note; raises `SinkError` for one that says nothing for sure."""
    try:
        yield Duties.opened(note, signer)
    except NoteError as error:
        msg = f"{sink.name}: something beside its checkpoints is none of this log: {error}"
        raise SinkError(msg) from error


def check_whole(found: Sequence[Duties], size: int, sink: Sink) -> None:
    """Raise `SinkError` where a stretch of the log lies between two notes: one was taken away."""
    reached = size
    for one in found:
        if one.after > reached:
            msg = f"{sink.name}: what it kept of events {reached + 1:,} to {one.after:,} is gone"
            raise SinkError(msg)
        reached = max(reached, one.upto)


def known_in(export: Path | None, home: Path, key: Verifier) -> Known:
    """Give everything of which a younger export, or the folder that is replaced, tells.

    Raises `BackupError` for an export that is not sound: nothing is destroyed by the word of just any file.
    """
    known = Known()
    found = in_folder(home)
    if found is not None:
        known.duties.update(found)
        known.told_by.add("the folder that is replaced")
    if export is not None:
        known.duties.update(in_export(export, key))
        known.told_by.add(f"{export}")
    return known


def in_export(export: Path, key: Verifier) -> list[Duty]:
    """Give what an export tells."""
    try:
        with export.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            report = verify_export(lines, key)
        if not report.sound:
            msg = f"{export} is no sound export of this log: {report.findings[0]}"
            raise BackupError(msg, remedy="ripieno audit export writes one; ripieno audit verify tells more")
        with export.open("rb") as lines:
            return list(of_lines(map(orjson.loads, lines)))
    except OSError as error:
        msg = f"cannot read {export}: {error.strerror}"
        raise BackupError(msg, remedy="name an export that is younger than the backup") from error


def of_lines(lines: Iterable[Mapping[str, Any]]) -> Iterator[Duty]:
    """Read it from the lines of an export, which was verified."""
    tenants: dict[str, str] = {}
    for number, line in enumerate(lines):
        if line["line"] == "stream":
            tenants[line["id"]] = str(line["name"]).removeprefix("tenant ")
        elif line["line"] == "event" and any(f'"{kind}"' in line["envelope"] for kind in KINDS):
            event = orjson.loads(line["envelope"])
            leaf = number + BEHIND if line["leaf"] is None else line["leaf"]
            found = duty_of(leaf, event["kind"], tenants.get(event["stream"]), event["body"])
            if found is not None:
                yield found


def in_folder(home: Path) -> list[Duty] | None:
    """Give what a data folder tells; None for one that cannot be read any more, or is none."""
    if not (home / JOURNAL).exists():
        return None
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    try:
        with closing(read_only(home / JOURNAL)) as log:
            rows = log.execute(
                "SELECT coalesce(l.leaf, e.position + ?), e.kind, t.name, e.envelope FROM events e"  # noqa: S608 - ours
                " LEFT JOIN leaves l ON l.position = e.position LEFT JOIN tenants t ON t.stream = e.stream"
                f" WHERE e.kind IN ({kinds}) ORDER BY e.position",
                (BEHIND,),
            )
            found = [duty_of(row[0], row[1], row[2], orjson.loads(row[3])["body"]) for row in rows]
            return [one for one in found if one is not None]
    except (sqlite3.Error, StoreError, ValueError, KeyError):
        return None


# -- doing it again ----------------------------------------------------------------------------------------


async def repeat(store: SqliteStore, clock: Clock, duties: Sequence[Duty]) -> Repeated:
    """Do it in the order in which it was done; of what began after the backup nothing is here."""
    done = Repeated()
    for one in duties:
        try:
            match one.kind:
                case "run.erased":
                    await erase(store, clock, one, done)
                case "deletion":
                    await delete(store, clock, one, done)
                case "hold.set":
                    done.holds += await store.hold(
                        one.tenant, holdable(one.what), one.name, by=one.by, reason=REASON
                    )
                case "hold.released":
                    done.holds += await store.unhold(
                        one.tenant, holdable(one.what), one.name, by=one.by, reason=REASON
                    )
                case "memory.changed":
                    done.forgotten += await change(store, one)
                case "document.removed":
                    done.removed += await store.remove_documents(
                        one.tenant, one.what, [one.name], by=one.by, reason=REASON
                    )
        except RefusedError as error:
            done.kept[one.name] = error.message
    if done.erased or done.deleted:
        await store.scrub()
    return done


async def change(store: SqliteStore, one: Duty) -> int:
    """Let something be recalled no more, or again; what was remembered after the backup is not here."""
    if one.what == "erased" or store.memory(one.tenant, one.name) is None:
        return 0
    state: MemoryState = one.what  # pyright: ignore[reportAssignmentType] - as the store has written it
    again = MemoryChange(one.name, state, one.by, one.by, REASON)
    return len(await store.change_memories(one.tenant, [again]))


def holdable(what: str) -> Holdable:
    """Give what is held as a store takes it; it comes from an event, or from a note that the log signed."""
    return what  # pyright: ignore[reportReturnType] - as the store has written it


async def erase(store: SqliteStore, clock: Clock, one: Duty, done: Repeated) -> None:
    """Erase a run; one that had not ended yet is ended first: it did end, and nobody knows how."""
    try:
        row = await store.run(one.name)
    except NotFoundError:
        return
    if store.erasure(one.name) is not None:
        return
    if not row.ended:
        await conclude(store, clock, row, OVER, known_over=True)
    await store.erase(row.tenant, [Doomed(one.name, one.lost)], by=one.by, reason=REASON)
    done.erased.append(one.name)


async def delete(store: SqliteStore, clock: Clock, one: Duty, done: Repeated) -> None:
    """Delete a tenant with all that it has."""
    try:
        stream = await store.tenant_stream(one.name)
    except NotFoundError:
        return
    if store.erasure(stream) is not None:
        return
    while runs := store.unerased(one.name, AT_ONCE):
        for run in runs:
            await erase(store, clock, Duty(0, "run.erased", one.name, one.by, run), done)
    await store.delete_tenant(one.name, by=one.by, reason=REASON)
    done.deleted.append(one.name)
