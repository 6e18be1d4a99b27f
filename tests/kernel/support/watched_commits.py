"""A boundary before and after each commit of this process to any SQLite file, and before and after each call.

What is watched is the driver of the database and the seam to the tools; a process that watches itself
does so for the rest of its life.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

from kernel.support.boundaries import Boundaries
from ripieno.connectors.tool import Tool
from ripieno.journal.sql import writer
from ripieno.model.action import Call
from ripieno.participants.function import FunctionEffect

__all__ = ["watch_calls", "watch_commits"]

CHANGE = re.compile(r"\s*(?:WITH .* )?(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) (\w+)")


class WatchedConnection(sqlite3.Connection):
    """Passes `writing` with everything done but the COMMIT, `committed` before anyone hears of it."""

    boundaries: Boundaries
    _events: list[str]
    _tables: set[str]

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement, watching for the ends of transactions."""
        if sql == "COMMIT":
            content = self._content()
            self.boundaries.cross(f"writing: {content}")
            cursor = super().execute(sql)
            self.boundaries.cross(f"committed: {content}")
            return cursor
        if sql.startswith("BEGIN"):
            self._events, self._tables = [], set()
        if sql.startswith("INSERT INTO events"):
            envelopes = [json.loads(envelope) for envelope in parameters[3::4]]
            self._events.extend(f"{event['kind']} {event['path']}".rstrip() for event in envelopes)
        cursor = super().execute(sql, parameters)
        if (change := CHANGE.match(sql)) and cursor.rowcount > 0:
            self._tables.add(change[1])
        return cursor

    def _content(self) -> str:
        if self._events:
            return "events: " + ", ".join(self._events)
        return f"no event, {', '.join(sorted(self._tables)) or 'nothing'}"


def watch_commits(boundaries: Boundaries, *, grouped: bool) -> None:
    """Watch all connections opened from now on.

    Unless `grouped`, every event and operation is a commit of its own, so that every prefix of the
    journal is a place to die at.
    """
    kind = type("Watched", (WatchedConnection,), {"boundaries": boundaries})
    sqlite3.connect = partial(sqlite3.connect, factory=kind)
    if not grouped:
        writer.__dict__["LARGEST_BATCH"] = 1


def watch_calls(boundaries: Boundaries) -> None:
    """Watch all tools and undeclared functions."""
    call_tool, call_function = Tool.call, FunctionEffect.call

    async def tool(self: Tool, arguments: Mapping[str, Any], call: Call) -> Any:
        boundaries.cross(f"before the call: {call.path}")
        result = await call_tool(self, arguments, call)
        boundaries.cross(f"after the call: {call.path}")
        return result

    async def function(self: FunctionEffect, arguments: Mapping[str, Any], call: Any) -> Any:
        boundaries.cross(f"before the call: {call.path}")
        result = await call_function(self, arguments, call)
        boundaries.cross(f"after the call: {call.path}")
        return result

    Tool.call = tool
    FunctionEffect.call = function
