"""Control passes from participant to participant along declared edges, guarded against going in circles.

A participant hands over by giving `hand_over("billing", because="...")` as its result; any other
result is the whole's. The guards are on by default, and one that trips is no failure: the case goes
to `otherwise`, or ends as `escalated`, with what is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.step import Step
from ripieno.patterns.base import Pattern, Stage, as_participant, named, unique
from ripieno.patterns.compacting import Compact, Recap
from ripieno.patterns.trail import Guards, Trail, Wish, state_digest, wish
from ripieno.resilience.compaction import BudgetError, Message

__all__ = ["Carry", "HandOver", "Handoff", "hand_over", "handoff"]

Carry = Literal["all", "last", "summary"] | Sequence[str]
"""What travels: everything found so far, the last result alone, the named participants' results too, or
nothing but what a participant makes of it all."""


class HandOver(BaseModel):
    """The form of a person who takes part in a handoff: hands the case on, or closes it."""

    hand_over: str | None = Field(default=None, description="who gets the case now; empty closes it")
    because: str = Field(default="", description="why")
    output: Any = Field(default=None, description="what was found, or the result")


def hand_over(to: str, *, because: str, output: object = None) -> Outcome:
    """Hand the case to another participant, with what was found so far."""
    return Outcome("complete", {"hand_over": to, "because": because, "output": output})


class Handoff(Pattern):
    """Participants hand the case to each other along declared edges until one gives a result.

    Whoever has the case is told through its parameter `turn` from whom it comes, why, and to whom it
    may be handed over; it sees what the others found under their names. One that does not complete
    ends the whole as it ended.
    """

    kind = "handoff"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        edges: Mapping[Any, Iterable[Any]],
        otherwise: Stage | str | None = None,
        limit: int = 8,
        per_edge: int = 2,
        within: Duration | None = None,
        carry: Carry = "all",
        summarise: Stage | None = None,
        compact: Compact | None = None,
    ) -> None:
        super().__init__(name, [as_participant(stage) for stage in stages])
        unique(self)
        self.by_name = {stage.name: stage for stage in self.stages}
        members = [member for source, targets in edges.items() for member in (source, *targets)]
        for member in members if otherwise is None else [*members, otherwise]:
            if not isinstance(member, str):
                self._join(as_participant(member))
        self.edges = {
            self._name(source): list(dict.fromkeys(self._name(target) for target in targets))
            for source, targets in edges.items()
        }
        self.otherwise = None if otherwise is None else self.by_name[self._name(otherwise)]
        self.guards = Guards(limit, per_edge, None if within is None else seconds(within))
        self.carry: Carry = carry if isinstance(carry, str) else [self._name(one) for one in carry]
        self.summarise = None if summarise is None else as_participant(summarise)
        self.compact = compact
        self._check()

    def children(self) -> Sequence[BaseParticipant]:
        """Give who takes part, and who summarises."""
        telling = [] if self.compact is None else self.compact.participants()
        return [*self.stages, *([] if self.summarise is None else [self.summarise]), *telling]

    def identity(self) -> dict[str, Json]:
        """Give the source digest of a counter of tokens that is a function."""
        return {} if self.compact is None else dict(self.compact.identity())

    def _join(self, member: BaseParticipant) -> None:
        """Take somebody in whom only an edge or `otherwise` names."""
        known = self.by_name.setdefault(member.name, member)
        if known is member and member not in self.stages:
            self.stages.append(member)
        if not same(known, member):
            msg = f"{self.name}: two participants are called {member.name!r}"
            raise DefinitionError(msg, remedy="give one of them a name of its own")

    def _name(self, member: Stage | str) -> str:
        name = member if isinstance(member, str) else as_participant(member).name
        if name not in self.by_name:
            msg = f"{self.name}: {name!r} takes no part{nearest(name, self.by_name)}"
            raise DefinitionError(msg)
        return name

    def _check(self) -> None:
        for what, number in (("limit", self.guards.limit), ("per_edge", self.guards.per_edge)):
            if number < 1:
                msg = f"{self.name}: {what} must be at least 1, got {number!r}"
                raise DefinitionError(msg)
        if isinstance(self.carry, str) and self.carry not in ("all", "last", "summary"):
            msg = f"{self.name}: carry must be 'all', 'last', 'summary' or names, got {self.carry!r}"
            raise DefinitionError(msg)
        if (self.carry == "summary") != (self.summarise is not None):
            msg = f"{self.name}: carry='summary' and a participant who summarises need each other"
            raise DefinitionError(msg, remedy="set carry='summary' and summarise=..., or neither")
        if self.summarise is not None and self.compact is not None:
            msg = f"{self.name}: with carry='summary' there is no history that could be kept short"
            raise DefinitionError(msg, remedy="leave compact out, or let carry be 'all', 'last' or names")
        if self.summarise is not None and self.summarise.name in self.by_name:
            msg = f"{self.name}: {self.summarise.name!r} takes part, and cannot summarise as well"
            raise DefinitionError(msg)
        for source, targets in self.edges.items():
            if source in targets:
                msg = f"{self.name}: {source!r} cannot hand over to itself"
                raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give participants, edges and guards."""
        guards = self.guards
        settings: dict[str, Json] = {
            "steps": self.flow(),
            "edges": {source: list(targets) for source, targets in self.edges.items()},
            "limit": guards.limit,
            "per_edge": guards.per_edge,
            "carry": self.carry if isinstance(self.carry, str) else list(self.carry),
        }
        if guards.within is not None:
            settings["within"] = in_seconds(guards.within)
        if self.otherwise is not None:
            settings["otherwise"] = self.otherwise.name
        if self.summarise is not None:
            settings["summarise"] = named(self.summarise)
        if self.compact is not None:
            settings["compact"] = self.compact.describe()
        return settings

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let the case travel."""
        resumption = context.resumption()
        trail = Trail(self.stages[0].name) if resumption is None else Trail.read(resumption.state)
        known: dict[str, Outcome] = {} if resumption is None else dict(resumption.outcomes)
        recap = Recap() if resumption is None else remembered(resumption.state, known)
        if resumption is None and self.guards.within is not None:
            trail.began = await self._now(context)
        if trail.came_from is not None:
            context.so_far(known[trail.came_from].itself)
        while True:
            try:
                seen, recap = await self._seen(context, task, trail, known, recap)
            except BudgetError as too_long:
                return await self._end(context, task, known, trail.came_from or "", (trail.at, too_long.said))
            outcome = seen if isinstance(seen, Outcome) else await self._turn(context, trail, seen)
            wanted = wish(outcome) if outcome.ok else None
            if wanted is None:
                return outcome
            known[trail.at] = found(wanted, outcome, context)
            if wanted.to is None:
                return known[trail.at]
            tripped = await self._tripped(context, trail, wanted.to, known)
            if tripped is not None:
                return await self._end(context, task, known, trail.at, (wanted.to, tripped))
            context.so_far(known[trail.at].itself)
            await context.spend(handoffs=1)
            why = {"from": trail.at, "why": wanted.because}
            await context.choose("hand over", wanted.to, offered=self._allowed(trail), because=why)
            trail.go(wanted.to, state_digest(known))
            state = {**trail.document(), **recap.state()}
            await context.segment(trail.count, state, {**known, **kept_apart(recap)})

    def _allowed(self, trail: Trail) -> list[str]:
        return self.edges.get(trail.at, [])

    @staticmethod
    async def _now(context: Context) -> int:
        return int((await context.now()).timestamp() * 1_000_000)

    async def _turn(self, context: Context, trail: Trail, seen: Task) -> Outcome:
        outcome, _ = await self.by_name[trail.at].run_in(context, seen)
        return outcome

    async def _seen(
        self, context: Context, task: Task, trail: Trail, known: Mapping[str, Outcome], recap: Recap
    ) -> tuple[Task | Outcome, Recap]:
        """Give what whoever has the case sees; the outcome of a summary that does not complete, instead.

        Raises `BudgetError` when what travels cannot be made to fit.
        """
        came_from = trail.came_from
        because = "the case begins here" if came_from is None else known[came_from].reason or ""
        told: dict[str, object] = {
            "from": came_from,
            "because": because,
            "may_hand_over_to": list(self._allowed(trail)),
        }
        carried = self._carried(known, came_from)
        if self.compact is not None:
            turns = {
                trail.found[name]: [Message("answer", said(outcome), by=name)]
                for name, outcome in sorted(carried.items(), key=lambda item: trail.found[item[0]])
            }
            shown: Sequence[Message] = ()
            if turns:
                shown, recap = await self.compact.shown(turns, recap, context, task)
            told["messages"] = [{"by": message.by, "says": message.content} for message in shown]
            carried = {name: outcome for name, outcome in carried.items() if name == came_from}
        turn = context.value(told)
        if self.summarise is not None and came_from is not None:
            everything = Task(task.input, {**task.state, **known}, came_from, turn)
            summary, _ = await self.summarise.run_in(context, everything)
            name = self.summarise.name
            seen = Task(task.input, {**task.state, name: summary}, name, turn)
            return (seen if summary.ok else summary), recap
        return Task(task.input, {**task.state, **carried}, came_from or task.previous, turn), recap

    def _carried(self, known: Mapping[str, Outcome], came_from: str | None) -> Mapping[str, Outcome]:
        if self.carry == "all":
            return known
        kept = {came_from} if self.carry == "last" else {*self.carry, came_from}
        return {name: outcome for name, outcome in known.items() if name in kept}

    async def _tripped(
        self, context: Context, trail: Trail, to: str, known: Mapping[str, Outcome]
    ) -> str | None:
        limited = self.guards.within is not None
        elapsed = (await self._now(context) - trail.began) / 1_000_000 if limited else 0.0
        digest = state_digest(known)
        return self.guards.tripped(trail, to, allowed=self._allowed(trail), known=digest, elapsed=elapsed)

    async def _end(
        self, context: Context, task: Task, known: Mapping[str, Outcome], at: str, why: tuple[str, str]
    ) -> Outcome:
        """Leave gracefully when a guard trips: to whom it may concern, with what is known."""
        to, tripped = why
        chosen = "nobody" if self.otherwise is None else self.otherwise.name
        because = {"from": at, "wanted": to, "guard": tripped}
        await context.choose("guard", chosen, offered=[*self.edges.get(at, []), chosen], because=because)
        outputs = {name: outcome.output for name, outcome in known.items()}
        if self.otherwise is None:
            return Outcome("escalated", outputs, reason=tripped)
        turn = context.value({"from": at, "because": tripped, "may_hand_over_to": []})
        handed = known[at]
        last = Outcome("complete", handed.parts[0], evidence=handed.parts[1], reason=context.value(tripped))
        seen = Task(task.input, {**task.state, **known, at: last}, at, turn)
        outcome, _ = await self.otherwise.run_in(context, seen)
        wanted = wish(outcome) if outcome.ok else None
        if wanted is None:
            return outcome
        if wanted.to is None:
            return found(wanted, outcome, context)
        return Outcome("escalated", {**outputs, chosen: wanted.output}, reason=tripped)


def said(outcome: Outcome) -> dict[str, Any]:
    """Give what somebody who handed over found, and why."""
    return {"output": outcome.output, "because": outcome.reason}


def kept_apart(recap: Recap) -> dict[str, Outcome]:
    """Give a summary as a segment keeps it, beside participants of whatever name."""
    return {f"@{name}": outcome for name, outcome in recap.outcomes().items()}


def remembered(state: Mapping[str, Any], known: dict[str, Outcome]) -> Recap:
    """Read what a segment kept of a summary, and take it out of what is known."""
    kept = {name: known.pop(name) for name in list(known) if name.startswith("@")}
    return Recap.read(state, {name.removeprefix("@"): outcome for name, outcome in kept.items()})


def same(one: BaseParticipant, other: BaseParticipant) -> bool:
    """Tell whether two stages are the same participant, whatever is said of it in its place."""
    one, other = (each.participant if isinstance(each, Step) else each for each in (one, other))
    if isinstance(one, Function) and isinstance(other, Function):
        return one.function == other.function
    return one is other


def found(wanted: Wish, outcome: Outcome, context: Context) -> Outcome:
    """Give what somebody who hands over has found, without the wish around it."""
    return Outcome(
        "complete",
        None if wanted.output is None else context.value(wanted.output),
        confidence=outcome.confidence,
        evidence=outcome.parts[1],
        reason=context.value(wanted.because) if wanted.because else None,
    )


def handoff(
    *stages: Stage,
    edges: Mapping[Any, Iterable[Any]],
    otherwise: Stage | str | None = None,
    limit: int = 8,
    per_edge: int = 2,
    within: Duration | None = None,
    carry: Carry = "all",
    summarise: Stage | None = None,
    compact: Compact | None = None,
    name: str | None = None,
) -> Handoff:
    """Let participants hand the case to each other; it begins with the first.

    `edges` says who may hand over to whom, by participant or by name. `limit` hand-overs in all,
    `per_edge` on one edge, none after the time `within`; a case that goes back and forth, or comes
    back with nothing new, is a circle. `otherwise` receives the case when a guard trips.

    `carry` says what travels. With `"summary"`, `summarise` is asked at each hand-over, sees all that
    was found, and whoever has the case next sees what it gives and nothing else of what was found.
    With `compact(tokens)` what travels stands as `messages` in its `turn`, oldest first, kept short; by
    name it then sees only who handed the case over. What cannot be kept short trips like a guard.
    """
    return Handoff(
        name,
        stages,
        edges=edges,
        otherwise=otherwise,
        limit=limit,
        per_edge=per_edge,
        within=within,
        carry=carry,
        summarise=summarise,
        compact=compact,
    )
