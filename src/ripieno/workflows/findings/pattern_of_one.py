"""A pattern with nothing to coordinate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ripieno.patterns.concurrent import Concurrent
from ripieno.patterns.fallback import Fallback
from ripieno.patterns.group_chat import GroupChat
from ripieno.patterns.handoff import Handoff
from ripieno.patterns.sequential import Sequential
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["PatternOfOne"]

COORDINATING: Final = (Sequential, Fallback, Concurrent, Handoff, GroupChat)


class PatternOfOne(FindingKind):
    """The simplest that works is the best."""

    code = "pattern-of-one"
    severity = "warning"
    title = "A pattern around a single participant"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Count the stages."""
        for pattern in everyone(workflow):
            if isinstance(pattern, COORDINATING) and len(pattern.stages) == 1:
                only = pattern.stages[0].name
                reason = f"{pattern.name!r} coordinates {only!r} alone"
                yield self.at(places.of(pattern), reason, f"put {only} in its place")
