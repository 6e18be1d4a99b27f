"""What is written into a log that was put back from a backup: which runs it concerns, and what is lost.

All of it happens in a folder that nothing serves yet.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from ripieno.journal.records import ENDED, Draft, Message
from ripieno.journal.sql import ownership, tasks, tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sqlite.store import SqliteStore
from ripieno.model.event import Json
from ripieno.model.ids import new_id
from ripieno.model.stop import EVERYTHING
from ripieno.model.value import encode
from ripieno.proof.restores import Restore

__all__ = ["RestoringStore"]

PORTION: Final = 200
"""How many runs, or lost events, one commit takes up."""

BY: Final = "system:restore"


class RestoringStore(SqliteStore):
    """A store that can say of its log that it was put back; a process of its own has it alone."""

    async def mark(self, restore: Restore, by: str) -> Sequence[str]:
        """Write into each run that had not ended that it was put back, under a new epoch; give these runs.

        Each task in them that waits gets a remark: an answer that came after the backup is lost.
        """
        marked: list[str] = []
        while True:
            after = marked[-1] if marked else ""
            portion = functools.partial(self._portion, restore=restore, by=by, after=after)
            found = await self._writer.perform(portion)
            if not found:
                return marked
            marked += found

    def _portion(self, batch: Batch, *, restore: Restore, by: str, after: str) -> list[str]:
        statuses = ", ".join(f"'{status}'" for status in sorted(ENDED))
        rows = batch.connection.execute(
            f"SELECT id FROM runs WHERE id > ? AND status NOT IN ({statuses}) ORDER BY id LIMIT ?",  # noqa: S608 - ours
            (after, PORTION),
        ).fetchall()
        for (run,) in rows:
            self._mark(batch, restore, by, run)
        return [run for (run,) in rows]

    def _mark(self, batch: Batch, restore: Restore, by: str, run: str) -> None:
        taken = ownership.acquire(batch, run, self._owners, self._master)
        assert taken is not None, "nobody else has what was just put here"
        body: dict[str, Json] = {"restore": restore.id, "since": restore.made_at, "by": by}
        batch.append(Draft(taken.lease, restore.at, "run.restored", "", body))
        ownership.release(batch, taken.lease, taken.row.status, taken.row.detail)

    async def remark(self, restore: Restore, text: str) -> int:
        """Add a remark to every task that waits, and tell how many there are."""
        done = 0
        after = 0
        while True:
            rows = self._reader.all(
                "SELECT number, id, run, path FROM questions WHERE state = 'open' AND number > ?"
                " ORDER BY number LIMIT ?",
                after,
                PORTION,
            )
            if not rows:
                return done
            portion = functools.partial(self._remarks, rows=rows, restore=restore, text=text)
            await self._writer.perform(portion)
            done += len(rows)
            after = rows[-1][0]

    def _remarks(self, batch: Batch, *, rows: Sequence[Any], restore: Restore, text: str) -> None:
        for _, question, run, path in rows:
            data = encode(text)
            commitment = self.key(run).commit(data)
            message = Message(new_id(), run, "comment", BY, restore.at, question, path, commitment.hex())
            tasks.move(batch, self._master, message, ((commitment, data),), None)

    async def tell(self, restore: Restore, statement: str, body: dict[str, Json]) -> None:
        """Write the signed statement into the system's log, and one event in the place of each lost one.

        From then on no size of the log comes again of which a checkpoint was signed that is lost.
        """
        said: dict[str, Json] = {"restore": restore.id, "statement": statement, **body}
        await self._writer.perform(
            lambda batch: tenants.record(batch, self._master, EVERYTHING, ("log.restored", "", said))
        )
        (count,) = self._reader.one("SELECT count(*) FROM events")
        missing = restore.known + 1 - count if restore.lost else 0
        while missing > 0:
            portion = min(missing, PORTION)
            await self._writer.perform(functools.partial(self._lost, restore=restore.id, count=portion))
            missing -= portion

    def _lost(self, batch: Batch, *, restore: str, count: int) -> None:
        for _ in range(count):
            tenants.record(batch, self._master, EVERYTHING, ("log.lost", "", {"restore": restore}))
