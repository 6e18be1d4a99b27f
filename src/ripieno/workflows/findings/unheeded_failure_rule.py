"""A failure rule where nothing heeds it."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.step import Step
from ripieno.patterns.sequential import Sequential
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UnheededFailureRule"]


class UnheededFailureRule(FindingKind):
    """Only a sequence goes on without a stage, or takes back; elsewhere the failure counts all the same."""

    code = "unheeded-failure-rule"
    severity = "warning"
    title = "`on_failure` outside a sequence"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for such steps that no sequence holds."""
        all_of_it = everyone(workflow)
        heeded = {stage for one in all_of_it if isinstance(one, Sequential) for stage in one.stages}
        for step in all_of_it:
            if isinstance(step, Step) and step.settings.on_failure != "stop" and step not in heeded:
                said = f"`on_failure: {step.settings.on_failure}`"
                reason = f"{step.name!r} says {said}, which only a sequence around it heeds"
                fix = "leave it out; a concurrent has its own on_failure, a map counts what did not complete"
                yield self.at(places.of(step), reason, fix)
