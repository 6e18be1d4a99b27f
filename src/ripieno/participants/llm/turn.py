"""One turn of an agent: what its loop wants is done as steps of the run, and told to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import ModelRetry, ToolFailed
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models import ModelRequestParameters

from ripieno.connectors.tool import Tool
from ripieno.model.failure import Failure
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.spending import Spending
from ripieno.model.value import Value
from ripieno.participants.llm.call import Asked, ModelCall
from ripieno.participants.llm.history import Compacting, shortened
from ripieno.participants.llm.mind import Answered, CallsWanted, Mind
from ripieno.participants.llm.models import ModelEntry
from ripieno.participants.llm.rates import most
from ripieno.participants.llm.recorded import dumped, messages_from, response_from, toolset
from ripieno.participants.llm.transcript import Transcript
from ripieno.participants.tool_calls import Asked as AskedCall
from ripieno.participants.tool_calls import Toolbox, ToolUse
from ripieno.resilience.compaction import Desk
from ripieno.resilience.fallback import fall_back
from ripieno.resilience.policy import PASSING

if TYPE_CHECKING:
    from pydantic_ai.models import Model

__all__ = ["LimitReachedError", "MistakesError", "Turn", "TurnSettings"]


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """What is the same for every turn of an agent."""

    entry: ModelEntry
    version: str
    timeout: float
    rounds: int
    toolbox: Toolbox
    mistakes: int
    given: Model | None = None
    """The model itself, where the agent was brought along with one."""
    others: Sequence[ModelEntry] = ()
    """Who is asked next where a request to the model fails."""
    on: Sequence[Failure] = PASSING
    """After which failures."""
    compact: Compacting | None = None
    """How what the model is told is kept short."""


Run = Callable[[list[ModelMessage] | None], Coroutine[Any, Any, Any]]
"""Begins the loop: with what was told and said so far, or from the beginning."""


class LimitReachedError(Exception):
    """The model was asked as often as it may be."""


class MistakesError(Exception):
    """The model asked for calls that cannot be made, oftener in a row than it is told of."""


class Turn:
    """One visit of an agent."""

    def __init__(
        self, settings: TurnSettings, task: Task, context: Context, reads: Mapping[str, Value]
    ) -> None:
        self._settings = settings
        self._task = task
        self._context = context
        self._logical: dict[str, Any] = {"reads": {name: value.ref for name, value in reads.items()}}
        """What the next request follows from, by reference."""
        self._requests = 0
        self._told_so_far = Transcript(context, settings.compact)
        self._shortened = 0
        """Before which request the history was made shorter last."""
        self._offered: tuple[ModelRequestParameters, Value] | None = None
        self._positions: dict[str, int] = {}
        """Of the calls in the latest response, by their ids."""
        self._said = ""
        self._mistakes = 0
        """Calls in a row that could not be made."""
        self._tools = {tool.offered_as: tool for tool in settings.toolbox.by_name.values()}

    async def answer(self, run: Run) -> Any:
        """Let the loop go to its end, and give what it answers.

        Raises `LimitReachedError` when the model was asked too often, `BudgetError` when what it has to be
        told does not fit, and whatever ended the loop.
        """
        history = self._resumed()
        while True:
            async with Mind(partial(run, history)) as mind:
                ended = await self._chapter(mind)
            if isinstance(ended, Answered):
                return ended.output
            history = ended

    async def _chapter(self, mind: Mind) -> Answered | list[ModelMessage]:
        """Let the loop go on until it answers, or until there is another history to go on with."""
        while True:
            match await mind.wants():
                case Answered() as answered:
                    return answered
                case CallsWanted(calls):
                    mind.tell(await self._make(calls))
                case asked:
                    history = await self._another(asked)
                    if history is not None:
                        return history
                    mind.tell(await self._ask(asked))

    # -- long turns -----------------------------------------------------------------------------------

    async def _another(self, asked: Asked) -> list[ModelMessage] | None:
        """Give what to go on with before a request, where the history is too long or a mark is due.

        The loop begins anew with it, in this process as in one that takes the run up there, so that both
        know the same.
        """
        settings, context, told = self._settings, self._context, self._told_so_far
        if self._requests >= settings.rounds:
            raise LimitReachedError
        compact = settings.compact
        if compact is not None and self._shortened <= self._requests and told.too_long(asked.messages):
            self._shortened = self._requests + 1
            history = await shortened(asked.messages, compact, Desk(context, self._task))
            told.begin_anew()
            return history
        if not context.segment_due:
            return None
        kept = {"logical": self._logical, "shortened": self._shortened, "mistakes": self._mistakes}
        said = Outcome("complete", context.value(self._said))
        state, outcomes = told.marked(asked.messages)
        await context.segment(self._requests, {**kept, **state}, {"said": said, **outcomes})
        return messages_from(dumped(asked.messages))

    def _resumed(self) -> list[ModelMessage] | None:
        """Give the history at the last mark; None at the beginning."""
        found = self._context.resumption()
        if found is None:
            return None
        self._requests, state = found.round, found.state
        self._logical = dict(state["logical"])
        self._shortened, self._mistakes = state["shortened"], state["mistakes"]
        self._said = found.outcomes["said"].output
        return self._told_so_far.resumed(state, found.outcomes)

    @property
    def so_far(self) -> Outcome:
        """What there is where a limit ends it: the last text of the model."""
        return Outcome("partial", self._said or None)

    # -- requests -------------------------------------------------------------------------------------

    async def _ask(self, asked: Asked) -> ModelResponse:
        """Make one request to the model as a step."""
        settings, context = self._settings, self._context
        self._requests += 1
        await context.spend(rounds=1)
        told = {"prompt": self._told_so_far.told(asked.messages), "toolset": self._toolset(asked)}
        entries = {entry.name: entry for entry in (settings.entry, *settings.others)}
        last = next(reversed(entries))

        async def attempt(name: str) -> Any:
            entry = entries[name]
            passes = entry.resilience if name == last else entry.resilience.with_fallback()
            call = ModelCall(
                entry,
                asked,
                version=settings.version,
                timeout=settings.timeout,
                most=self._most(entry, asked),
                told=told,
                given=settings.given,
                resilience=passes,
            )
            return await context.use(call, **self._logical)

        recorded = await fall_back(context, "model", list(entries), attempt, on=settings.on)
        response = response_from(recorded)
        value = context.value(recorded)
        self._logical = {"after": value.ref}
        self._told_so_far.said(value, response)
        self._positions = {
            part.tool_call_id: position for position, part in enumerate(response.tool_calls, 1)
        }
        self._said = response.text or self._said
        return response

    def _toolset(self, asked: Asked) -> Value:
        """Give what the model is offered."""
        if self._offered is None or self._offered[0] != asked.parameters:
            self._offered = asked.parameters, self._context.value(toolset(asked.parameters))
        return self._offered[1]

    def _most(self, entry: ModelEntry, asked: Asked) -> Spending:
        """Give the most that a request can cost: each byte of it a token, and the longest answer."""
        written = (asked.settings or {}).get("max_tokens") or 0
        offered = 0 if self._offered is None else len(self._offered[1].data)
        return most(entry, self._told_so_far.bytes + offered, written)

    # -- calls ----------------------------------------------------------------------------------------

    async def _make(self, calls: Sequence[ToolCallPart]) -> dict[str, Any]:
        """Make the calls of one response side by side, each a step under its place in the response."""
        context, toolbox = self._context, self._settings.toolbox
        found: dict[str, Any] = {}
        results: dict[str, str] = {}
        async with context.branches() as branches:
            paths: dict[str, ToolCallPart] = {}
            for part in calls:
                key = self._key(part)
                tool = self._offered_as(part.tool_name)
                asked = AskedCall(key, tool.name, part.args_as_dict())
                mistake = toolbox.mistake(asked)
                if mistake is not None:
                    self._mistaken(mistake["message"])
                    found[part.tool_call_id] = ModelRetry(mistake["message"])
                    continue
                self._mistakes = 0
                use = ToolUse(tool, asked.arguments, followed=True)
                given = Task(context.value(asked.arguments), self._task.state)
                paths[branches.start(use, given, key=key)] = part
            while (ended := await branches.next()) is not None:
                path, outcome = ended
                part = paths[path]
                results[self._key(part)] = ref_of(outcome, context)
                found[part.tool_call_id] = given_back(outcome)
        if results:
            self._logical["results"] = dict(sorted(results.items()))
        return found

    def _offered_as(self, name: str) -> Tool:
        """Give a tool by the name that the model knows it by."""
        found = (one.offered(name) for one in self._settings.toolbox.demands)
        tool = self._tools.get(name) or next((one for one in found if one is not None), None)
        assert tool is not None, "the loop lets no call of an unknown tool pass"
        return tool

    def _mistaken(self, message: str) -> None:
        self._mistakes += 1
        if self._mistakes > self._settings.mistakes:
            msg = f"more than {self._settings.mistakes} calls in a row that cannot be made: {message}"
            raise MistakesError(msg)

    def _key(self, part: ToolCallPart) -> str:
        return f"{self._requests}-{self._positions[part.tool_call_id]}"


def ref_of(outcome: Outcome, context: Context) -> str:
    """Give the reference of what a call gave."""
    output = outcome.parts[0]
    return output.ref if isinstance(output, Value) else context.value(output).ref


def given_back(outcome: Outcome) -> Any:
    """Give what the loop is told of a call."""
    if outcome.ok:
        return outcome.output
    said: Any = outcome.output
    if isinstance(said, dict) and "message" in said:
        return ToolFailed(f"{said['error']}: {said['message']}")
    return ToolFailed(str(outcome.reason or outcome.status))
