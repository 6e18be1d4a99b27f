"""A time that runs beside somebody's work, in a branch of its own."""

from __future__ import annotations

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant

__all__ = ["Timer"]


class Timer(BaseParticipant):
    """Ends after a time."""

    kind = "timer"

    def __init__(self, name: str, duration: float) -> None:
        super().__init__(name)
        self._duration = duration

    def describe(self) -> dict[str, Json]:
        """Give nothing: a timer is part of the step it limits."""
        return {}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Wait."""
        del task
        await context.sleep(self._duration)
        return Outcome("complete")
