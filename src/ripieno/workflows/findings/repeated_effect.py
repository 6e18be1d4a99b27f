"""A retry that would do something to the world a second time."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.step import Step
from ripieno.workflows.findings.base import Finding, FindingKind, effects_in, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["RepeatedEffect"]


class RepeatedEffect(FindingKind):
    """A failure says that the work was not done in full, not that nothing of it was."""

    code = "repeated-effect"
    severity = "error"
    title = "A retry that repeats effects"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each step that is tried again."""
        for step in everyone(workflow):
            if isinstance(step, Step) and step.settings.attempts > 1:
                effects = effects_in(step.participant)
                if effects:
                    names = ", ".join(repr(effect.name) for effect in effects)
                    reason = f"{step.name!r} is tried {step.settings.attempts} times, and {names} with it"
                    fix = (
                        "declare it pure if it changes nothing; else put the effect into a tool,"
                        " whose failed calls are made again under one idempotency key"
                    )
                    yield self.at(places.of(step), f"{reason}: what it did would be done again", fix)
