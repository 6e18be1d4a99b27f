"""What format 6 adds to the tables: for a new file as for one of format 5 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

CHANGES: Final = (
    "kind IN ('workflow.registered', 'workflow.deployed', 'policy.kept', 'policy.deployed',"
    " 'policy.withdrawn')"
)
"""Events that say what is served and what decides; the index holds for this very condition alone."""

TABLES: Final = (f"CREATE INDEX events_changes ON events (stream, seq) WHERE {CHANGES}",)
"""Every statement of format 6: a version is loaded without reading the whole log of its tenant."""
