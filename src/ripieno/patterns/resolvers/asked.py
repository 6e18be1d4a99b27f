"""Rules that ask: a participant as judge, or a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.base import named
from ripieno.patterns.resolvers.base import Resolver, Settled, disagreement, said_by, settle

__all__ = ["Judge", "judge"]

BRANCHES = "the branches"
"""What all sides together are called to a judge: as `previous`, and to a person. No participant can be."""


class Judge(Resolver):
    """Another participant sees every branch's result by name and gives the one that stands.

    All sides together, `{name: {status, says}}`, are what `previous` and `turn` receive, and what a
    person is shown. A person is a judge like any other: `judge(human("chief", role="chief"))`. A judge
    is asked only when the branches do not agree, unless `always`.
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

    async def resolve(self, found: Mapping[str, Outcome], task: Task, context: Context) -> Settled:
        """Give what the branches agree on, or what the judge says."""
        camps = disagreement(found, self.on)
        agreed = len(camps) == 1 and len(camps[0]) == len(found)
        if agreed and not self.always:
            return await settle(context, found, camps[0], rule=self.kind, field=self.on)
        sides = said_by(found, None)
        name = self.participant.name
        await context.choose(
            "resolve", name, offered=[*found, name], because={"rule": self.kind, "sides": sides}
        )
        shown = context.value(sides)
        why = "agree" if agreed else "do not agree"
        all_of_them = Outcome("escalated", shown, reason=context.value(f"who {why}"))
        seen = Task(task.input, {**task.state, **found, BRANCHES: all_of_them}, BRANCHES, shown)
        outcome, _ = await self.participant.run_in(context, seen)
        return Settled(outcome)


def judge(participant: BaseParticipant, *, on: str | None = None, always: bool = False) -> Judge:
    """Let a participant, a person too, settle what the branches do not agree on."""
    return Judge(participant, on=on, always=always)
