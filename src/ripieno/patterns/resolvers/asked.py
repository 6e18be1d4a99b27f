"""Rules that ask: a participant as judge, or a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.base import named
from ripieno.patterns.resolvers.base import Resolver, disagreement

__all__ = ["Judge", "judge"]


class Judge(Resolver):
    """Another participant sees every branch's result by name and gives the one that stands.

    A person is a judge like any other: `judge(human("chief", role="chief"))`. A judge is asked only
    when the branches do not agree, unless `always`.
    """

    kind = "judge"

    def __init__(self, participant: BaseParticipant, *, on: str | None = None, always: bool = False) -> None:
        self.participant = participant
        self.on = on
        self.always = always

    def participants(self) -> Sequence[BaseParticipant]:
        """Give the judge."""
        return (self.participant,)

    def settings(self) -> dict[str, Json]:
        """Give who judges, and when."""
        settings: dict[str, Json] = {"step": named(self.participant)}
        if self.on is not None:
            settings["on"] = self.on
        if self.always:
            settings["always"] = True
        return settings

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Outcome:
        """Give what the branches agree on, or what the judge says."""
        camps = disagreement(found, self.on)
        agreed = len(camps) == 1 and len(camps[0]) == len(found)
        winner = camps[0][0] if agreed and not self.always else self.participant.name
        says = {name: {"status": one.status, "says": one.output} for name, one in found.items()}
        await context.choose(
            "resolve",
            winner,
            offered=[*found, self.participant.name],
            because={"rule": self.kind, "sides": says},
        )
        if winner in found:
            return found[winner]
        seen = Task(task.input, {**task.state, **found}, list(found)[-1])
        return await context.call(self.participant, seen)


def judge(participant: BaseParticipant, *, on: str | None = None, always: bool = False) -> Judge:
    """Let a participant, a person too, settle what the branches do not agree on."""
    return Judge(participant, on=on, always=always)
