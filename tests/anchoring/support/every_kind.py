"""A log that holds every kind of event, as it would come about: each with the rows that go with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from tests.journal.support.signed import sign
from tests.journal.support.writing import AT, answer, ask, keep, owned, step, write
from tests.journal.test_decided_rows import decide

from ripieno.journal.documents import NewDocument, NewPassage
from ripieno.journal.master_file import draw, put
from ripieno.journal.masters import MasterRow
from ripieno.journal.memory import MemoryChange, MemoryRow, Space
from ripieno.journal.records import (
    CallChange,
    ClaimChange,
    Draft,
    EndChange,
    Lease,
    Message,
    SegmentChange,
)
from ripieno.journal.retention import Doomed, RetentionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.store import STORAGE_REGION
from ripieno.model.event import KINDS, Json, Kind
from ripieno.model.ids import new_id

__all__ = ["KEPT", "write_every_kind"]

KEPT = "a value that stands beside the log"

WITHOUT_ROWS: Mapping[Kind, Mapping[str, Json]] = {
    "scope": {"inputs": {}, "status": "complete"},
    "imported": {"from": "0" * 32, "seq": 3},
    "proposed": {"tool": "pay", "effect": "write"},
    "denied": {"tool": "pay", "policies": ["no"]},
    "checked": {"verdict": "pass"},
    "undo": {"under": ["nothing@1"], "plan": []},
    "choice": {"what": "winner", "chosen": "a"},
    "moment": {"now": AT},
    "spent": {"amounts": {"tokens": 3}},
    "operation": {"what": "pause", "runs": [], "by": "person:ada"},
    "act.denied": {"act": "run.cancel", "by": "person:eve"},
    "emergency": {"by": "person:ada", "role": "on-call"},
    "login.refused": {"credential": "key", "problem": "unknown"},
    "data.read": {"by": "person:ada", "runs": [], "labels": ["phi"]},
    "budget.alert": {"team": "", "month": "2027-01", "part": 50},
    "breaker.opened": {"target": "openai:gpt-5", "failure": "overloaded", "until": AT, "failures": 5},
    "breaker.half_opened": {"target": "openai:gpt-5", "failure": "overloaded"},
    "breaker.closed": {"target": "openai:gpt-5"},
    "sink.failed": {"sink": "file:/x", "number": None, "problem": "gone"},
    "sink.restored": {"sink": "file:/x", "number": 3},
    "master.moved": {"to": "file", "by": "person:ada"},
    "checkpoint.refused": {"problem": "put back"},
    "log.restored": {"restore": "r", "statement": "not signed", "by": "person:ada"},
    "log.lost": {"restore": "r"},
}
"""Kinds that tables have nothing of, each with a body as it might have."""

OF_RUNS: frozenset[Kind] = frozenset(
    {"scope", "imported", "proposed", "denied", "checked", "undo", "choice", "moment", "spent"}
)


REMEMBERED = MemoryRow(
    *("default", "", "", "notes", "flow/nurse", "patient.id", "0" * 32, "nurse@1/tool/1", "1" * 64),
    *("2" * 64, AT, AT + 9, None, "person:ada"),
    call="key",
)


async def write_every_kind(home: Path) -> list[str]:
    """Write the log, sign it at 10 events and at its end, and give both notes."""
    await decide(home)
    store = SqliteStore(home)
    with patch.dict(os.environ, {STORAGE_REGION: "here"}):
        await store.open()
    try:
        await of_runs(store)
        await of_memory(store)
        await of_retention(store)
        await of_master_keys(store, home)
        await store.set_budget("default", "", 5, hard=True, by="person:ada", at=AT)
        await store.set_budget("default", "ward", 5, hard=False, by="person:ada", at=AT)
        await store.clear_budget("default", "ward", by="person:ada")
        for kind, body in WITHOUT_ROWS.items():
            if kind not in OF_RUNS:
                await store.record("default", kind, body, reason=KEPT)
        for kind in sorted(KINDS - written(home)):  # one that came later, and that no table has rows of
            await store.record("default", kind, {"by": "person:ada", "what": [kind, 1]}, reason=KEPT)
    finally:
        await store.close()
    assert written(home) == KINDS
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return sign(home, [10, events], sinks=["file:/elsewhere"])


def written(home: Path) -> set[Kind]:
    """Give the kinds of events that a log holds."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return {row[0] for row in connection.execute("SELECT DISTINCT kind FROM events")}


async def of_runs(store: SqliteStore) -> None:
    lease = await owned(store)
    inputs = {"input": keep(lease, "input")[0].hex()}
    await write(
        store,
        step(lease, "first@1", output={"found": [1, 2]}, body={"inputs": inputs}),
        *(step(lease, f"{kind}@1", kind=kind, body=WITHOUT_ROWS[kind]) for kind in sorted(OF_RUNS)),
        step(lease, "run@1", kind="run.forked", body={"from": None, "at": 3}),
        step(lease, "run@1", kind="run.migrated", body={"from": "v1", "to": "v1", "by": "person:ada"}),
        step(lease, "run@1", kind="run.restored", body={"restore": "r", "since": AT, "by": "person:ada"}),
        claim(lease, "book@1/tool/1"),
        step(lease, "book@1/tool/1", kind="result", body={"attempt": 1, "status": "done"}, output="booked"),
        claim(lease, "pay@1/tool/1"),
        failed(lease, "pay@1/tool/1"),
        segment(lease, SegmentChange(4, (1,))),
    )
    question = await ask(store, lease)
    await store.move(replace(answer(lease.run, question), kind="comment", id=new_id()))
    said = keep(lease, {"value": True})
    await store.send(answer(lease.run, question, content=said[0].hex()), [said], closes="answered")
    await store.send(Message(new_id(), lease.run, "pause", "person:ada", AT, None, "", None))
    await store.fold(lease)
    output = keep(lease, KEPT)
    body: dict[str, Json] = {"outcome": {"status": "complete", "output": output[0].hex()}}
    await write(store, Draft(lease, AT + 1, "run.ended", "", body, (output,), EndChange("complete")))
    waiting = await owned(store)
    await ask(store, waiting)
    await store.park(waiting, 0)
    await store.send(answer(waiting.run, kind="pause"))


async def of_memory(store: SqliteStore) -> None:
    """Remember three things, one in place of another, and forget one."""
    for name, replaces in (("a", None), ("b", None), ("c", "a")):
        await store.remember(replace(REMEMBERED, id=name, replaces=replaces), Space("notes", "p1"))
    for source in ("a.md", "b.md"):
        passage = NewPassage(b"what it says in " + source.encode(), {"what": 1, "says": 2})
        new = NewDocument("default", "handbook", source, source.encode(), b"d" * 32, [passage])
        assert await store.add_document(new, "person:ada")
    [gone, _] = [one.document for one in store.documents("default")]
    await store.remove_documents("default", "handbook", [gone], by="person:ada", reason=KEPT)
    await store.change_memories("default", [MemoryChange("b", "forgotten", "person:ada", "cli", KEPT)])


async def of_retention(store: SqliteStore) -> None:
    """Erase a run, hold another, and say how long two classes of data are kept."""
    gone = await owned(store)
    output = keep(gone, "what is erased")
    body: dict[str, Json] = {"outcome": {"status": "complete", "output": output[0].hex()}}
    await write(store, Draft(gone, AT + 1, "run.ended", "", body, (output,), EndChange("complete")))
    await store.remember(replace(REMEMBERED, id="d", run=gone.run), Space("notes"))
    doomed = Doomed(gone.run, [("pay@1/tool/1", "pay")])
    await store.erase("default", [doomed], by="person:ada", reason=KEPT)
    for what in ("a", "b"):
        await store.hold("default", "key", what, by="person:ada", reason=KEPT)
        row = RetentionRow(what, 7, None, "person:ada")
        await store.set_retention("default", row, KEPT)
    for tenant in ("default", "gone"):
        await store.pin(tenant, "here", by="person:ada", reason=KEPT)
    await store.unpin("gone", by="person:ada", reason=KEPT)
    await store.unhold("default", "key", "a", by="person:ada", reason=KEPT)
    await store.clear_retention("default", "a", by="person:ada", reason=KEPT)
    await store.record("gone", "operation", {"what": "pause"}, reason="what is erased")
    await store.delete_tenant("gone", by="person:ada", reason=KEPT)


async def of_master_keys(store: SqliteStore, home: Path) -> None:
    """Let another master key take the place of the one there is."""
    before, file = await store.renew_master(), home / "master.key"
    name, data = draw(None)
    put(file, {before: file.read_bytes(), name.hex(): data})
    row = MasterRow(name.hex(), 2, before, "rewrapping", "person:ada")
    body: dict[str, Json] = {"id": row.id, "generation": 2, "from": before, "by": "person:ada"}
    await store.begin_rotation(row, {**body, "state": row.state}, KEPT)
    assert not (await store.rewrap_runs("", 100)).broken
    assert not (await store.rewrap_tenants("", 100, body, KEPT)).broken
    put(file, {row.id: data})
    await store.end_rotation(row, body)


def segment(lease: Lease, change: SegmentChange) -> Draft:
    body: dict[str, Json] = {"round": 1}
    body["replay"] = change.document()
    return step(lease, "loop@1", kind="segment", body=body, change=change)


def claim(lease: Lease, path: str) -> Draft:
    body: dict[str, Json] = {"attempt": 1, "tool": "book"}
    return step(lease, path, kind="intent", body=body, output="arguments", change=ClaimChange(1, "book"))


def failed(lease: Lease, path: str) -> Draft:
    body: dict[str, Json] = {"attempt": 1, "status": "failed"}
    return step(lease, path, kind="result", body=body, change=CallChange("book", "failed"))
