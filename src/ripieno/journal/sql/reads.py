"""Reads of what is committed."""

# ruff: noqa: S608 - only our own column names and placeholders are put into statements

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.records import (
    DrainRow,
    ModeRow,
    QuestionRow,
    QuestionState,
    RunFilter,
    RunRow,
    VersionRow,
)
from ripieno.journal.sql.database import Owners, Reader, marks
from ripieno.journal.sql.modes import modes_of
from ripieno.journal.sql.ownership import COLUMNS
from ripieno.journal.sql.tasks import ABSENCE
from ripieno.journal.store import Store
from ripieno.journal.tasks import Absence
from ripieno.model.errors import ErasedError, InputError, NotFoundError, StoreError, nearest
from ripieno.model.event import Event, Kind
from ripieno.model.ids import short
from ripieno.model.stop import EVERYTHING
from ripieno.model.value import decode

__all__ = ["OF_SYSTEM", "SqlReads", "looking_for_work", "reading_changes"]

SHORTEST_END: Final = 4
"""How many digits of an id's end one has to give."""

ID_DIGITS: Final = 32

AMBIGUOUS: Final = 4
"""How many runs an ambiguous text shows."""

QUESTION: Final = (
    "q.number, q.id, q.run, q.path, q.kind, q.role, q.content, q.asked_at, q.due_at, q.state, q.answered_by,"
    " q.answered_at, q.person, q.claimed_by, q.claimed_at, q.delegated_by, q.answered_for, q.revision,"
    " q.remind_at, q.reminded"
)


WAITING_FOR: Final = "SELECT run FROM questions WHERE state = 'open' AND kind <> 'timer' AND role = ?"

DOUBT: Final = (
    " UNION SELECT q.run FROM questions q"
    " JOIN claims c ON c.run = q.run AND q.path = c.path || '{0}' || c.attempt"
    " WHERE {1} AND c.tool = ? AND q.asked_at >= ? AND q.asked_at < ?"
)
FAILED_CALLS: Final = (
    "SELECT run FROM failed_calls WHERE tool = ? AND at >= ? AND at < ?"
    + DOUBT.format("/uncertain/", "q.state = 'open' AND q.kind = 'uncertain' AND q.kind <> 'timer'")
    + DOUBT.format("/settle/", "q.state = 'open' AND q.due_at IS NOT NULL AND q.kind = 'timer'")
)
"""Runs in which a call failed or is in doubt; also after a crash, of which the journal tells only later."""

LAST: Final = 2**62


OF_SYSTEM: Final = (
    "SELECT envelope FROM events WHERE kind = ?"
    " AND stream = (SELECT stream FROM tenants WHERE name = ?) ORDER BY seq"
)
"""Reads the events of one kind of a tenant's log."""

CHANGES: Final = (
    "kind IN ('workflow.registered', 'workflow.deployed', 'policy.kept', 'policy.deployed',"
    " 'policy.withdrawn')"
)
"""Events that say what is served and what decides; an index holds for this very condition alone."""


class SqlReads(Store):
    """The reading half of a store."""

    _reader: Reader
    _master: MasterKey
    _owners: Owners

    async def ready(self, versions: Sequence[str], limit: int) -> Sequence[str]:
        """Give runs that could go on and that this process does not own, oldest first."""
        rows = self._reader.all(
            looking_for_work(len(versions), self._owners.others),
            self._owners.token,
            *versions,
            *versions,
            limit,
        )
        return [row[0] for row in rows]

    async def run(self, run: str) -> RunRow:
        """Give a run; raises `NotFoundError`."""
        row = self._reader.one(f"SELECT {COLUMNS} FROM runs WHERE id = ?", run)
        if row is None:
            raise unknown(run)
        return RunRow(*row)

    def keyed(self, run: str, prefix: str) -> Sequence[RunRow]:
        """Give the runs of a run's workflow whose business key begins with `prefix` and its id, by key."""
        begins = f"{prefix} {run},"
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM runs WHERE (tenant, workflow) = (SELECT tenant, workflow FROM runs"
            " WHERE id = ?) AND key > ? AND key < ? ORDER BY key",
            run,
            begins,
            f"{begins}~",
        )
        return [RunRow(*row) for row in rows]

    async def find(self, tenant: str, text: str) -> RunRow:
        """Give the run with this id, business key, or end of id."""
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM runs WHERE tenant = ?"
            " AND (id = ? OR key = ? OR substr(id, CAST(? AS INTEGER)) = ?)"
            " ORDER BY id = ? DESC, id DESC LIMIT ?",
            tenant,
            text,
            text,
            ID_DIGITS + 1 - max(len(text), SHORTEST_END),
            text,
            text,
            AMBIGUOUS + 1,
        )
        if not rows:
            recent = [short(row.id) for row in await self.runs(RunFilter(tenant=tenant))]
            msg = f"no run {text!r}{nearest(text, recent)}"
            raise NotFoundError(msg, remedy="ripieno runs list shows the runs there are")
        if len(rows) > 1 and rows[0][0] != text:
            more = " and more" if len(rows) > AMBIGUOUS else ""
            msg = f"{text!r} fits several runs: {', '.join(row[0] for row in rows[:AMBIGUOUS])}{more}"
            raise InputError(msg, remedy="give the whole id")
        return RunRow(*rows[0])

    async def runs(self, wanted: RunFilter) -> Sequence[RunRow]:
        """List runs, newest first."""
        few = " || ''" if wanted.failed_tool or wanted.waiting_for else ""  # found by their ids
        conditions = [f"tenant{few} = ?"]
        values: list[Any] = [wanted.tenant]
        if wanted.statuses:
            conditions.append(f"status{few} IN ({marks(len(wanted.statuses))})")
            values.extend(wanted.statuses)
        requested = wanted.failed_tool is None
        for condition, value in (
            ("workflow = ?", wanted.workflow),
            ("key = ?", wanted.key),
            ("requested_at >= ?", wanted.since if requested else None),
            ("requested_at < ?", wanted.until if requested else None),
            ("id < ?", wanted.before),
            (f"id IN ({WAITING_FOR})", wanted.waiting_for),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if wanted.failed_tool is not None:
            conditions.append(f"id IN ({FAILED_CALLS})")
            times = (wanted.since or 0, LAST if wanted.until is None else wanted.until)
            values.extend((wanted.failed_tool, *times) * 3)
        statement = f"SELECT {COLUMNS} FROM runs WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
        return [RunRow(*row) for row in self._reader.all(statement, *values, wanted.limit)]

    def restored(self, runs: Sequence[str]) -> frozenset[str]:
        """Give which of these runs were put back; looks at them only in a log that was."""
        if self._reader.one(OF_SYSTEM, "log.restored", EVERYTHING) is None:
            return frozenset()
        rows = self._reader.all(
            f"SELECT DISTINCT lower(hex(stream)) FROM events WHERE kind = 'run.restored'"
            f" AND stream IN ({marks(len(runs))})",
            *(bytes.fromhex(run) for run in runs),
        )
        return frozenset(run for (run,) in rows)

    async def tenant_stream(self, tenant: str) -> str:
        """Give the id of a tenant's own stream; raises `NotFoundError` while nothing is recorded in it."""
        row = self._reader.one("SELECT stream FROM tenants WHERE name = ?", tenant)
        if row is None:
            msg = f"nothing is recorded of tenant {tenant!r}"
            raise NotFoundError(msg)
        return row[0].hex()

    async def events(self, run: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Give committed events of a run or tenant stream, in order."""
        rows = self._reader.all(
            "SELECT envelope FROM events WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
            stream_of(run),
            after,
            LAST if limit is None else limit,
        )
        return [self._read(run, row[0]) for row in rows]

    async def changes(self, tenant: str, *kinds: Kind) -> Sequence[Event]:
        """Give the events of a tenant's log by which what is served, or what decides, was changed."""
        rows = self._reader.all(reading_changes(len(kinds)), tenant, *kinds)
        return [self._read(*row) for row in rows]

    async def replayable(self, run: str) -> Sequence[Event]:
        """Give the events that a replay of the run would read, without taking it over."""
        row = self._reader.one("SELECT replay_after, replay_needed FROM runs WHERE id = ?", run)
        if row is None:
            raise unknown(run)
        return self._replayed(run, row[0], json.loads(row[1]))

    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value; raises `StoreError` when it is gone or damaged."""
        sealed = self.sealed(run, commitment)  # before its key, which opens what was encrypted before as well
        return self.key(run).open(bytes.fromhex(commitment), sealed)

    def sealed(self, run: str, commitment: str) -> bytes:
        """Give a value as stored, encrypted; raises `StoreError` when it is gone."""
        row = self._reader.one(
            "SELECT sealed FROM payloads WHERE stream = ? AND commitment = ?",
            stream_of(run),
            bytes.fromhex(commitment),
        )
        if row is None:
            self._refuse_erased(run)
            msg = f"value {commitment[:12]} of run {short(run)} is not in the store"
            raise StoreError(msg, remedy="the file was damaged: ripieno audit verify names the place")
        return row[0]

    def key(self, run: str) -> StreamKey:
        """Give the key of a run or tenant, for reading values and committing to new ones."""
        row = self._reader.one("SELECT wrapped FROM runs WHERE id = ?", run)
        row = row or self._reader.one("SELECT wrapped FROM tenants WHERE stream = ?", stream_of(run))
        if row is None:
            raise unknown(run)
        if not row[0]:
            self._refuse_erased(run)
        return self._master.reach(bytes.fromhex(run), row[0])

    def _refuse_erased(self, run: str) -> None:
        """Raise `ErasedError` for a run whose values were erased."""
        erasure = self.erasure(run)
        if erasure is not None:
            when = datetime.fromtimestamp(erasure.at / 1e6, UTC)
            gone = "its values are gone for good"
            tenant = self._reader.one("SELECT name FROM tenants WHERE stream = ?", stream_of(run))
            what = f"run {short(run)}" if tenant is None else f"tenant {tenant[0]}"
            msg = f"{what} was erased by {erasure.by} on {when:%Y-%m-%d}: {gone}"
            raise ErasedError(msg, remedy=f"ripieno audit log --run {short(run)} says why")

    async def question(self, number: int) -> QuestionRow:
        """Give a question by its number; raises `NotFoundError`."""
        row = self._reader.one(
            f"SELECT {QUESTION} FROM questions q WHERE number = ? AND kind <> 'timer'", number
        )
        if row is None:
            msg = f"no task t-{number}"
            raise NotFoundError(msg, remedy="ripieno inbox list shows the tasks there are")
        return QuestionRow(*row)

    async def questions(
        self, *, run: str | None = None, state: QuestionState | None = "open", tenant: str = "default"
    ) -> Sequence[QuestionRow]:
        """List questions to people, due first."""
        conditions, values = ["q.kind <> 'timer' AND q.kind <> 'child'", "r.tenant = ?"], [tenant]
        if run is not None:
            conditions.append("q.run = ?")
            values.append(run)
        if state is not None:
            conditions.append("q.state = ?")
            values.append(state)
        rows = self._reader.all(
            f"SELECT {QUESTION} FROM questions q JOIN runs r ON r.id = q.run WHERE {' AND '.join(conditions)}"
            " ORDER BY q.due_at IS NULL, q.due_at, q.number",
            *values,
        )
        return [QuestionRow(*row) for row in rows]

    async def unfolded(self) -> Sequence[str]:
        """Give the runs of this process whose inbox holds messages not yet folded."""
        rows = self._reader.all(
            "SELECT DISTINCT i.run FROM inbox i JOIN runs r ON r.id = i.run"
            " WHERE i.folded IS NULL AND r.owner = ?",
            self._owners.token,
        )
        return [row[0] for row in rows]

    def next_timer(self) -> int | None:
        """Give the time at which the next timer or reminder is due."""
        (timer,) = self._reader.one(
            "SELECT min(due_at) FROM questions WHERE state = 'open' AND due_at IS NOT NULL"
        )
        (reminder,) = self._reader.one(
            "SELECT min(remind_at) FROM questions WHERE state = 'open' AND remind_at IS NOT NULL"
        )
        (again,) = self._reader.one(
            "SELECT min(again_at) FROM runs WHERE status = 'stopped' AND again_at IS NOT NULL"
        )
        return min((at for at in (timer, reminder, again) if at is not None), default=None)

    async def absences(self, tenant: str, *, after: int) -> Sequence[Absence]:
        """Give the absences that are not over at `after`, by when they begin."""
        rows = self._reader.all(
            f"SELECT {ABSENCE} FROM absences WHERE tenant = ? AND until_at > ? ORDER BY from_at, id",
            tenant,
            after,
        )
        return [Absence(*row) for row in rows]

    async def versions(self, tenant: str, workflow: str | None = None) -> Sequence[VersionRow]:
        """List registered versions, newest first."""
        rows = self._reader.all(
            "SELECT version, tenant, workflow, source, pins, registered_at, about FROM versions"
            " WHERE tenant = ? AND (CAST(? AS TEXT) IS NULL OR workflow = ?)"
            " ORDER BY registered_at DESC, rowid DESC",
            tenant,
            workflow,
            workflow,
        )
        return [VersionRow(*row) for row in rows]

    async def drained(self, tenant: str) -> Sequence[DrainRow]:
        """List the workflows of which no new run starts."""
        rows = self._reader.all(
            "SELECT d.workflow, d.by, d.at, d.reason, t.stream FROM drains d"
            " JOIN tenants t ON t.name = d.tenant WHERE d.tenant = ? ORDER BY d.workflow",
            tenant,
        )
        return [
            DrainRow(workflow, by, at, decode(self.payload(stream.hex(), reason)))
            for workflow, by, at, reason, stream in rows
        ]

    async def modes(self, tenant: str, version: str) -> Sequence[ModeRow]:
        """Give the modes that are set for a version, by participant."""
        return modes_of(self._reader, tenant, version)

    async def compatible(self, tenant: str, old: str) -> Sequence[str]:
        """Give the versions declared able to serve runs of `old`."""
        rows = self._reader.all("SELECT new FROM compatible WHERE tenant = ? AND old = ?", tenant, old)
        return [row[0] for row in rows]

    def _replayed(self, run: str, after: int, needed: Sequence[int]) -> list[Event]:
        stream = stream_of(run)
        early: list[Any] = []
        for seq in needed:
            early.extend(
                self._reader.all("SELECT envelope FROM events WHERE stream = ? AND seq = ?", stream, seq)
            )
        late = self._reader.all(
            "SELECT envelope FROM events WHERE stream = ? AND seq > ? ORDER BY seq", stream, after
        )
        return [self._read(run, row[0]) for row in (*early, *late)]

    @staticmethod
    def _read(run: str, envelope: bytes) -> Event:
        try:
            return Event.read(envelope)
        except ValueError as error:
            msg = f"an event of run {short(run)} is damaged: {error}"
            raise StoreError(msg, remedy="ripieno audit verify names the place") from error


def looking_for_work(versions: int, others: str = "owner <> ?") -> str:
    """Give the statement that finds runs which could go on, where so many versions are served.

    `others`: what is so of the owner of a run that may be taken over, where our token is the value.
    """
    served = marks(versions)
    return (
        f"SELECT id FROM runs WHERE status = 'running' AND (owner IS NULL OR {others})"
        " UNION ALL SELECT id FROM runs WHERE status = 'waiting' AND wanted > seen"
        " UNION ALL SELECT id FROM runs WHERE status = 'stopped' AND wanted > seen"
        " UNION ALL SELECT id FROM runs AS unserved WHERE status = 'needs_version'"
        f" AND (version IN ({served}) OR EXISTS (SELECT 1 FROM compatible"
        f" WHERE tenant = unserved.tenant AND old = unserved.version AND new IN ({served})))"
        " ORDER BY id LIMIT ?"
    )


def reading_changes(kinds: int) -> str:
    """Give the statement that reads the events of so many kinds of `CHANGES` in a tenant's log."""
    return (
        "SELECT lower(hex(stream)), envelope FROM events"
        f" WHERE stream = (SELECT stream FROM tenants WHERE name = ?) AND {CHANGES}"
        f" AND kind IN ({marks(kinds)}) ORDER BY seq"
    )


def stream_of(run: str) -> bytes:
    """Give a stream's id as the events hold it; raises `NotFoundError` for what is no id."""
    try:
        return bytes.fromhex(run)
    except ValueError as error:
        raise unknown(run) from error


def unknown(run: str) -> NotFoundError:
    """Give the error for a run that is not there."""
    return NotFoundError(f"no run {run!r}", remedy="ripieno runs list shows the runs there are")
