"""Functions that no other process can find."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.model.errors import Place
from ripieno.participants.function import Function
from ripieno.participants.references import reference
from ripieno.participants.tool_calls import stable_name
from ripieno.patterns.branch import Branch
from ripieno.patterns.group_chat import GroupChat
from ripieno.patterns.loop import Loop
from ripieno.patterns.single_agent import SingleAgent
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["NotImportable"]


class NotImportable(FindingKind):
    """A run may be resumed by another process, which loads what the workflow names."""

    code = "not-importable"
    severity = "error"
    title = "A function that no other process can find"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at every function by its name."""
        for name, place in referenced(workflow, places):
            why = trouble(name)
            if why:
                reason = f"{name!r} {why}: after a restart no process can serve its runs"
                yield self.at(place, reason, "define it at the top of a module, and import it from there")


def referenced(workflow: Workflow, places: Places) -> Iterator[tuple[str, Place]]:
    """Give the functions that a workflow names, conditions among them."""
    for participant in everyone(workflow):
        place = places.of(participant)
        if isinstance(participant, Function):
            yield reference(participant.function), place
        elif isinstance(participant, Branch):
            for condition, _ in participant.cases:
                yield from ((name, place) for name in condition.references)
        elif isinstance(participant, Loop):
            yield from ((name, place) for name in participant.until.references)
        elif isinstance(participant, SingleAgent):
            yield from ((stable_name(tool), place) for tool in participant.tools)
        elif isinstance(participant, GroupChat):
            yield from ((name, place) for name in participant.identity())


def trouble(name: str) -> str:
    """Say why a function cannot be found by its name; empty when it can."""
    module, _, attribute = name.partition(":")
    if module == "__main__":
        return "stands in the program that was started"
    if "<lambda>" in attribute:
        return "has no name"
    return "stands within another function" if "<locals>" in attribute else ""
