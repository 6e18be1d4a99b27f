"""A small log with every kind of place that can be damaged, and ways to damage a copy of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journal.support.writing import AT, answer, ask, begin, keep, owned, step, write

from ripieno.journal.records import ClaimChange, Draft, EndChange, Lease, SegmentChange, VersionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.store import Store
from ripieno.journal.verify import Report, verify
from ripieno.model.event import Json
from ripieno.model.ids import short

__all__ = ["Sample", "verified", "write_sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A log on disk that no process has open."""

    home: Path
    ended: str
    """A run that has ended, with 9 events."""
    waiting: str
    """A run that waits, with 2 events."""
    tenant: str
    """The stream of tenant `default`, with 2 events."""

    def damaged(self, folder: Path, *statements: tuple[str, *tuple[Any, ...]]) -> Path:
        """Give a copy on which statements were executed."""
        shutil.copytree(self.home, folder, dirs_exist_ok=True)
        with closing(sqlite3.connect(folder / "journal.sqlite")) as connection:
            for statement, *values in statements:
                connection.execute(statement, values)
            connection.commit()
        return folder

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Read from the undamaged log."""
        with closing(sqlite3.connect(self.home / "journal.sqlite")) as connection:
            return connection.execute(statement, values).fetchall()

    def envelope(self, stream: str, seq: int) -> bytes:
        """Give one event as stored."""
        rows = self.rows(
            "SELECT envelope FROM events WHERE stream = ? AND seq = ?", bytes.fromhex(stream), seq
        )
        return rows[0][0]

    def place(self, seq: int | None = None) -> str:
        """Give what a finding calls the ended run, or one of its events."""
        name = f"run {short(self.ended)}"
        return name if seq is None else f"{name}, event {seq}"


async def write_sample(home: Path) -> Sample:
    """Write the log and close it."""
    store = SqliteStore(home)
    await store.open()
    try:
        await store.register(VersionRow("v1", "default", "flow", "module:flow", "{}", AT), "person:ada")
        ended = await owned(store)
        await live(store, ended)
        waiting = await owned(store)
        await ask(store, waiting)
        await store.park(waiting, 0)
        await begin(store, tenant="another", own=False)
        return Sample(home, ended.run, waiting.run, await store.tenant_stream("default"))
    finally:
        await store.close()


async def live(store: Store, lease: Lease) -> None:
    """Let a run do one of everything, and end."""
    inputs = {"input": keep(lease, "input")[0].hex()}
    claim = ClaimChange(1)
    mark: dict[str, Json] = {"round": 1, "offered": ["a"]}
    await write(
        store,
        step(lease, "first@1", output={"found": [1, 2]}, body={"inputs": inputs}),
        step(lease, "book@1/tool/1", kind="intent", body={"attempt": 1}, output="arguments", change=claim),
        step(lease, "book@1/tool/1", kind="result", body={"attempt": 1}, output="booked"),
        step(
            lease,
            "loop@1",
            kind="segment",
            body=mark,
            change=SegmentChange(4, (1,)),
        ),
    )
    question = await ask(store, lease)
    said = keep(lease, {"value": True})
    await store.send(answer(lease.run, question, content=said[0].hex()), [said], closes="answered")
    await store.fold(lease)
    await write(store, step(lease, "last@1", output={"found": [1, 2]}))
    output = keep(lease, "the end")
    body = {"outcome": {"status": "complete", "output": output[0].hex()}}
    await write(store, Draft(lease, AT + 1, "run.ended", "", body, (output,), EndChange("complete")))


def verified(home: Path) -> Report:
    """Verify a log as an auditor does."""
    with SqliteAudit(home) as audit:
        return verify(audit)
