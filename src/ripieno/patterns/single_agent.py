"""The second rung: one participant with tools, asked again until it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ripieno.connectors.tool import Tool
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.references import reference, source_digest
from ripieno.participants.tool_calls import (
    Asked,
    Toolbox,
    ToolUse,
    Turn,
    asked_for,
    repairs_of,
    stable_name,
    told,
)
from ripieno.patterns.base import Pattern, Stage, as_participant, named
from ripieno.patterns.compacting import Compact, Recap
from ripieno.resilience.compaction import BudgetError, Message

__all__ = ["SingleAgent", "single_agent"]

REMEMBERED_CALLS = 200
"""So many different calls are remembered to tell which are repeated."""


class SingleAgent(Pattern):
    """Asks the agent; makes the calls it asks for, each a step of its own; asks again with what they gave.

    The agent's parameter `turn` holds the `round`, how many `rounds` there are, the names of its
    `tools`, the `results` of its latest calls and the `messages` so far: answers with calls, and
    their results, errors marked as such. Whatever else it gives than `use_tool(...)`, or a list of
    these, is its answer. A call of an unknown tool, with arguments that do not fit, or repeated too
    often, is not made: the agent is told, `mistakes` times.

    Ends as the agent's answer ends. When rounds or mistakes are used up, `otherwise` gets the case, or
    it is `partial` with what the calls gave.
    """

    kind = "single_agent"

    def __init__(
        self,
        name: str | None,
        agent: Stage,
        tools: Sequence[Tool | Callable[..., Any]],
        *,
        rounds: int = 10,
        repeats: int = 2,
        mistakes: int = 3,
        sees: int = 20,
        otherwise: Stage | None = None,
        compact: Compact | None = None,
    ) -> None:
        super().__init__(name, [agent])
        self.agent = self.stages[0]
        self.tools = [one if isinstance(one, Tool) else Tool(one) for one in tools]
        self.rounds, self.repeats, self.mistakes, self.sees = rounds, repeats, mistakes, sees
        self.otherwise = None if otherwise is None else as_participant(otherwise)
        self.compact = compact
        for what, number, least in (
            ("rounds", rounds, 1),
            ("repeats", repeats, 1),
            ("mistakes", mistakes, 0),
            ("sees", sees, 1),
        ):
            if number < least:
                msg = f"{self.name}: {what} must be at least {least}, got {number!r}"
                raise DefinitionError(msg)
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            msg = f"{self.name}: two tools have the same name: {', '.join(sorted(names))}"
            raise DefinitionError(msg, remedy="give one of them a name of its own: @tool(name=...)")
        self.toolbox = Toolbox(self.tools)

    def children(self) -> Sequence[BaseParticipant]:
        """Give the agent, who summarises, and who gets the case when a limit ends it."""
        telling = [] if self.compact is None else self.compact.participants()
        last = [] if self.otherwise is None else [self.otherwise]
        return [self.agent, *telling, *last]

    def settings(self) -> dict[str, Json]:
        """Give agent, tools and limits."""
        settings: dict[str, Json] = {
            "step": self.flow()[0],
            "tools": [tool.declaration(stable_name(tool)) for tool in self.tools],
            "rounds": self.rounds,
            "repeats": self.repeats,
            "mistakes": self.mistakes,
            "sees": self.sees,
        }
        if self.otherwise is not None:
            settings["otherwise"] = named(self.otherwise)
        if self.compact is not None:
            settings["compact"] = self.compact.describe()
        return settings

    def identity(self) -> dict[str, Json]:
        """Give the versions of the tools, and the source digest of a counter of tokens."""
        versions: dict[str, Json] = {stable_name(tool): tool.version for tool in self.tools}
        for check in (check for tool in self.tools for check in tool.checks):
            code = None if check.rule is None else check.rule.code()
            if code is not None:
                versions[reference(code)] = source_digest(code)
        return {**versions, **({} if self.compact is None else self.compact.identity())}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Ask, call and ask again."""
        progress = Progress.read(context)
        context.so_far(lambda: Outcome("partial", progress.gathered()))
        while True:
            await context.spend(rounds=1)
            try:
                messages, recap = await self._shown(progress, context, task)
            except BudgetError as too_long:
                return Outcome("partial", progress.gathered(), reason=too_long.said)
            progress = replace(progress, recap=recap)
            number = progress.done + 1
            seen = self._seen(task, context, progress, messages)
            outcome, _ = await self.agent.run_in(context, seen)
            asked = asked_for(outcome, number) if outcome.ok else []
            if not asked:
                return outcome
            if number >= self.rounds:
                why = f"no answer after {self.rounds} rounds"
                return await self._limited(task, context, progress, messages, why)
            results, progress = await self._carry_out(asked, task, context, progress)
            progress = progress.after(number, Turn(outcome, results), self.sees)
            if progress.mistakes > self.mistakes or progress.worn:
                messages, _ = await self._shown(progress, context, task)
                why = progress.worn or f"more than {self.mistakes} calls that could not be made"
                return await self._limited(task, context, progress, messages, why)
            await context.segment(progress.done, progress.state(), progress.outcomes())

    # -- what the agent is told -----------------------------------------------------------------------

    async def _shown(self, progress: Progress, context: Context, task: Task) -> tuple[list[Message], Recap]:
        turns = {number: turn.messages(number) for number, turn in progress.turns.items()}
        if self.compact is None or not turns:
            return [message for turn in turns.values() for message in turn], progress.recap
        return await self.compact.shown(turns, progress.recap, context, task)

    def _seen(
        self,
        task: Task,
        context: Context,
        progress: Progress,
        messages: Sequence[Message],
        **more: object,
    ) -> Task:
        latest = [one for one in messages if (one.call or "").startswith(f"{progress.done}-")]
        turn = context.value(
            {
                "round": progress.done + 1,
                "rounds": self.rounds,
                "tools": list(self.toolbox.by_name),
                "results": [brief(message) for message in latest],
                "messages": [message.document() for message in messages],
                **more,
            }
        )
        return Task(task.input, task.state, task.previous, turn)

    # -- the calls ------------------------------------------------------------------------------------

    async def _carry_out(
        self, asked: Sequence[Asked], task: Task, context: Context, progress: Progress
    ) -> tuple[list[Outcome], Progress]:
        """Make the calls of one answer side by side; those that cannot be made are answered at once."""
        results: dict[str, Outcome] = {}
        calls: list[Asked] = []
        for one in asked:
            mistake = self.toolbox.mistake(one)
            if mistake is None:
                progress, often = progress.made(f"{one.tool} {context.value(one.arguments).ref}")
                if often > self.repeats:
                    mistake = told("repeated", f"this very call was made {self.repeats} times already")
            if mistake is None:
                calls.append(one)
                continue
            results[one.id] = Outcome(
                "failed", context.value(mistake), reason=context.value(mistake["message"])
            )
            progress = replace(progress, mistakes=progress.mistakes + 1)
            await context.choose("call", "refused", offered=["refused"], because={"call": one.id, **mistake})
        async with context.branches() as branches:
            paths = {self._start(branches, one, task, context): one.id for one in calls}
            while (ended := await branches.next()) is not None:
                results[paths[ended[0]]] = ended[1]
        for one in calls:
            progress = progress.repairing(one.tool, repairs_of(results[one.id]))
        return [results[one.id] for one in asked], progress

    def _start(self, branches: Any, one: Asked, task: Task, context: Context) -> str:
        tool = self.toolbox.find(one.tool)
        assert tool is not None, "calls of unknown tools are answered before"
        use = ToolUse(tool, cast("dict[str, Any]", one.arguments))
        given = Task(context.value(one.arguments), task.state)
        return branches.start(use, given, key=one.id)

    # -- when a limit ends it -------------------------------------------------------------------------

    async def _limited(
        self, task: Task, context: Context, progress: Progress, messages: Sequence[Message], why: str
    ) -> Outcome:
        chosen = "nobody" if self.otherwise is None else self.otherwise.name
        because = {"limit": why, "rounds": progress.done, "mistakes": progress.mistakes}
        await context.choose("limit", chosen, offered=[chosen], because=because)
        if self.otherwise is None:
            return Outcome("partial", progress.gathered(), reason=why)
        seen = self._seen(task, context, progress, messages, limit=why)
        outcome, _ = await self.otherwise.run_in(context, seen)
        return outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an agent has come."""

    done: int = 0
    """Rounds in which calls were made."""
    turns: Mapping[int, Turn] = field(default_factory=dict[int, Turn])
    """The latest of them, by their number."""
    mistakes: int = 0
    calls: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often each call was asked for; the latest of them."""
    recap: Recap = field(default_factory=Recap)
    repairs: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many calls of each tool did not pass checks that let the agent try again."""
    worn: str = ""
    """Why that is over, once it is."""

    def repairing(self, tool: str, times: int | None) -> Progress:
        """Count a call that may be repaired so often; None for any other call."""
        if times is None:
            return self
        count = self.repairs.get(tool, 0) + 1
        why = f"calls of {tool} do not pass its checks, repaired {times} times"
        worn = why if count > times else self.worn
        return replace(self, repairs={**self.repairs, tool: count}, worn=worn)

    def made(self, call: str) -> tuple[Progress, int]:
        """Count a call, and give how often it was asked for by now."""
        often = self.calls.get(call, 0) + 1
        others = [(known, count) for known, count in self.calls.items() if known != call]
        return replace(self, calls=dict([*others, (call, often)][-REMEMBERED_CALLS:])), often

    def after(self, number: int, turn: Turn, sees: int) -> Progress:
        """Give the progress after a round."""
        turns = {**self.turns, number: turn}
        latest = {one: turns[one] for one in list(turns)[-sees:]}
        return replace(self, done=number, turns=latest)

    def gathered(self) -> list[dict[str, Any]]:
        """Give what the latest calls gave, errors left out: the best there is without an answer."""
        return [
            {"tool": message.by, "result": message.content}
            for number, turn in self.turns.items()
            for message in turn.messages(number)
            if message.role == "result" and not message.error
        ]

    def state(self) -> dict[str, Json]:
        """Give it as a segment keeps it."""
        return {
            "turns": {str(number): len(turn.results) for number, turn in self.turns.items()},
            "mistakes": self.mistakes,
            "calls": dict(self.calls),
            **({"repairs": dict(self.repairs)} if self.repairs else {}),
            **self.recap.state(),
        }

    def outcomes(self) -> dict[str, Outcome]:
        """Give what a segment keeps by reference."""
        kept = dict(self.recap.outcomes())
        for number, turn in self.turns.items():
            kept[str(number)] = turn.answer
            kept.update({f"{number}-{n}": result for n, result in enumerate(turn.results, 1)})
        return kept

    @classmethod
    def read(cls, context: Context) -> Progress:
        """Read the last segment; the beginning when there is none."""
        found = context.resumption()
        if found is None:
            return cls()
        state, kept = found.state, found.outcomes
        turns = {
            int(number): Turn(kept[number], [kept[f"{number}-{n}"] for n in range(1, count + 1)])
            for number, count in sorted(state["turns"].items(), key=lambda turn: int(turn[0]))
        }
        recap = Recap.read(state, kept)
        repairs = dict(state.get("repairs", {}))
        return cls(found.round, turns, state["mistakes"], dict(state["calls"]), recap, repairs)


def brief(message: Message) -> dict[str, Any]:
    """Give a result as an agent reads it first."""
    return {"tool": message.by, "error": message.error, "result": message.content}


def single_agent(
    agent: Stage,
    *,
    tools: Sequence[Tool | Callable[..., Any]],
    rounds: int = 10,
    repeats: int = 2,
    mistakes: int = 3,
    sees: int = 20,
    otherwise: Stage | None = None,
    compact: Compact | None = None,
    name: str | None = None,
) -> SingleAgent:
    """Let one participant work with tools until it answers.

    It asks for calls by giving `use_tool("look_up", {"key": 3})`, or a list of these, which are made
    side by side. It is asked `rounds` times at most; the very same call is made `repeats` times at
    most; it is told of `mistakes` calls that cannot be made, and the next one ends it. It is shown the
    calls of the latest `sees` rounds, `compact(tokens)` keeps them short. `otherwise` gets the case
    when a limit ends it.
    """
    return SingleAgent(
        name,
        agent,
        tools,
        rounds=rounds,
        repeats=repeats,
        mistakes=mistakes,
        sees=sees,
        otherwise=otherwise,
        compact=compact,
    )
