"""The same function in two branches at once."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.function import Function
from ripieno.patterns.concurrent import Concurrent
from ripieno.workflows.findings.base import Finding, FindingKind, bare, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["SameFunctionTwice"]


class SameFunctionTwice(FindingKind):
    """Branches receive the same task, so the same function gives the same result."""

    code = "same-function-twice"
    severity = "warning"
    title = "The same function in two branches"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the branches of each concurrent."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Concurrent):
                continue
            seen: dict[object, str] = {}
            for stage in pattern.stages:
                inner = bare(stage)
                if not isinstance(inner, Function):
                    continue
                first = seen.setdefault(inner.function, stage.name)
                if first != stage.name:
                    reason = f"{first!r} and {stage.name!r} are the same function on the same task"
                    yield self.at(
                        places.of(stage), reason, "leave one out; map_over runs it for several items"
                    )
