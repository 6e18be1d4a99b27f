"""Losing branches whose effects are to be taken back, and cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.base import BaseParticipant
from ripieno.participants.workflow import Subworkflow
from ripieno.patterns.concurrent import Concurrent
from ripieno.workflows.findings.base import Finding, FindingKind, effects_in, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.tools import tools_in
from ripieno.workflows.workflow import Workflow

__all__ = ["NothingToUndo"]


class NothingToUndo(FindingKind):
    """`losers: undo` promises more than tools without an undo can keep."""

    code = "nothing-to-undo"
    severity = "warning"
    title = "Effects of losers that are to be undone, and have no undo"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at what branches do where losers are undone."""
        for pattern in everyone(workflow):
            if not isinstance(pattern, Concurrent) or pattern.losers != "undo":
                continue
            names = sorted({name for stage in pattern.stages for name in without_undo(stage)})
            if names:
                reason = (
                    f"{pattern.name!r} is to undo what losing branches did, and {', '.join(names)} cannot be"
                )
                fix = "declare @tool(undo=...), and call it by context.use; or do it after the join"
                yield self.at(places.of(pattern), f"{reason}: it stays done, and is only listed", fix)


def without_undo(branch: BaseParticipant) -> Iterator[str]:
    """Give the names of what changes the world in a branch, and in workflows within it, without an undo."""
    yield from (one.name for one in effects_in(branch))
    for one in branch.everyone():
        tools = tools_in(one)
        inverses = [tool.undo for tool in tools if tool.undo is not None]
        yield from (
            tool.name
            for tool in tools
            if tool.effect == "write" and tool.undo is None and tool not in inverses
        )
        root = one.workflow.root if isinstance(one, Subworkflow) else None
        if isinstance(root, BaseParticipant):
            yield from without_undo(root)
