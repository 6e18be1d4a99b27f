"""The first rung: one participant, asked once."""

from __future__ import annotations

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.patterns.base import Pattern, Stage

__all__ = ["Direct", "direct"]


class Direct(Pattern):
    """Ends as its participant ends: durable, recorded and governed as everything else, and no more.

    What is said of the participant in its place holds: `direct(assess.escalate(below=0.8, to=clerk))`.
    """

    kind = "direct"

    def settings(self) -> dict[str, Json]:
        """Give the participant."""
        return {"step": self.flow()[0]}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Ask the participant."""
        outcome, _ = await self.stages[0].run_in(context, task)
        return outcome


def direct(participant: Stage, *, name: str | None = None) -> Direct:
    """Ask one participant once. Begin here, and climb only when this does not do."""
    return Direct(name, [participant])
