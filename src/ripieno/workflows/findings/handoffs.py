"""Handoffs in which somebody can never get the case, cannot pass it on, or nobody gets it in the end."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.human import Human
from ripieno.patterns.handoff import Handoff
from ripieno.workflows.findings.base import Finding, FindingKind, bare, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["CannotHandOver", "HandoffUnreachable", "HandoffWithoutWayOut"]


class HandoffUnreachable(FindingKind):
    """Edges that nobody can take are a mistake in a name or a forgotten edge."""

    code = "handoff-unreachable"
    severity = "error"
    title = "A participant of a handoff whom no case reaches"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Follow the edges from the first participant."""
        for pattern in everyone(workflow):
            if isinstance(pattern, Handoff):
                known = reached(pattern, pattern.stages[0].name)
                if pattern.otherwise is not None:
                    known.add(pattern.otherwise.name)
                for stage in pattern.stages:
                    if stage.name not in known:
                        first = pattern.stages[0].name
                        reason = f"no edges lead from {first!r}, where a case begins, to {stage.name!r}"
                        fix = f"add an edge to {stage.name}, or leave it out"
                        yield self.at(places.of(pattern), f"{pattern.name!r}: {reason}", fix)


class HandoffWithoutWayOut(FindingKind):
    """A circle of edges is often meant; a guard ends it, and then somebody has to have the case."""

    code = "handoff-without-way-out"
    severity = "warning"
    title = "A handoff that can go in circles, with nobody to leave the case to"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for circles."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Handoff) or pattern.otherwise is not None:
                continue
            circle = [
                stage.name
                for stage in pattern.stages
                if any(stage.name in reached(pattern, to) for to in pattern.edges.get(stage.name, ()))
            ]
            if circle:
                reason = (
                    f"a case can go round among {', '.join(circle)}; when a guard stops it, nobody has it"
                )
                fix = "set `otherwise`: a person, or whoever settles what the others cannot"
                yield self.at(places.of(pattern), f"{pattern.name!r}: {reason}", fix)


class CannotHandOver(FindingKind):
    """A person says to whom a case goes in the field `hand_over` of the answer."""

    code = "cannot-hand-over"
    severity = "error"
    title = "A person who is not asked to whom the case goes"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at the forms of people from whom edges lead."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Handoff):
                continue
            for stage in pattern.stages:
                person = bare(stage)
                if not isinstance(person, Human) or not pattern.edges.get(stage.name):
                    continue
                if "properties" in person.form and "hand_over" not in person.form["properties"]:
                    reason = f"{person.name!r} has edges, and its form has no field `hand_over` to choose one"
                    fix = 'use the form `HandOver` ({import: "ripieno:HandOver"}), or one with that field'
                    yield self.at(places.of(person), reason, fix)


def reached(pattern: Handoff, start: str) -> set[str]:
    """Give everybody whom a case can reach from somebody, that one included."""
    known, open_ = {start}, [start]
    while open_:
        for to in pattern.edges.get(open_.pop(), ()):
            if to not in known:
                known.add(to)
                open_.append(to)
    return known
