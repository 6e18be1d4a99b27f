"""One magentic at work: facts, plan, rounds, replans, until there is an end. What it decides is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from ripieno.model.effect_rule import EffectRule
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.step import Timer
from ripieno.patterns.magentic.documents import (
    Facts,
    Known,
    MalformedError,
    Plan,
    Progress,
    Replan,
    fact_values,
    plan_items,
    read,
)
from ripieno.patterns.magentic.ending import EndedError, Ending
from ripieno.patterns.magentic.facts import merged, replaced
from ripieno.patterns.magentic.ledger import Ledger
from ripieno.patterns.magentic.plan import carried_over, changes
from ripieno.patterns.magentic.reserve import Stretch, most_of
from ripieno.patterns.magentic.review import reviewed

__all__ = ["Course", "Phase", "Rules", "Sight"]

Phase = Literal["facts", "plan", "replan", "progress", "review", "synthesis"]
"""What is asked of a manager or reviewer: the field `phase` of its turn."""

Sight = Literal["own", "all"] | Sequence[str]
"""Whose latest results a worker sees by name: its own, everybody's, or also those of the named."""

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Rules:
    """Who takes part, and how far it goes."""

    name: str
    workers: Mapping[str, BaseParticipant]
    described: Mapping[str, str]
    planner: BaseParticipant
    progress: BaseParticipant
    synthesise: BaseParticipant
    review: BaseParticipant | None
    rounds: int
    stalls: int
    replans: int
    asks: int
    within: float | None
    sees: Sight
    effects: EffectRule


class Course:
    """What the rounds of one magentic share."""

    def __init__(self, rules: Rules, task: Task, context: Context) -> None:
        self.rules, self.task, self.context = rules, task, context
        resumption = context.resumption()
        kept = dict(resumption.outcomes) if resumption is not None else {}
        self.ledger = Ledger.read(kept.pop("ledger").output) if kept else Ledger()
        self.ledger.reserve.declared = most_of(rules.synthesise)
        context.keep_back(self.ledger.reserve.kept)
        self.last = {name.removeprefix("by "): outcome for name, outcome in kept.items()}
        """The latest outcome of each worker, by name."""

    async def ending(self) -> Ending:
        """Work until there is an end, and give it."""
        try:
            if self.ledger.plans == 0:
                await self._begin()
            while True:
                ending = await self._round()
                if ending is not None:
                    return ending
                await self._look("round")
                await self._mark()
        except EndedError as ended:
            return ended.ending

    # -- facts and plans ------------------------------------------------------------------------------

    async def _begin(self) -> None:
        self.ledger.began = await self._now() if self.rules.within is not None else 0
        await self._look(None)
        known = await self.ask(self.rules.planner, "facts", Facts)
        self.ledger.facts = merged(self.ledger.facts, fact_values(known.facts))
        await self._look("answer")
        first = await self.ask(self.rules.planner, "plan", Plan)
        await self._look("answer")
        await self._settle(first, {"reason": first.reason})

    async def _replan(self, why: Mapping[str, Json]) -> None:
        """Have another plan made; the facts that stand are kept, whatever the planner gives."""
        again = await self.ask(self.rules.planner, "replan", Replan, **why)
        if again.facts is not None:
            self.ledger.facts = replaced(self.ledger.facts, fact_values(again.facts))
        await self._settle(again, {"reason": again.reason, **why})

    async def _settle(self, plan: Plan, because: Mapping[str, Json]) -> None:
        """Record a plan with what it changes, and let a person decide on it."""
        ledger = self.ledger
        ledger.plans += 1
        planned = carried_over(ledger.plan, plan_items(plan.items))
        chosen = f"plan {ledger.plans}"
        stands: dict[str, Json] = {
            "plan": [item.document() for item in planned],
            "changes": changes(ledger.plan, planned),
            **because,
        }
        await self.context.choose("plan", chosen, offered=[chosen], because=stands)
        if self.rules.review is not None:
            verdict = await reviewed(self, self.rules.review, planned, stands)
            if verdict.plan is None:
                await self._rejected(verdict.reason)
                return
            planned = verdict.plan
        ledger.plan, ledger.stalls = planned, 0

    async def _rejected(self, reason: str) -> None:
        """Have another plan made after a person's reason, as long as there are replans left."""
        if self.ledger.replans >= self.rules.replans:
            raise EndedError(Ending("rejected", "escalated", f"the plan was rejected: {reason}"))
        self.ledger.replans += 1
        await self._replan({"rejected": reason})

    # -- rounds ---------------------------------------------------------------------------------------

    async def _round(self) -> Ending | None:
        """Look at the progress, then let a worker work or have another plan made."""
        ledger, rules = self.ledger, self.rules
        short = ledger.reserve.ending("answer")
        if short is not None:
            return short
        seen = await self.ask(rules.progress, "progress", Progress)
        ledger.learn(fact_values(seen.facts), seen.states)
        over = self._over(seen)
        if over is not None:
            return over
        if ledger.stalls <= rules.stalls:
            await self._turn(seen)
            return None
        why = seen.looping.reason if seen.looping.answer else seen.progressing.reason
        if ledger.replans >= rules.replans:
            return Ending("stalled", "partial", f"stalled, with no replan left of {rules.replans}: {why}")
        ledger.replans += 1
        await self._replan({"stalled": why})
        return None

    def _over(self, seen: Progress) -> Ending | None:
        """Give why there is no other round, after a look at the progress."""
        ledger, rules = self.ledger, self.rules
        if seen.satisfied.answer:
            return Ending("satisfied", "complete", seen.satisfied.reason)
        ledger.judge(looping=seen.looping.answer, progressing=seen.progressing.answer)
        if ledger.round >= rules.rounds:
            return Ending("rounds", "partial", f"not done after {rules.rounds} rounds")
        return ledger.reserve.ending("round")

    async def _turn(self, seen: Progress) -> None:
        """Let the next speaker do what it is told."""
        ledger, item = self.ledger, seen.item
        assert seen.next_speaker is not None, "checked when the answer was read"
        assert seen.instruction is not None, "checked when the answer was read"
        assert item is not None, "checked when the answer was read"
        because = {
            "round": ledger.round + 1,
            "item": item,
            "instruction": seen.instruction.answer,
            "stalls": ledger.stalls,
            "reasons": {
                name: getattr(seen, name).reason
                for name in ("satisfied", "looping", "progressing", "next_speaker", "instruction")
            },
        }
        await self.context.spend(rounds=1)
        wanted, everybody = seen.next_speaker.answer, list(self.rules.workers)
        worker = await self.context.choose("speaker", wanted, offered=everybody, because=because)
        key = ledger.begin(worker, item)
        outcome = await self._call(
            self.rules.workers[worker], self._instructed(worker, item, seen.instruction.answer), key
        )
        self.last[worker] = outcome
        ledger.end(worker, item, asked=seen.instruction.answer, outcome=outcome)

    def _instructed(self, worker: str, item: str, instruction: str) -> Task:
        """Give what a worker sees: its instruction, the facts, its own earlier work, and what is declared."""
        ledger = self.ledger
        turn = self.context.value(
            {
                "round": ledger.round,
                "instruction": instruction,
                "item": ledger.item(item).document(),
                "facts": [fact.document() for fact in ledger.facts],
                "earlier": [entry.document() for entry in ledger.earlier(worker)],
            }
        )
        sees = self.rules.sees
        names = {worker, *(sees if not isinstance(sees, str) else self.last if sees == "all" else ())}
        visible = {name: outcome for name, outcome in self.last.items() if name in names}
        previous = worker if worker in visible else self.task.previous
        return Task(self.task.input, {**self.task.state, **visible}, previous, turn)

    async def _look(self, stretch: Stretch | None) -> None:
        """Look at what limits outside leave, and at what it has come to since the last look."""
        ahead = await self.context.look_ahead()
        if ahead is not None:
            self.ledger.reserve.learn(ahead, stretch)
            self.context.keep_back(self.ledger.reserve.kept)

    async def _mark(self) -> None:
        """Mark the boundary of a round, from which a replay may start."""
        if self.context.segment_due:
            kept = Outcome("complete", self.context.value(self.ledger.document()))
            latest = {f"by {name}": outcome for name, outcome in self.last.items()}
            await self.context.segment(self.ledger.round, {}, {"ledger": kept, **latest})

    # -- asking ---------------------------------------------------------------------------------------

    async def ask(
        self, manager: BaseParticipant, phase: Phase, model: type[Document], **more: Json
    ) -> Document:
        """Ask a manager for a document; one that is malformed is asked for again, so often at most."""
        rules, problems = self.rules, list[str]()
        for left in reversed(range(rules.asks)):
            told: dict[str, Json] = {**more, "problems": list(problems)} if problems else more
            outcome = await self._call(manager, self.told(phase, **told))
            if outcome.status in ("escalated", "cancelled"):
                why = f"{manager.name} gave no answer ({phase}): {outcome.reason or outcome.status}"
                raise EndedError(Ending("manager", "escalated", why))
            try:
                return self.understood(model, outcome)
            except MalformedError as malformed:
                problems = malformed.problems
            chosen = "ask again" if left else "give up"
            refused = {"phase": phase, "by": manager.name, "problems": problems}
            await self.context.choose("malformed", chosen, offered=["ask again", "give up"], because=refused)
        why = f"{manager.name} gave no usable answer ({phase}), asked {rules.asks} times: {problems[0]}"
        raise EndedError(Ending("manager", "partial", why))

    def understood(self, model: type[Document], outcome: Outcome) -> Document:
        """Give the document that an outcome holds; raises `MalformedError`."""
        if outcome.output is None and not outcome.ok:
            message = f"no answer: {outcome.reason or outcome.status}"
            raise MalformedError([message])
        items = [item.id for item in self.ledger.plan]
        return read(model, outcome.output, Known(self.rules.workers, items, self.ledger.round))

    def told(self, phase: Phase, **more: Any) -> Task:
        """Give the task of a manager: the request, the phase, the workers and the ledger."""
        rules = self.rules
        turn = self.context.value(
            {
                "phase": phase,
                "workers": dict(rules.described),
                "ledger": self.ledger.shown(),
                "limits": {"rounds": rules.rounds, "stalls": rules.stalls, "replans": rules.replans},
                **more,
            }
        )
        speaker = self.ledger.speaker or self.task.previous
        return Task(self.task.input, {**self.task.state, **self.last}, speaker, turn)

    async def _call(self, participant: BaseParticipant, seen: Task, key: str | None = None) -> Outcome:
        """Let somebody act under the rule for effects, until the time is over where it is limited."""
        context, within = self.context, self.rules.within
        if within is None:
            return await context.call(participant, seen, key=key, effects=self.rules.effects, gives_way=True)
        over = Ending("time", "partial", f"not done within {within:g} s")
        left = within - (await self._now() - self.ledger.began) / 1_000_000
        if left <= 0:
            raise EndedError(over)
        async with context.branches() as branches:
            path = branches.start(participant, seen, key=key, effects=self.rules.effects, gives_way=True)
            branches.start(Timer(f"{self.rules.name}.within", left), seen)
            ended = await branches.next()
        assert ended is not None, "one of two branches ends first"
        if ended[0] != path:
            raise EndedError(over)
        return ended[1]

    async def consult(self, participant: BaseParticipant, seen: Task) -> Outcome:
        """Let a reviewer look at something, in the time that is left."""
        return await self._call(participant, seen)

    async def _now(self) -> int:
        return int((await self.context.now()).timestamp() * 1_000_000)
