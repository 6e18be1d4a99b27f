"""Plain automation: a Python function as a participant."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, overload

from ripieno.model.action import Effect, OnUncertain
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.provenance import SourceTrust, declared_label
from ripieno.participants.base import BaseParticipant
from ripieno.participants.binding import Binding
from ripieno.participants.references import reference, source_digest
from ripieno.resilience.policy import Resilience
from ripieno.resilience.timing import in_thread

__all__ = ["DEFAULT_TIMEOUT", "Function", "function"]

DEFAULT_TIMEOUT = "60s"
"""How long one call of a function that is an effect may take."""


class Function(BaseParticipant):
    """A function that takes what it needs by parameter name and gives a value or an `Outcome`.

    A parameter called `input` receives the task's input, `previous` the output of the stage before,
    and one called after a participant that participant's output; the first parameter receives the
    input when it bears no such name. A parameter annotated `Context` receives the context.

    Unless declared `pure`, a function is taken for an effect: claimed before it is called, and never
    called a second time without knowing what became of the first. A pure function that takes a
    context is replayed: whatever it does to the world, it does through the context.

    What a function that is an effect brings from outside is untrusted, unless it is declared with
    `trust="trusted"`; what it passes on is as it was read.

    A plain function runs in a thread; a coroutine function runs on the event loop. `resilience` says what its
    call passes on its way out, where it is an effect.
    """

    kind = "function"

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        pure: bool = False,
        version: str | None = None,
        timeout: Duration = DEFAULT_TIMEOUT,
        trust: SourceTrust | None = None,
        data: Sequence[str] = (),
        resilience: Resilience | None = None,
    ) -> None:
        super().__init__(name or function.__name__)
        self.trust, self.data = declared_label(self.name, trust, data)
        self.function = function
        self.pure = pure
        self.version = version
        self.effect_timeout = seconds(timeout)
        self.resilience = resilience
        self.binding = Binding(function)
        self._async = inspect.iscoroutinefunction(function)
        if self.binding.context is not None and not pure:
            msg = f"{self.name} takes a context, so its body is replayed after a crash"
            raise DefinitionError(msg, remedy="declare it pure, and let its effects go through context.use")

        if pure and resilience is not None:
            msg = f"{self.name} is pure: it calls nobody who may be slow or gone"
            raise DefinitionError(msg, remedy="declare the resilience of the tools that it uses")

    def describe(self) -> dict[str, Json]:
        """Give the import reference, and whether it is pure."""
        settings: dict[str, Json] = {"import": reference(self.function)}
        if self.pure:
            settings["pure"] = True
        if self.version is not None:
            settings["version"] = self.version
        if self.effect_timeout != seconds(DEFAULT_TIMEOUT):
            settings["timeout"] = in_seconds(self.effect_timeout)
        if self.resilience is not None:
            settings["resilience"] = self.resilience.document()
        return {"function": settings}

    def output_form(self) -> Mapping[str, Any] | None:
        """Give the JSON Schema of what the function is annotated to return."""
        return self.binding.output_form()

    def identity(self) -> dict[str, Json]:
        """Give the declared version and the digest of the source."""
        return {"version": self.version, "source": source_digest(self.function)}

    def dependencies(self) -> frozenset[str] | None:
        """Give the names it takes; `previous` and `input` among them."""
        return frozenset(parameter.name for parameter in self.binding.parameters)

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the references of what it takes."""
        return self.binding.reads(task)

    async def act(self, task: Task, context: Context) -> Outcome:
        """Call the function, as an effect unless it is pure."""
        if self.pure:
            result = await self._call(task, context)
        else:
            recorded = await context.use(FunctionEffect(self, task, context), **self.reads(task))
            result = given(recorded)
        return result if isinstance(result, Outcome) else Outcome("complete", result)

    def _call(self, task: Task, context: Context) -> Awaitable[Any]:
        arguments = self.binding.arguments(task, context)
        if self._async:
            return self.function(**arguments)
        return in_thread(self.function, **arguments)


def given(recorded: Any) -> Any:
    """Give what the function gave: as it was recorded, or as a person found who looked afterwards."""
    match recorded:
        case {"outcome": document} if len(recorded) == 1:
            return Outcome.read(document)
        case {"value": value} if len(recorded) == 1:
            return value
        case _:
            return recorded


class FunctionEffect:
    """An undeclared function seen as a tool: it writes, nobody can tell afterwards, so a person is asked."""

    effect: Effect = "write"
    on_uncertain: OnUncertain = "ask"
    settle = 0.0
    key_lifetime = 0.0
    undo = None

    def __init__(self, function: Function, task: Task, context: Context) -> None:
        self.name = function.name
        self.trust, self.data = function.trust, function.data
        self.version = function.version or ""
        self.timeout = function.effect_timeout
        self.resilience = function.resilience
        self.attempts = 1 if self.resilience is None else self.resilience.attempts_or(1)
        self._function = function
        self._task = task
        self._context = context

    def shown(self) -> Mapping[str, Any]:
        """Give what the function is called with, for a person who is asked about it."""
        binding, task = self._function.binding, self._task
        found = {parameter.name: binding.find(parameter, task) for parameter in binding.parameters}
        return {name: value.decode() for name, value in found.items() if value is not None}

    async def call(self, arguments: Mapping[str, Any], call: object) -> Any:
        """Call the function with what the references stand for."""
        del arguments, call
        result = await self._function._call(self._task, self._context)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - one idea in two classes
        return {"outcome": result.document()} if isinstance(result, Outcome) else {"value": result}

    async def verify(self, arguments: Mapping[str, Any], call: object) -> Any:
        """Nobody can tell."""
        raise NotImplementedError(self.name, arguments, call)  # pragma: no cover - `ask` never verifies


@overload
def function(target: Callable[..., Any]) -> Function: ...
@overload
def function(
    *,
    name: str | None = None,
    pure: bool = False,
    version: str | None = None,
    timeout: Duration = DEFAULT_TIMEOUT,
    trust: SourceTrust | None = None,
    data: Sequence[str] = (),
    resilience: Resilience | None = None,
) -> Callable[[Callable[..., Any]], Function]: ...
def function(
    target: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    pure: bool = False,
    version: str | None = None,
    timeout: Duration = DEFAULT_TIMEOUT,
    trust: SourceTrust | None = None,
    data: Sequence[str] = (),
    resilience: Resilience | None = None,
) -> Function | Callable[[Callable[..., Any]], Function]:
    """Declare a function as a participant; see `Function` for what its parameters receive."""

    def declare(target: Callable[..., Any]) -> Function:
        return Function(
            target,
            name=name,
            pure=pure,
            version=version,
            timeout=timeout,
            trust=trust,
            data=data,
            resilience=resilience,
        )

    return declare if target is None else declare(target)
