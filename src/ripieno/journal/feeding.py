"""How far others were told of the log, and what comes next for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ripieno.journal.elected import Elected
from ripieno.journal.sql.database import put

__all__ = ["Cursor", "Fed", "Feeding"]


class Fed(NamedTuple):
    """An event as it is told to others."""

    position: int
    stream: str
    envelope: bytes
    tenant: str | None
    """None where neither a run nor a tenant has this stream."""
    run: bool
    """False for an event of a tenant's own stream."""


class Cursor(NamedTuple):
    """How far somebody was told."""

    feed: str
    position: int
    """Of the last event that they have."""
    failed_at: int | None
    """Since when they cannot be told."""
    problem: str | None


class Feeding(Elected):
    """The one that tells others, for as long as it holds the lock."""

    lock_name = "feeds.lock"

    def cursors(self) -> dict[str, Cursor]:
        """Give how far each was told, by name."""
        rows = self.rows("SELECT feed, position, failed_at, problem FROM feeds ORDER BY feed")
        return {row[0]: Cursor(*row) for row in rows}

    def after(self, position: int, most: int) -> Sequence[Fed]:
        """Give the next events behind a place of the log, in its order."""
        rows = self.rows(
            "SELECT position, lower(hex(e.stream)), envelope, coalesce(r.tenant, t.name), r.id IS NOT NULL"
            " FROM events e LEFT JOIN runs r ON r.id = lower(hex(e.stream))"
            " LEFT JOIN tenants t ON t.stream = e.stream WHERE position > ? ORDER BY position LIMIT ?",
            position,
            most,
        )
        return [Fed(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]

    def keep(self, cursor: Cursor) -> None:
        """Keep how far somebody was told; durably, so that a crash repeats little."""
        with self.written(durable=True):
            self.connection.execute(put("feeds", "feed", "position, failed_at, problem"), cursor)
