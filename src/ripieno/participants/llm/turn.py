"""One turn of an agent: what its loop wants is done as steps of the run, and told to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from ripieno.participants.llm.mind import Answered, CallsWanted, Mind
from ripieno.participants.llm.models import ModelEntry
from ripieno.participants.llm.rates import most
from ripieno.participants.llm.recorded import dumped, response_from, toolset
from ripieno.participants.tool_calls import Asked as AskedCall
from ripieno.participants.tool_calls import Toolbox, ToolUse
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
        self._heard: list[ModelMessage] = []
        """What the model was told and said so far."""
        self._bytes = 0
        self._offered: tuple[ModelRequestParameters, Value] | None = None
        self._positions: dict[str, int] = {}
        """Of the calls in the latest response, by their ids."""
        self._said = ""
        self._mistakes = 0
        """Calls in a row that could not be made."""
        self._tools = {tool.offered_as: tool for tool in settings.toolbox.by_name.values()}

    async def answer(self, run: Callable[[], Any]) -> Any:
        """Let the loop go to its end, and give what it answers.

        Raises `LimitReachedError` when the model was asked too often, and whatever ended the loop.
        """
        async with Mind(run) as mind:
            while True:
                match await mind.wants():
                    case Answered(output):
                        return output
                    case CallsWanted(calls):
                        mind.tell(await self._make(calls))
                    case asked:
                        mind.tell(await self._ask(asked))

    @property
    def so_far(self) -> Outcome:
        """What there is where a limit ends it: the last text of the model."""
        return Outcome("partial", self._said or None)

    # -- requests -------------------------------------------------------------------------------------

    async def _ask(self, asked: Asked) -> ModelResponse:
        """Make one request to the model as a step."""
        settings, context = self._settings, self._context
        if self._requests >= settings.rounds:
            raise LimitReachedError
        self._requests += 1
        await context.spend(rounds=1)
        told = self._told(asked)
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
        self._logical = {"after": context.value(recorded).ref}
        self._heard.append(response)
        self._positions = {
            part.tool_call_id: position for position, part in enumerate(response.tool_calls, 1)
        }
        self._said = response.text or self._said
        return response

    def _told(self, asked: Asked) -> dict[str, Value]:
        """Give what is kept of a request: what the model was not told before, and what it is offered."""
        known = len(self._heard)
        new = asked.messages[known:] if known < len(asked.messages) else asked.messages
        self._heard = list(asked.messages)
        prompt = self._context.value({"after": known, "messages": dumped(new)})
        if self._offered is None or self._offered[0] != asked.parameters:
            self._offered = asked.parameters, self._context.value(toolset(asked.parameters))
            self._bytes += len(self._offered[1].data)
        self._bytes += len(prompt.data)
        return {"prompt": prompt, "toolset": self._offered[1]}

    def _most(self, entry: ModelEntry, asked: Asked) -> Spending:
        """Give the most that a request can cost: each byte of it a token, and the longest answer."""
        written = (asked.settings or {}).get("max_tokens") or 0
        return most(entry, self._bytes, written)

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
