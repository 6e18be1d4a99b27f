"""What a projection of the log needs beside its events: how each began, and what a run is one of."""

from __future__ import annotations

import json
from typing import Any

from ripieno.journal.feeding import Feeding
from ripieno.model.event import Event, Kind

__all__ = ["Projecting"]


class Projecting(Feeding):
    """The one that projects the log for others, for as long as it holds the lock."""

    lock_name = "telemetry.lock"

    def newest(self) -> int:
        """Give the place of the newest event; 0 where there is none."""
        return int(self.rows("SELECT coalesce(max(position), 0) FROM events")[0][0])

    def last(self, stream: str, kind: Kind, before: int, **said: Any) -> Event | None:
        """Give the last event of a kind in a stream before a place of the log, of which this is true.

        `said` names the `path`, or values of its body.
        """
        rows = self.rows(
            "SELECT envelope FROM events WHERE stream = ? AND kind = ? AND position < ? ORDER BY seq DESC",
            bytes.fromhex(stream),
            kind,
            before,
        )
        for (envelope,) in rows:
            event = Event.read(envelope)
            values = {"path": event.path, **event.body}
            if all(values.get(name) == value for name, value in said.items()):
                return event
        return None

    def codes(self, tenant: str, version: str) -> dict[str, Any]:
        """Give the identity of the code of each participant of a version, by name."""
        rows = self.rows("SELECT pins FROM versions WHERE tenant = ? AND version = ?", tenant, version)
        found: dict[str, Any] = json.loads(rows[0][0]).get("code", {}) if rows else {}
        return found
