"""Handoffs whose guards keep a case from somebody, or leave it to nobody."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.human import Human
from ripieno.patterns.handoff import Handoff
from ripieno.workflows.findings.base import Finding, FindingKind, bare, everyone
from ripieno.workflows.findings.handoffs import reached
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["HandoffLimitTooLow", "HandoffToNobody"]


class HandoffLimitTooLow(FindingKind):
    """Edges lead there, and the guard stops every case on its way."""

    code = "handoff-limit-too-low"
    severity = "error"
    title = "A participant of a handoff beyond its limit"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the shortest way to each participant with the limit."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Handoff):
                continue
            for name, steps in distances(pattern).items():
                if steps > pattern.guards.limit:
                    reason = (
                        f"{pattern.name!r}: a case needs {steps} hand-overs to come to {name!r},"
                        f" and {pattern.guards.limit} are allowed"
                    )
                    yield self.at(
                        places.of(pattern), reason, f"set limit to at least {steps}, or add an edge"
                    )


class HandoffToNobody(FindingKind):
    """A guard that trips escalates; where no person takes part, nobody is there to escalate to."""

    code = "handoff-to-nobody"
    severity = "warning"
    title = "A handoff that escalates in a workflow without a person"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for a person anywhere; circles have a finding of their own."""
        if any(isinstance(bare(one), Human) for one in everyone(workflow)):
            return
        for pattern in everyone(workflow):
            if not isinstance(pattern, Handoff) or pattern.otherwise is not None:
                continue
            edges = [(source, to) for source, targets in pattern.edges.items() for to in targets]
            if edges and not any(source in reached(pattern, to) for source, to in edges):
                reason = f"{pattern.name!r} escalates when a guard trips, and no person takes part anywhere"
                yield self.at(
                    places.of(pattern), reason, "set `otherwise` to a person who gets the case then"
                )


def distances(pattern: Handoff) -> dict[str, int]:
    """Give how many hand-overs it takes at least to come to each participant that edges lead to."""
    found = {pattern.stages[0].name: 0}
    open_ = [pattern.stages[0].name]
    for name in open_:
        for to in pattern.edges.get(name, ()):
            if to not in found:
                found[to] = found[name] + 1
                open_.append(to)
    return found
