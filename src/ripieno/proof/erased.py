"""Whose values were erased, and by whom: what a verification says of those that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["Erasures"]

NAMED: Final = 5
"""So many runs that somebody erased are named; the others are counted."""

SHORT: Final = 6


class Erasures:
    """Takes the events by which values were erased."""

    def __init__(self) -> None:
        self._runs: dict[str, list[str]] = {}
        self._tenants: dict[str, list[str]] = {}

    def follow(self, kind: str, tenant: str, body: Mapping[str, Any]) -> None:
        """Take an event of a tenant's own log."""
        by = str(body.get("by"))
        if kind == "run.erased":
            self._runs.setdefault(by, []).append(str(body.get("run"))[-SHORT:])
        elif kind == "tenant.deleted":
            self._tenants.setdefault(by, []).append(tenant)

    def told(self) -> list[str]:
        """Say it, one line for whoever erased runs, and one for whoever deleted tenants."""
        lines: list[str] = []
        for by, runs in sorted(self._runs.items()):
            more = f" and {len(runs) - NAMED:,} more" if len(runs) > NAMED else ""
            plural = "" if len(runs) == 1 else "s"
            lines.append(f"erased by {by}: run{plural} {', '.join(sorted(runs)[:NAMED])}{more}")
        lines += [
            f"deleted by {by}: tenant {name}"
            for by, names in sorted(self._tenants.items())
            for name in sorted(names)
        ]
        return lines
