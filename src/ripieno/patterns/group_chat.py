"""Participants in one conversation, one speaker at a time, until a declared end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.base import Pattern, Stage, run_stage
from ripieno.patterns.conditions import Condition, Message, Thread
from ripieno.patterns.managers import ByFunction, ByParticipant, Manager, RoundRobin

__all__ = ["GroupChat", "group_chat"]

MAXIMUM_MISCHOICES = 3


class GroupChat(Pattern):
    """Ends with what was said last.

    `complete` when a condition of content ends it, `partial` when only a limit does. A speaker's
    parameter `turn` receives the latest messages and the round; `sees` says how many messages.
    """

    kind = "group_chat"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        manager: Manager,
        until: Condition,
        sees: int = 20,
    ) -> None:
        super().__init__(name, stages)
        self.manager, self.until, self.sees = manager, until, sees
        self.names = [stage.name for stage in self.stages]
        if not until.bounded():
            msg = f"{self.name}: nothing ends this chat for certain"
            raise DefinitionError(msg, remedy="add a limit: until=... | rounds(6)")
        if sees < 1:
            msg = f"{self.name}: sees must be at least 1, got {sees!r}"
            raise DefinitionError(msg)
        self.checkers = manager.checkers(self.names)

    def children(self) -> Sequence[BaseParticipant]:
        """Give the speakers, and who chooses among them."""
        return [*self.stages, *self.manager.participants()]

    def settings(self) -> dict[str, Json]:
        """Give speakers, manager and end."""
        return {
            "steps": self.flow(),
            "manager": self.manager.describe(),
            "until": self.until.describe(),
            "sees": self.sees,
        }

    @property
    def kept(self) -> int:
        """How many messages conditions and speakers may look back on."""
        return max(self.sees, 4 * len(self.stages))

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let one after another speak."""
        resumption = context.resumption()
        spoken: list[tuple[str, Outcome]] = []
        turns = 0
        if resumption is None:
            began = int((await context.now()).timestamp())
        else:
            began, turns = resumption.state["began"], resumption.round
            spoken = [(str(by), resumption.outcomes[str(n)]) for n, by in enumerate(resumption.state["by"])]
        while True:
            elapsed = (await context.now()).timestamp() - began if self._timed else 0.0
            thread = self._thread(spoken, turns, elapsed)
            ended = self.until.met(thread)
            if ended is not None:
                return self._result(spoken, ended)
            seen = self._seen(task, context, thread, spoken)
            speaker = await self._choose(thread, seen, context)
            outcome, _ = await run_stage(self.stages[self.names.index(speaker)], context, seen)
            if not outcome.ok:
                return outcome
            turns += 1
            spoken = [*spoken, (speaker, outcome)][-self.kept :]
            state = {"began": began, "by": [by for by, _ in spoken]}
            await context.segment(turns, state, {str(n): said for n, (_, said) in enumerate(spoken)})

    @property
    def _timed(self) -> bool:
        return "time" in str(self.until.describe())

    def _thread(self, spoken: Sequence[tuple[str, Outcome]], turns: int, elapsed: float) -> Thread:
        first = turns - len(spoken) + 1
        messages = [
            Message(by, first + n, outcome.output, reference(outcome))
            for n, (by, outcome) in enumerate(spoken)
        ]
        return Thread(messages, turns, self.names, self.checkers, elapsed)

    def _seen(
        self, task: Task, context: Context, thread: Thread, spoken: Sequence[tuple[str, Outcome]]
    ) -> Task:
        turn = context.value(
            {
                "round": thread.turns // len(self.names) + 1,
                "messages": [
                    {"by": message.by, "says": message.says} for message in thread.messages[-self.sees :]
                ],
                "speakers": list(self.names),
            }
        )
        state = {**task.state, **dict(spoken)}
        return Task(task.input, state, spoken[-1][0] if spoken else task.previous, turn)

    async def _choose(self, thread: Thread, seen: Task, context: Context) -> str:
        """Ask the manager; one who names nobody we know is asked again, then it goes in turn."""
        for _ in range(MAXIMUM_MISCHOICES):
            wanted = await self.manager.choose(thread, seen, context)
            if wanted in self.names:
                break
        else:
            wanted = self.names[thread.turns % len(self.names)]
        if type(self.manager) is RoundRobin:
            return wanted
        return await context.choose("speaker", wanted, offered=self.names, because={"turn": thread.turns + 1})

    def _result(self, spoken: Sequence[tuple[str, Outcome]], ended: Condition) -> Outcome:
        made = [(by, outcome) for by, outcome in spoken if by not in self.checkers] or list(spoken)
        _, last = made[-1] if made else ("", Outcome("partial"))
        output, evidence, _ = last.parts
        if ended.good:
            return Outcome("complete", output, confidence=last.confidence, evidence=evidence)
        return Outcome(
            "partial", output, evidence=evidence, reason=f"the chat ended by its limit: {ended.describe()}"
        )


def reference(outcome: Outcome) -> str:
    """Give the reference of a recorded output."""
    output = outcome.parts[0]
    return output.ref if isinstance(output, Value) else ""


def group_chat(
    *stages: Stage,
    until: Condition,
    manager: Manager | BaseParticipant | Callable[[Thread], str] | None = None,
    sees: int = 20,
    name: str | None = None,
) -> GroupChat:
    """Let participants talk until `until`, which has to hold a limit such as `rounds(6)`.

    `manager` says who speaks: in turn when there is none, `maker_checker(writer)`, a function of the
    thread, or a participant that names the next.
    """
    if manager is None:
        manager = RoundRobin()
    elif isinstance(manager, BaseParticipant):
        manager = ByParticipant(manager)
    elif not isinstance(manager, Manager):
        manager = ByFunction(manager)
    return GroupChat(name, stages, manager=manager, until=until, sees=sees)
