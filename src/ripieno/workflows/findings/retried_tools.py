"""A retry of somebody who calls tools that write."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.base import BaseParticipant
from ripieno.participants.step import Step
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.tools import tools_in
from ripieno.workflows.workflow import Workflow

__all__ = ["RetriedTools", "writing_tools"]


class RetriedTools(FindingKind):
    """Each attempt is a visit of its own, with calls and idempotency keys of its own."""

    code = "retried-tools"
    severity = "warning"
    title = "A retry that may call tools again"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each step that is tried again."""
        for step in everyone(workflow):
            if isinstance(step, Step) and step.settings.attempts > 1:
                names = sorted({name for one in step.participant.everyone() for name in writing_tools(one)})
                if names:
                    reason = (
                        f"{step.name!r} is tried {step.settings.attempts} times, and may call"
                        f" {', '.join(names)} each time: what one attempt did, the next does again"
                    )
                    fix = "let the tool itself be tried again, under one key: @tool(attempts=...)"
                    yield self.at(places.of(step), reason, fix)


def writing_tools(participant: BaseParticipant) -> list[str]:
    """Give the tools that write which a participant has, or which its function names."""
    return [tool.name for tool in tools_in(participant) if tool.effect == "write"]
