"""A participant again and again, until a condition holds or the rounds are used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.patterns.base import Pattern, Stage
from ripieno.patterns.branch import When, when

__all__ = ["Loop", "loop"]


class Loop(Pattern):
    """Each round sees the result of the round before. Rounds used up end it as `partial`, best so far."""

    kind = "loop"

    def __init__(self, name: str | None, body: Stage, until: When, rounds: int) -> None:
        super().__init__(name, [body])
        self.until = until
        self.rounds = rounds
        if rounds < 1:
            msg = f"{self.name}: rounds must be at least 1, got {rounds!r}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give body, condition and limit."""
        return {"step": self.flow()[0], "until": self.until.describe(), "rounds": self.rounds}

    def identity(self) -> dict[str, Json]:
        """Give the source digest of a condition that is a function: replay evaluates it again."""
        return self.until.identity

    async def act(self, task: Task, context: Context) -> Outcome:
        """Run rounds, marking their boundaries so that replay need not start at the first."""
        body = self.stages[0]
        done, seen = 0, task
        resumption = context.resumption()
        if resumption is not None:
            done = resumption.round
            seen = Task(task.input, {**task.state, **resumption.outcomes}, body.name)
        while done < self.rounds:
            await context.spend(rounds=1)
            outcome, seen = await body.run_in(context, seen)
            done += 1
            if not outcome.ok or self.until.holds(seen):
                return outcome
            own = {name: found for name, found in seen.state.items() if found is not task.state.get(name)}
            await context.segment(done, {}, own)
        output, evidence, _ = seen.state[body.name].parts
        return Outcome("partial", output, evidence=evidence, reason=f"not done after {self.rounds} rounds")


def loop(
    body: Stage, *, until: str | Callable[[Mapping[str, Any]], bool], rounds: int, name: str | None = None
) -> Loop:
    """Repeat `body` until the condition holds, at most `rounds` times."""
    return Loop(name, body, when(until), rounds)
