"""Participants in one conversation, one speaker at a time, until a declared end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Evidence, Outcome
from ripieno.model.participant import Context, Signal, Task
from ripieno.model.spending import NOTHING
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.base import Pattern, Stage, as_participant, named, unique
from ripieno.patterns.compacting import Compact, Recap
from ripieno.patterns.conditions import Condition, Message, Thread, plain
from ripieno.patterns.managers import ByFunction, ByParticipant, Manager, NoSpeakerError, RoundRobin
from ripieno.patterns.outside import shown, told
from ripieno.resilience.compaction import BudgetError
from ripieno.resilience.compaction import Message as Told

__all__ = ["GroupChat", "group_chat"]

MAXIMUM_MISCHOICES = 3

Spoken = tuple[str, Outcome]
"""Who spoke, and what it ended in."""


class GroupChat(Pattern):
    """Ends with what was said last; in a maker-checker, with what the maker made last.

    `complete` when a condition of content ends it. When only a limit does, `otherwise` has the last
    word, or the outcome is `partial`. A speaker or manager that does not complete ends it as it ended.

    A speaker's parameter `turn` receives the round, the speakers and the latest messages, as many as
    `sees` says; by name it sees what each of the others said last. `compact` keeps these messages
    within a number of tokens; when they cannot be, the chat ends as `partial`.
    """

    kind = "group_chat"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        until: Condition,
        manager: Manager | None = None,
        otherwise: Stage | None = None,
        sees: int = 20,
        compact: Compact | None = None,
    ) -> None:
        super().__init__(name, stages)
        unique(self)
        self.manager, self.until, self.sees = manager or RoundRobin(), until, sees
        self.compact = compact
        self.otherwise = None if otherwise is None else as_participant(otherwise)
        self.names = [stage.name for stage in self.stages]
        if not until.bounded():
            msg = f"{self.name}: nothing ends this chat for certain"
            raise DefinitionError(
                msg, remedy="add a limit: until=... | rounds(6), in a file {any: [..., {rounds: 6}]}"
            )
        if sees < 1:
            msg = f"{self.name}: sees must be at least 1, got {sees!r}"
            raise DefinitionError(msg)
        for unknown in set(until.names()) - set(self.names):
            msg = f"{self.name}: {unknown!r} takes no part in the chat{nearest(unknown, self.names)}"
            raise DefinitionError(msg)
        self.checkers = self.manager.checkers(self.names)

    def children(self) -> Sequence[BaseParticipant]:
        """Give the speakers, who chooses among them, and who has the last word."""
        last = [] if self.otherwise is None else [self.otherwise]
        telling = [] if self.compact is None else self.compact.participants()
        return [*self.stages, *self.manager.participants(), *telling, *last]

    def settings(self) -> dict[str, Json]:
        """Give speakers, manager and end."""
        settings: dict[str, Json] = {
            "steps": self.flow(),
            "manager": self.manager.describe(),
            "until": self.until.describe(),
            "sees": self.sees,
        }
        if self.otherwise is not None:
            settings["otherwise"] = named(self.otherwise)
        if self.compact is not None:
            settings["compact"] = self.compact.describe()
        return settings

    def identity(self) -> dict[str, Json]:
        """Give the source digests of a manager, and of a counter of tokens, that are functions."""
        return {**self.manager.identity(), **({} if self.compact is None else self.compact.identity())}

    @property
    def kept(self) -> int:
        """How many messages conditions and speakers may look back on."""
        return max(self.sees, 4 * len(self.stages) + self.until.looks_back())

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let one after another speak."""
        resumption = context.resumption()
        if resumption is None:
            turns, spoken, recap = 0, list[Spoken](), Recap()
            began = await self._now(context)
        else:
            by, turns, began = resumption.state["by"], resumption.round, resumption.state["began"]
            recap = Recap.read(resumption.state, resumption.outcomes)
            spoken = [(str(name), resumption.outcomes[str(n)]) for n, name in enumerate(by)]
        while True:
            thread = await self._thread(context, spoken, turns, began)
            ended = self.until.met(thread) if spoken else None
            if ended is not None:
                return await self._result(task, context, thread, spoken, ended, recap=recap)
            if turns % len(self.names) == 0:
                await context.spend(rounds=1)
            try:
                latest, recap = await self._latest(task, context, thread, recap)
                speaker = await self._choose(task, context, thread, spoken, latest)
            except NoSpeakerError as nobody:
                return nobody.outcome
            except BudgetError as too_long:
                return Outcome("partial", spoken[-1][1].parts[0], reason=too_long.said)
            seen = self._seen(task, context, thread, spoken, messages=latest)
            outcome, _ = await self.stages[self.names.index(speaker)].run_in(context, seen)
            if not outcome.ok:
                return outcome
            turns += 1
            spoken = [*spoken, (speaker, outcome)][-self.kept :]
            state = {"began": began, "by": [by for by, _ in spoken], **recap.state()}
            said = {str(n): said for n, (_, said) in enumerate(spoken)}
            await context.segment(turns, state, {**said, **recap.outcomes()})

    async def _now(self, context: Context) -> int:
        """Give the time in microseconds, or 0 where no condition looks at it."""
        return int((await context.now()).timestamp() * 1_000_000) if self.until.timed() else 0

    async def _thread(self, context: Context, spoken: Sequence[Spoken], turns: int, began: int) -> Thread:
        elapsed = (await self._now(context) - began) / 1_000_000
        spent, signals = NOTHING, dict[str, Signal]()
        if spoken and (self.until.spends() or self.until.signals()):
            observed = await context.observe(self.until.signals())
            spent, signals = observed.spent, dict(observed.signals)
        first = turns - len(spoken) + 1
        messages = [
            Message(by, first + n, outcome.output, reference(outcome))
            for n, (by, outcome) in enumerate(spoken)
        ]
        return Thread(messages, turns, self.names, self.checkers, elapsed, spent, signals)

    async def _latest(
        self, task: Task, context: Context, thread: Thread, recap: Recap
    ) -> tuple[list[dict[str, Any]], Recap]:
        """Give the messages that are shown, and what is remembered of those left out."""
        latest = thread.messages[-self.sees :]
        if self.compact is None or not latest:
            return [{"by": message.by, "says": message.says} for message in latest], recap
        first = thread.turns - len(latest)
        turns = {first + n: [Told("answer", one.says, by=one.by)] for n, one in enumerate(latest)}
        shown, recap = await self.compact.shown(turns, recap, context, task)
        return [{"by": message.by, "says": message.content} for message in shown], recap

    def _seen(
        self, task: Task, context: Context, thread: Thread, spoken: Sequence[Spoken], **more: object
    ) -> Task:
        turn = context.value(
            {
                "round": thread.turns // len(self.names) + 1,
                "messages": [],
                "speakers": list(self.names),
                **more,
            }
        )
        state = {**task.state, **dict(spoken)}
        return Task(task.input, state, spoken[-1][0] if spoken else task.previous, turn)

    async def _choose(
        self, task: Task, context: Context, thread: Thread, spoken: Sequence[Spoken], latest: object
    ) -> str:
        """Ask the manager; one who names nobody we know is asked again, then it goes in turn."""
        refused: list[str] = []
        while len(refused) < MAXIMUM_MISCHOICES:
            more = {"refused": list(refused)} if refused else {}
            seen = self._seen(task, context, thread, spoken, messages=latest, **more)
            wanted = await self.manager.choose(thread, seen, context)
            if wanted in self.names:
                break
            refused.append(wanted)
        else:
            wanted = self.names[thread.turns % len(self.names)]
        if self.manager.fixed:
            return wanted
        because = {"turn": thread.turns + 1, "refused": refused}
        return await context.choose("speaker", wanted, offered=self.names, because=because)

    async def _result(
        self,
        task: Task,
        context: Context,
        thread: Thread,
        spoken: Sequence[Spoken],
        ended: Condition,
        *,
        recap: Recap,
    ) -> Outcome:
        """Give what came of it; `otherwise` decides what only a limit ended."""
        made = [(by, outcome) for by, outcome in spoken if by not in self.checkers] or list(spoken)
        by, last = made[-1]
        output, evidence, _ = last.parts
        if ended.good:
            return Outcome("complete", output, confidence=last.confidence, evidence=evidence)
        reason = f"the chat ended by its limit: {ended}{told(thread.signals)}"
        chosen = "nobody" if self.otherwise is None else self.otherwise.name
        await context.choose(
            "limit", chosen, offered=[chosen], because={"limit": ended.describe(), "turns": thread.turns}
        )
        if self.otherwise is None:
            return Outcome("partial", output, evidence=evidence, reason=reason)
        try:
            latest, _ = await self._latest(task, context, thread, recap)
        except BudgetError as too_long:
            return Outcome("partial", output, evidence=evidence, reason=too_long.said)
        more = {"limit": ended.describe(), **shown(thread.signals)}
        seen = self._seen(task, context, thread, spoken, messages=latest, **more)
        objections = objected(last, spoken, self.checkers)
        shown_of = context.value([asdict(item) for item in objections]) if objections else evidence
        open_ = Outcome("partial", output, evidence=shown_of, reason=context.value(reason))
        seen = Task(seen.input, {**seen.state, by: open_}, by, seen.turn)
        outcome, _ = await self.otherwise.run_in(context, seen)
        return outcome


def objected(made: Outcome, spoken: Sequence[Spoken], checkers: Sequence[str]) -> list[Evidence]:
    """Give what a version rests on and what each checker said last; nothing where nobody checks."""
    latest = {by: outcome for by, outcome in spoken if by in checkers}
    words = [Evidence(f"{by} says: {plain(outcome.output)}", f"{by}, last") for by, outcome in latest.items()]
    return [*made.evidence, *words] if words else []


def reference(outcome: Outcome) -> str:
    """Give the reference of a recorded output."""
    output = outcome.parts[0]
    return output.ref if isinstance(output, Value) else ""


def group_chat(
    *stages: Stage,
    until: Condition,
    manager: Manager | BaseParticipant | Callable[[Thread], str] | None = None,
    otherwise: Stage | None = None,
    sees: int = 20,
    compact: Compact | None = None,
    name: str | None = None,
) -> GroupChat:
    """Let participants talk until `until`, which has to hold a limit such as `rounds(6)`.

    `manager` says who speaks: in turn when there is none, `maker_checker(writer)`, a function of the
    thread, or a participant that names the next. `otherwise` decides when only a limit ends it. A
    speaker is shown the latest `sees` messages, `compact(tokens)` keeps them short.
    """
    if isinstance(manager, BaseParticipant):
        manager = ByParticipant(manager)
    elif manager is not None and not isinstance(manager, Manager):
        manager = ByFunction(manager)
    return GroupChat(
        name, stages, until=until, manager=manager, otherwise=otherwise, sees=sees, compact=compact
    )
