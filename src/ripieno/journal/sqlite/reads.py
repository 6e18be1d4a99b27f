"""Reads of what is committed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.records import QuestionRow, QuestionState, RunFilter, RunRow, VersionRow
from ripieno.journal.sqlite.ownership import COLUMNS, read_row
from ripieno.journal.sqlite.owners import Owners
from ripieno.journal.store import Store
from ripieno.model.errors import InputError, NotFoundError, StoreError, nearest
from ripieno.model.event import Event

__all__ = ["SqliteReads"]

QUESTION = (
    "q.number, q.id, q.run, q.path, q.kind, q.role, q.content, q.asked_at, q.due_at, q.state, q.answered_by,"
    " q.answered_at"
)


class SqliteReads(Store):
    """The reading half of the embedded store."""

    path: Path
    _reader: sqlite3.Connection
    _master: MasterKey
    _owners: Owners

    async def ready(self, versions: Sequence[str], limit: int) -> Sequence[str]:
        """Give runs that could go on and that this process does not own, oldest first."""
        marks = ", ".join("?" * len(versions))
        rows = self._reader.execute(
            "SELECT id FROM runs WHERE status = 'running' AND owner IS NOT ?"
            " UNION ALL SELECT id FROM runs WHERE status = 'waiting' AND wanted > seen"
            f" UNION ALL SELECT id FROM runs WHERE status = 'needs_version' AND version IN ({marks})"
            " ORDER BY id LIMIT ?",
            (self._owners.token, *versions, limit),
        ).fetchall()
        return [row[0] for row in rows]

    async def run(self, run: str) -> RunRow:
        """Give a run; raises `NotFoundError`."""
        return read_row(self._reader, run)

    async def find(self, tenant: str, text: str) -> RunRow:
        """Give the run with this id, end of id or business key."""
        rows = self._reader.execute(
            f"SELECT {COLUMNS} FROM runs WHERE tenant = ? AND (id = ? OR key = ? OR substr(id, -?) = ?)"
            " ORDER BY id DESC LIMIT 5",
            (tenant, text, text, max(len(text), 4), text),
        ).fetchall()
        if not rows:
            recent = [row.id[-6:] for row in await self.runs(RunFilter(tenant=tenant))]
            msg = f"no run {text!r}{nearest(text, recent)}"
            raise NotFoundError(msg, remedy="ripieno runs list shows the runs there are")
        if len(rows) > 1:
            msg = f"{text!r} fits {len(rows)} runs: {', '.join(row[0] for row in rows)}"
            raise InputError(msg, remedy="give the whole id")
        return RunRow(*rows[0])

    async def runs(self, wanted: RunFilter) -> Sequence[RunRow]:
        """List runs, newest first."""
        conditions, values = ["tenant = ?"], [wanted.tenant]
        arguments: list[Any] = values
        if wanted.statuses:
            conditions.append(f"status IN ({', '.join('?' * len(wanted.statuses))})")
            arguments.extend(wanted.statuses)
        for condition, value in (
            ("workflow = ?", wanted.workflow),
            ("key = ?", wanted.key),
            ("requested_at >= ?", wanted.since),
            ("requested_at < ?", wanted.until),
            ("id < ?", wanted.before),
        ):
            if value is not None:
                conditions.append(condition)
                arguments.append(value)
        rows = self._reader.execute(
            f"SELECT {COLUMNS} FROM runs WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?",
            (*arguments, wanted.limit),
        ).fetchall()
        return [RunRow(*row) for row in rows]

    async def events(self, run: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Give committed events of a run or tenant stream, in order."""
        rows = self._reader.execute(
            "SELECT envelope FROM events WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
            (bytes.fromhex(run), after, -1 if limit is None else limit),
        ).fetchall()
        return [self._read(run, row[0]) for row in rows]

    async def replayable(self, run: str) -> Sequence[Event]:
        """Give the events that a replay of the run would read, without taking it over."""
        row = self._reader.execute("SELECT replay_after, replay_needed FROM runs WHERE id = ?", (run,)).fetchone()
        return self._replayed(run, row[0], json.loads(row[1]))

    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value; raises `StoreError` when it is gone or damaged."""
        return self.key(run).open(bytes.fromhex(commitment), self.sealed(run, commitment))

    def sealed(self, run: str, commitment: str) -> bytes:
        """Give a value as stored, encrypted; raises `StoreError` when it is gone."""
        stream, raw = bytes.fromhex(run), bytes.fromhex(commitment)
        row = self._reader.execute(
            "SELECT sealed FROM payloads WHERE stream = ? AND commitment = ?", (stream, raw)
        ).fetchone()
        if row is None:
            msg = f"value {commitment[:12]} of run {run[-6:]} is not in the store"
            raise StoreError(msg, remedy="it was erased, or the file was damaged: ripieno audit verify tells")
        return row[0]

    def key(self, run: str) -> StreamKey:
        """Give the key of a run, for reading values and committing to new ones."""
        row = self._reader.execute("SELECT wrapped FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            msg = f"no run {run!r}"
            raise NotFoundError(msg)
        return self._master.unwrap(bytes.fromhex(run), row[0])

    async def question(self, number: int) -> QuestionRow:
        """Give a question by its number; raises `NotFoundError`."""
        row = self._reader.execute(f"SELECT {QUESTION} FROM questions q WHERE number = ?", (number,)).fetchone()
        if row is None or row[4] == "timer":
            msg = f"no task t-{number}"
            raise NotFoundError(msg, remedy="ripieno inbox list shows the tasks there are")
        return QuestionRow(*row)

    async def questions(
        self, *, run: str | None = None, state: QuestionState | None = "open", tenant: str = "default"
    ) -> Sequence[QuestionRow]:
        """List questions to people, due first."""
        conditions, arguments = ["q.kind <> 'timer'", "r.tenant = ?"], [tenant]
        if run is not None:
            conditions.append("q.run = ?")
            arguments.append(run)
        if state is not None:
            conditions.append("q.state = ?")
            arguments.append(state)
        rows = self._reader.execute(
            f"SELECT {QUESTION} FROM questions q JOIN runs r ON r.id = q.run WHERE {' AND '.join(conditions)}"
            " ORDER BY q.due_at IS NULL, q.due_at, q.number",
            arguments,
        ).fetchall()
        return [QuestionRow(*row) for row in rows]

    async def unfolded(self) -> Sequence[str]:
        """Give the runs of this process whose inbox holds messages not yet folded."""
        rows = self._reader.execute(
            "SELECT DISTINCT i.run FROM inbox i JOIN runs r ON r.id = i.run WHERE i.folded IS NULL AND r.owner = ?",
            (self._owners.token,),
        ).fetchall()
        return [row[0] for row in rows]

    def next_timer(self) -> int | None:
        """Give the time at which the next timer is due."""
        row = self._reader.execute(
            "SELECT min(due_at) FROM questions WHERE state = 'open' AND due_at IS NOT NULL"
        ).fetchone()
        return row[0]

    async def versions(self, tenant: str, workflow: str | None = None) -> Sequence[VersionRow]:
        """List registered versions, newest first."""
        rows = self._reader.execute(
            "SELECT version, tenant, workflow, source, pins, registered_at FROM versions"
            " WHERE tenant = ? AND (? IS NULL OR workflow = ?) ORDER BY registered_at DESC",
            (tenant, workflow, workflow),
        ).fetchall()
        return [VersionRow(*row) for row in rows]

    async def compatible(self, tenant: str, old: str) -> Sequence[str]:
        """Give the versions declared able to serve runs of `old`."""
        rows = self._reader.execute("SELECT new FROM compatible WHERE tenant = ? AND old = ?", (tenant, old))
        return [row[0] for row in rows]

    def _replayed(self, run: str, after: int, needed: Sequence[int]) -> list[Event]:
        stream = bytes.fromhex(run)
        early: list[Any] = []
        for seq in needed:
            early.extend(
                self._reader.execute(
                    "SELECT envelope FROM events WHERE stream = ? AND seq = ?", (stream, seq)
                ).fetchall()
            )
        late = self._reader.execute(
            "SELECT envelope FROM events WHERE stream = ? AND seq > ? ORDER BY seq", (stream, after)
        ).fetchall()
        return [self._read(run, row[0]) for row in (*early, *late)]

    @staticmethod
    def _read(run: str, envelope: bytes) -> Event:
        try:
            return Event.read(envelope)
        except (ValueError, TypeError) as error:
            msg = f"an event of run {run[-6:]} is damaged: {error}"
            raise StoreError(msg, remedy="ripieno audit verify names the place") from error
