"""A retry of somebody who calls tools that write."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from ripieno.connectors.tool import Tool
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.step import Step
from ripieno.patterns.single_agent import SingleAgent
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
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
    if isinstance(participant, SingleAgent):
        return [tool.name for tool in participant.tools if tool.effect == "write"]
    if not isinstance(participant, Function) or participant.binding.context is None:
        return []
    named = inspect.getclosurevars(inspect.unwrap(participant.function))
    seen = [*named.globals.values(), *named.nonlocals.values()]
    return [one.name for one in seen if isinstance(one, Tool) and one.effect == "write"]
