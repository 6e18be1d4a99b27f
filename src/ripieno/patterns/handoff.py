"""Control passes from participant to participant along declared edges, guarded against going in circles.

A participant hands over by giving `hand_over("billing", because="...")` as its result; any other
result is the whole's. The guards are on by default, and one that trips is no failure: the case goes
to `otherwise`, or ends as `escalated`, with what is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import Value
from ripieno.patterns.base import Pattern, Stage, as_participant, run_stage

__all__ = ["Carry", "Handoff", "hand_over", "handoff"]

Carry = Literal["all", "last"] | Sequence[str]
"""What travels: everything found so far, the last result alone, or the named participants' results."""

PING_PONG = 4
"""So many hand-overs between the same two, back and forth, are a circle."""


def hand_over(to: str, *, because: str, output: object = None) -> Outcome:
    """Hand the case to another participant, with what was found so far."""
    return Outcome("complete", {"hand_over": to, "because": because, "output": output})


@dataclass(slots=True)
class Trail:
    """Who had the case, and how often each edge was taken."""

    at: str
    path: list[str] = field(default_factory=list[str])
    edges: dict[str, int] = field(default_factory=dict[str, int])
    said: dict[str, str] = field(default_factory=dict[str, str])
    """Reference of each participant's last result."""

    def go(self, to: str) -> None:
        """Take an edge."""
        edge = f"{self.at}>{to}"
        self.edges[edge] = self.edges.get(edge, 0) + 1
        self.path = [*self.path[-PING_PONG:], self.at]
        self.at = to

    @property
    def count(self) -> int:
        """Hand-overs so far."""
        return sum(self.edges.values())

    def document(self) -> dict[str, Json]:
        """Give it as a segment keeps it."""
        return {"at": self.at, "path": list(self.path), "edges": dict(self.edges), "said": dict(self.said)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Trail:
        """Read what a segment kept."""
        return cls(document["at"], list(document["path"]), dict(document["edges"]), dict(document["said"]))


class Handoff(Pattern):
    """Participants hand the case to each other along declared edges until one gives a result."""

    kind = "handoff"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        edges: Mapping[Any, Sequence[Any]],
        otherwise: Stage | None = None,
        limit: int = 8,
        per_edge: int = 2,
        carry: Carry = "all",
    ) -> None:
        named = [as_participant(stage) for source, targets in edges.items() for stage in (source, *targets)]
        everyone = [as_participant(stage) for stage in stages]
        for participant in named:
            if participant.name not in {known.name for known in everyone}:
                everyone.append(participant)
        self.otherwise = None if otherwise is None else as_participant(otherwise)
        if self.otherwise is not None and self.otherwise.name not in {known.name for known in everyone}:
            everyone.append(self.otherwise)
        super().__init__(name, everyone)
        self.by_name = {participant.name: participant for participant in everyone}
        self.edges = {
            as_participant(source).name: [as_participant(target).name for target in targets]
            for source, targets in edges.items()
        }
        self.limit, self.per_edge, self.carry = limit, per_edge, carry
        self._check()

    def _check(self) -> None:
        for what, number in (("limit", self.limit), ("per_edge", self.per_edge)):
            if number < 1:
                msg = f"{self.name}: {what} must be at least 1, got {number!r}"
                raise DefinitionError(msg)
        if self.carry not in ("all", "last"):
            for known in cast("Sequence[str]", self.carry):
                if known not in self.by_name:
                    msg = (
                        f"{self.name}: carry names {known!r}, who takes no part{nearest(known, self.by_name)}"
                    )
                    raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give participants, edges and guards."""
        settings: dict[str, Json] = {
            "steps": self.flow(),
            "edges": {source: list(targets) for source, targets in self.edges.items()},
            "limit": self.limit,
            "per_edge": self.per_edge,
            "carry": self.carry if isinstance(self.carry, str) else list(self.carry),
        }
        if self.otherwise is not None:
            settings["otherwise"] = self.otherwise.name
        return settings

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let the case travel."""
        resumption = context.resumption()
        trail = Trail(self.stages[0].name) if resumption is None else Trail.read(resumption.state)
        known: dict[str, Outcome] = {} if resumption is None else dict(resumption.outcomes)
        because = wish(known[trail.path[-1]])[1] if trail.path else "the case begins here"
        while True:
            outcome = await self._turn(context, task, trail, known, because)
            to, because = wish(outcome)
            if to is None or not outcome.ok:
                return outcome
            tripped = self._tripped(trail, to, outcome)
            known[trail.at] = outcome
            if tripped is not None:
                return await self._end(context, task, trail, known, (to, tripped))
            offered = self.edges.get(trail.at, [])
            await context.choose("hand over", to, offered=offered, because={"from": trail.at, "why": because})
            trail.said[trail.at] = said(outcome)
            trail.go(to)
            await context.segment(trail.count, trail.document(), known)

    async def _turn(
        self, context: Context, task: Task, trail: Trail, known: Mapping[str, Outcome], because: str
    ) -> Outcome:
        came_from = trail.path[-1] if trail.path else None
        turn = context.value(
            {"from": came_from, "because": because, "may_hand_over_to": list(self.edges.get(trail.at, []))}
        )
        seen = Task(
            task.input, {**task.state, **self._carried(known, came_from)}, came_from or task.previous, turn
        )
        outcome, _ = await run_stage(self.by_name[trail.at], context, seen)
        return outcome

    def _carried(self, known: Mapping[str, Outcome], came_from: str | None) -> Mapping[str, Outcome]:
        if self.carry == "all":
            return known
        kept = {came_from} if self.carry == "last" else {*cast("Sequence[str]", self.carry), came_from}
        return {name: outcome for name, outcome in known.items() if name in kept}

    def _tripped(self, trail: Trail, to: str, outcome: Outcome) -> str | None:
        """Say which guard stands against taking the edge, if any."""
        edge = f"{trail.at}>{to}"
        path = [*trail.path, trail.at, to]
        last = path[-PING_PONG:]
        if to not in self.edges.get(trail.at, []):
            return f"{trail.at} may not hand over to {to}{nearest(to, self.edges.get(trail.at, []))}"
        if trail.count >= self.limit:
            return f"the case was handed over {self.limit} times"
        if trail.edges.get(edge, 0) >= self.per_edge:
            return f"{trail.at} handed over to {to} {self.per_edge} times already"
        if len(last) == PING_PONG and last[:2] == last[2:]:
            return f"the case goes back and forth between {last[0]} and {last[1]}"
        if trail.said.get(trail.at) == said(outcome):
            return f"{trail.at} has found nothing new since it last had the case"
        return None

    async def _end(
        self, context: Context, task: Task, trail: Trail, known: Mapping[str, Outcome], why: tuple[str, str]
    ) -> Outcome:
        """Leave gracefully when a guard trips: to whom it may concern, with what is known."""
        to, tripped = why
        chosen = "nobody" if self.otherwise is None else self.otherwise.name
        await context.choose(
            "guard", chosen, offered=[to, chosen], because={"from": trail.at, "wanted": to, "guard": tripped}
        )
        found = {name: outcome.output for name, outcome in known.items()}
        if self.otherwise is None:
            return Outcome("escalated", found, reason=tripped)
        turn = context.value({"from": trail.at, "because": tripped, "may_hand_over_to": []})
        seen = Task(task.input, {**task.state, **known}, trail.at, turn)
        outcome, _ = await run_stage(self.otherwise, context, seen)
        return outcome


def wish(outcome: Outcome) -> tuple[str | None, str]:
    """Give to whom an outcome wants to hand over, if to anyone, and why."""
    output: Any = outcome.output
    if not isinstance(output, dict) or not isinstance(cast("dict[str, Any]", output).get("hand_over"), str):
        return None, ""
    wanted = cast("dict[str, Any]", output)
    return str(wanted["hand_over"]), str(wanted.get("because") or "")


def said(outcome: Outcome) -> str:
    """Give the reference of a recorded output, by which two can be told apart."""
    output = outcome.parts[0]
    return output.ref if isinstance(output, Value) else ""


def handoff(
    *stages: Stage,
    edges: Mapping[Any, Sequence[Any]],
    otherwise: Stage | None = None,
    limit: int = 8,
    per_edge: int = 2,
    carry: Carry = "all",
    name: str | None = None,
) -> Handoff:
    """Let participants hand the case to each other; it begins with the first.

    `limit` hand-overs in all and `per_edge` on one edge; a case that goes back and forth, or comes
    back with nothing new, is a circle. `otherwise` receives the case when a guard trips.
    """
    return Handoff(
        name, stages, edges=edges, otherwise=otherwise, limit=limit, per_edge=per_edge, carry=carry
    )
