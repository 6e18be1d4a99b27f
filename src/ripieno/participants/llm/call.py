"""One request to a model as the kernel makes it: decided, claimed, paid for and recorded as a tool is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ripieno.connectors.progress import PROGRESS
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.action import Call, Effect, OnUncertain
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.event import Json
from ripieno.model.gate import ActionKind
from ripieno.model.spending import Spending
from ripieno.model.value import Value
from ripieno.participants.llm.clients import CLIENTS
from ripieno.participants.llm.models import ModelEntry
from ripieno.participants.llm.rates import price
from ripieno.participants.llm.recorded import dumped
from ripieno.participants.llm.retrieved import retrieved_in
from ripieno.resilience.classify import Failed, classify
from ripieno.resilience.policy import Resilience

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RequestUsage

__all__ = ["KEY", "Asked", "ModelCall"]

KEY: Final = "api_key"
"""What the key is called among what the platform gives to a call."""

ATTEMPTS: Final = 3
LONGEST_NAME: Final = 200
MOST_TOKENS: Final = 10**9
COUNTED: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
YEAR_SECONDS: Final = 365 * 24 * 3600.0


class Asked:
    """What a model is asked: the whole of it, as its client takes it."""

    __slots__ = ("messages", "parameters", "settings")

    def __init__(
        self,
        messages: Sequence[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> None:
        self.messages = list(messages)
        self.settings = settings
        self.parameters = parameters


class ModelCall:
    """A model seen as a tool that reads: asked again when nobody knows what it said, and then never more.

    What replay compares are the references that it is called with; what is sent to the model is kept beside.
    """

    act: ActionKind = "model.call"
    effect: Effect = "read"
    on_uncertain: OnUncertain = "retry"
    settle = 0.0
    key_lifetime = YEAR_SECONDS
    undo = None
    trust = None
    data = ()
    followed = True
    """What is said is read at once, and answered by calls, another request or the end of the turn."""

    def __init__(
        self,
        entry: ModelEntry,
        asked: Asked,
        *,
        version: str,
        timeout: float,
        most: Spending,
        told: Mapping[str, Value],
        given: Model | None = None,
        resilience: Resilience | None = None,
    ) -> None:
        """`given`: the model itself, where an agent was brought along with one that needs no key.

        `resilience`: what holds of the request in place of what its project declares of the model.
        """
        self.entry = entry
        self.name = entry.id
        self.version = version
        self.timeout = timeout
        self.facts = entry.facts
        self.told = told
        self.cost = most
        self.secrets: Mapping[str, Reference] = {} if entry.key is None or given else {KEY: entry.key}
        self.resilience = resilience or entry.resilience
        self.attempts = self.resilience.attempts_or(ATTEMPTS)
        self._asked = asked
        self._given = given

    def maximum(self, arguments: Mapping[str, Any]) -> Spending:
        """Give the most that the request can cost: as if each byte of it were a token."""
        del arguments
        return self.cost

    async def prepare(self, call: Call) -> None:
        """Open the key; raises `SecretError` where it cannot be had."""
        for name, reference in self.secrets.items():
            call.given[name] = await SECRETS.open(reference)

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Ask it once; raises `ToolError` for what was certainly not answered, with its class."""
        del arguments
        try:
            model = self._given or CLIENTS.model(self.entry, call.given.get(KEY))
        except DefinitionError as error:
            raise ToolError(str(error), failure="bad_request") from None
        began = time.monotonic()
        try:
            response = await self._response(model, call)
        except Exception as error:  # noqa: BLE001 - of whatever kind a client raises
            raise as_tool_error(self.name, error) from None
        self._book(response, call, time.monotonic() - began)
        return dumped([response])[0]

    async def _response(self, model: Model, call: Call) -> ModelResponse:
        """Have the model answer: at once, or piece by piece where somebody watches."""
        asked = self._asked
        if self._given is not None or not PROGRESS.watched(call.run):
            return await model.request(asked.messages, asked.settings, asked.parameters)
        said = ""
        async with model.request_stream(asked.messages, asked.settings, asked.parameters) as stream:
            async for event in stream:
                piece = text_in(event)
                if piece:
                    said += piece
                    PROGRESS.tell(call.run, call.path, said)
            response = stream.get()
        if response.state != "complete":
            msg = f"the stream ended early: {response.state}"
            raise ConnectionError(msg)
        return response

    async def verify(self, arguments: Mapping[str, Any], call: object) -> Any:
        """Nobody can tell what a model said."""
        raise NotImplementedError(self.name, arguments, call)

    def _book(self, response: ModelResponse, call: Call, seconds: float) -> None:
        """Tell what it has cost, and what has to be known of it later."""
        usage = believed(response.usage)
        cost = price(self.entry, usage)
        tokens = usage.input_tokens + usage.output_tokens
        if tokens:  # else nobody says what it has cost, and it has cost the most that was reserved
            call.spent(model_calls=1, tokens=tokens, cost_usd=f"{cost.micros}e-6")
        offered = [tool.name for tool in self._asked.parameters.function_tools]
        chosen = list(dict.fromkeys(part.tool_name for part in response.tool_calls))
        known: dict[str, Any] = {
            "model": response.model_name,
            "response": response.provider_response_id,
            "finish": response.finish_reason,
        }
        counts: dict[str, int] = {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cache_read": usage.cache_read_tokens,
            "cache_write": usage.cache_write_tokens,
            "reasoning": usage.details.get("reasoning_tokens", 0),
        }
        noted: dict[str, Json] = {
            **{name: plain(value) for name, value in known.items() if value},
            **{name: count for name, count in counts.items() if count},
            "price": cost.by if tokens else "unsaid",
            "took": int(seconds * 1_000_000),
            "chosen": [plain(one) for one in chosen],
            "passed_over": [plain(one) for one in offered if one not in chosen],
        }
        retrieved = retrieved_in(self._asked.messages)
        call.noted.update({**noted, **({"retrieved": retrieved} if retrieved else {})})


def believed(usage: RequestUsage) -> RequestUsage:
    """Give what was used without counts that cannot be: a gateway's mistake is no reason to ask again."""
    counts = {name: min(max(getattr(usage, name) or 0, 0), MOST_TOKENS) for name in COUNTED}
    details = {name: min(max(count, 0), MOST_TOKENS) for name, count in usage.details.items()}
    return dataclasses.replace(usage, **counts, details=details)


def text_in(event: object) -> str:
    """Give the piece of text that an event of a stream brings, and the name of a tool that is asked for."""
    part: Any = getattr(event, "part", None)
    if getattr(event, "event_kind", None) == "part_start":
        if part.part_kind == "tool-call":
            return f" [{part.tool_name}]"
        return part.content if part.part_kind == "text" else ""
    delta: Any = getattr(event, "delta", None)
    return delta.content_delta if getattr(delta, "part_delta_kind", None) == "text" else ""


def plain(value: Any) -> str:
    """Give a name as an envelope holds it: ASCII, and not endless."""
    return str(value).encode("ascii", "replace").decode()[:LONGEST_NAME]


class UnsettledRequestError(Exception):
    """A request of which nobody knows what it has cost; `failure` is its class, as of a `ToolError`."""

    def __init__(self, message: str, found: Failed) -> None:
        super().__init__(message)
        self.failure, self.retry_after = found.failure, found.retry_after


def as_tool_error(name: str, error: Exception) -> Exception:
    """Give what went wrong with a request by its class: that says whether it is worth another try."""
    found = classify(error)
    if not found.definite:
        return UnsettledRequestError(str(error), found)  # whoever tells of it names the model
    return ToolError(f"{name}: {error}", failure=found.failure, retry_after=found.retry_after)
