"""What a child run has from the run that it is part of: how much it may spend, and what it may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ripieno.model.allowance import allowed, read_rule
from ripieno.model.definition import Definition
from ripieno.model.effect_rule import EffectRule
from ripieno.model.event import Event
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Participant, Task
from ripieno.model.value import Value

__all__ = ["Top", "top_of"]


class Allowed:
    """Stands around the whole of a child run, so that its own limits hold within the allowance."""

    name = "allowance"
    kind = "allowance"

    def __init__(self, root: Participant, bounds: Limits | None) -> None:
        self._root = root
        self._bounds = bounds

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the input."""
        return {"input": task.input.ref}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let the workflow do its work within its own limits."""
        return await context.call(self._root, task, limits=self._bounds)


@dataclass(frozen=True, slots=True)
class Top:
    """What is run as the whole of a run, and on which terms."""

    participant: Participant
    limits: Limits | None
    effects: EffectRule


def top_of(definition: Definition, started: Event, stored: Callable[[str], Value]) -> Top:
    """Give what a run runs, by its definition and its first event."""
    rule = started.body.get("because")
    effects = read_rule(None if rule is None else stored(rule).decode())
    if definition.before_bounds is not None and "limits" not in started.body:
        return Top(definition.before_bounds, None, effects)
    allowance = started.body.get("allowance")
    if allowance is None:
        return Top(definition.root, definition.bounds, effects)
    return Top(Allowed(definition.root, definition.bounds), allowed(allowance), effects)
