"""A whole that has to end in time: a limit of the workflow, not a failure of anything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.timer import Timer

__all__ = ["Deadline"]


class Deadline(BaseParticipant):
    """Stops its participant when the time is over, waits included, and ends as `escalated`.

    What is claimed is awaited and recorded first; people are not asked any more. It serves runs that
    began before the kernel kept deadlines itself, of workflows that limit nothing else.
    """

    kind = "deadline"

    def __init__(self, participant: BaseParticipant, duration: float) -> None:
        super().__init__("deadline")
        self.participant = participant
        self.duration = duration

    def children(self) -> Sequence[BaseParticipant]:
        """Give the participant that has to end."""
        return (self.participant,)

    def describe(self) -> dict[str, Json]:
        """Give what it limits: the limit itself stands among the workflow's limits."""
        return self.participant.describe()

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what the participant itself reads."""
        return self.participant.reads(task)

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let participant and timer run side by side; the first to end decides."""
        async with context.branches() as branches:
            path = branches.start(self.participant, task)
            branches.start(Timer("timer", self.duration), task)
            ended = await branches.next()
        assert ended is not None, "one of two branches ends first"
        if ended[0] == path:
            return ended[1]
        return Outcome("escalated", reason=f"not done within the deadline of {self.duration:g} s")
