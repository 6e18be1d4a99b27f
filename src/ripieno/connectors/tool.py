"""A Python function as a tool: what it changes, how it is undone, what to do when nobody knows."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from ripieno.connectors.arguments import declared_content
from ripieno.connectors.checks import declared_checks, described
from ripieno.connectors.secrets import declared_secrets, refusal, refuses_secret, renewed
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.mediation.validation.check import Check
from ripieno.model.action import Call, Effect, OnUncertain
from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.event import Json
from ripieno.model.provenance import SourceTrust, declared_label
from ripieno.model.spending import NOTHING, Cost, Spending

__all__ = ["Tool", "Undo", "tool", "undo_tool"]


class Tool:
    """A declared tool, still callable as the function it is; a workflow calls it by `context.use`.

    A call that raises `ToolError` definitely had no effect. Any other error from a tool that writes
    leaves the call uncertain, as does a crash.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        version: str | None = None,
        effect: Effect = "write",
        undo: Undo | None = None,
        on_uncertain: OnUncertain | Callable[..., Any] = "ask",
        timeout: Duration = "30s",
        settle: Duration | None = None,
        attempts: int = 3,
        key_lifetime: Duration = "24h",
        cost: Cost | Callable[..., Cost] | None = None,
        secrets: Mapping[str, str] | None = None,
        check: Sequence[Check] = (),
        trust: SourceTrust | None = None,
        data: Sequence[str] = (),
        content: Sequence[str] = (),
        outside: bool | None = None,
    ) -> None:
        self.function = function
        self.cost = cost
        self.secrets = declared_secrets(function, secrets or {})
        self.name = name or function.__name__
        self.checks = declared_checks(self.name, check)
        self.trust, self.data = declared_label(f"tool {self.name}", trust, data)
        self.outside = outside
        self.content = declared_content(self.name, function, content)
        self.effect: Effect = effect
        self.undo = None if undo is None else undo if isinstance(undo, Tool) else Tool(undo)
        self.version = version or source_digest(function)
        self.timeout = seconds(timeout)
        self.settle = 0.0 if settle is None else seconds(settle)
        self.attempts = attempts
        self.key_lifetime = seconds(key_lifetime)
        self._verify = on_uncertain if callable(on_uncertain) else None
        self.on_uncertain: OnUncertain = "verify" if callable(on_uncertain) else on_uncertain
        self.__doc__ = function.__doc__
        if self.on_uncertain == "verify" and self._verify is None:
            msg = f"tool {self.name}: on_uncertain='verify' needs the function that asks the system"
            raise DefinitionError(msg, remedy="pass that function itself as on_uncertain")
        if attempts < 1:
            msg = f"tool {self.name}: attempts must be at least 1, got {attempts!r}"
            raise DefinitionError(msg)
        if self.undo is not None and "read" in (effect, self.undo.effect):
            reads = self.name if effect == "read" else self.undo.name
            msg = f"tool {self.name}: undone by {self.undo.name}, but {reads} only reads"
            raise DefinitionError(msg, remedy="declare what changes something as effect='write'")

    @property
    def reference(self) -> str:
        """Where another process finds it: the `module:attribute` of its function.

        A method of an object, or a function made inside another, is found by no other process.
        """
        function = self.function
        name = getattr(function, "__qualname__", type(function).__qualname__)
        of_object = "" if inspect.isfunction(function) else "()"
        return f"{function.__module__}:{name}{of_object}"

    def declaration(self, name: str) -> Json:
        """Give the tool as it stands in a definition: its name, and what either form may say of it."""
        settings: dict[str, Json] = {}
        if self.secrets:
            settings["secrets"] = {parameter: str(one) for parameter, one in sorted(self.secrets.items())}
        if self.checks:
            settings["check"] = [check.describe() for check in self.checks]
        return {"import": name, **settings} if settings else name

    def declared_with(self, *, secrets: Mapping[str, str], check: Sequence[Check] = ()) -> Tool:
        """Give the same tool with what a workflow file says of it; raises `DefinitionError`.

        What is declared in Python already has to be the same.
        """
        found = declared_secrets(self.function, secrets)
        if self.secrets and found and found != self.secrets:
            msg = f"tool {self.name}: it has other secrets where it is declared in Python"
            raise DefinitionError(msg, remedy="say it in one place")
        checks = declared_checks(self.name, check)
        if self.checks and checks and described(checks) != described(self.checks):
            msg = f"tool {self.name}: it has other checks where it is declared in Python"
            raise DefinitionError(msg, remedy="say it in one place")
        same = copy.copy(self)
        same.checks = checks or self.checks
        same.secrets = found or self.secrets
        return same

    def undo_arguments(self, arguments: Mapping[str, Any], result: Any) -> dict[str, Any]:
        """Give the arguments that take back a call with these, which gave this.

        A parameter `result` receives what the call gave, `arguments` all that it was given; any other
        the field of the result with its name, or else the argument. Raises `ToolError` when there is
        neither.
        """
        fields = cast("Mapping[str, Any]", result) if isinstance(result, dict) else dict[str, Any]()
        known: dict[str, Any] = {**arguments, **fields, "arguments": dict(arguments), "result": result}
        hints = typing.get_type_hints(self.function)
        found: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if hints.get(name) is Call or name in self.secrets:
                continue
            if name in known:
                found[name] = known[name]
            elif parameter.default is inspect.Parameter.empty:
                msg = (
                    f"{self.name} needs {name!r}, which neither the arguments nor the result of the call hold"
                )
                raise ToolError(msg)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function directly, beside any workflow: for tests and scripts."""
        return self.function(*args, **kwargs)

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Carry out one call; with new secrets once more, where those that it had were refused."""
        if not self.secrets:
            return await invoke(self.function, arguments, call)
        if not call.given:
            await self.prepare(call)
        try:
            return await self._with_secrets(self.function, arguments, call)
        except Exception as error:  # of whatever kind a client raises for a refused secret
            if not refuses_secret(error):
                raise
            refused = refusal(self.name, error)
        if not await renewed(self.secrets, call):
            raise refused
        try:
            return await self._with_secrets(self.function, arguments, call)
        except Exception as error:  # as above
            if not refuses_secret(error):
                raise
            refused = refusal(self.name, error)
        raise refused

    async def prepare(self, call: Call) -> None:
        """Open the secrets of a call; raises `SecretError` where one cannot be had."""
        for name, reference in self.secrets.items():
            call.given[name] = await SECRETS.open(reference)

    async def _with_secrets(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], call: Call
    ) -> Any:
        asked = inspect.signature(function).parameters
        given = {name: secret for name, secret in call.given.items() if name in asked}
        try:
            return await invoke(function, {**arguments, **given}, call)
        except (KeyboardInterrupt, SystemExit) as error:  # its frames hold what was revealed
            raise error.with_traceback(None) from None

    def maximum(self, arguments: Mapping[str, Any]) -> Spending:
        """Give the most that one call with these arguments can cost, as declared."""
        if self.cost is None:
            return NOTHING
        return (self.cost(**arguments) if callable(self.cost) else self.cost).spending

    async def verify(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Give the result of an earlier call with this key, or None when it did not take effect."""
        assert self._verify is not None, "only tools that verify are asked to"
        asked = inspect.signature(self._verify).parameters
        known = {name: value for name, value in arguments.items() if name in asked}
        if self.secrets.keys() & asked:
            await self.prepare(call)
        return await self._with_secrets(self._verify, known, call)


Undo = Tool | Callable[..., Any]
"""What takes back a call: another tool, or a function that is made one with the default settings."""


def undo_tool(found: object) -> Tool | None:
    """Give what was found where an undo is to be found as a tool; None when it is none."""
    if isinstance(found, Tool):
        return found
    return Tool(found) if inspect.isfunction(found) else None


async def invoke(function: Callable[..., Any], arguments: Mapping[str, Any], call: Call) -> Any:
    """Call a function, in a thread unless it is a coroutine function; tell it about the call if it asks."""
    hints = typing.get_type_hints(function)
    told = {name: call for name in inspect.signature(function).parameters if hints.get(name) is Call}
    if inspect.iscoroutinefunction(function):
        return await cast("Awaitable[Any]", function(**arguments, **told))
    return await asyncio.to_thread(function, **arguments, **told)


def source_digest(function: Callable[..., Any]) -> str:
    """Give a short digest of the function's source."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return "unknown"
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    effect: Effect = "write",
    undo: Undo | None = None,
    on_uncertain: OnUncertain | Callable[..., Any] = "ask",
    timeout: Duration = "30s",
    settle: Duration | None = None,
    attempts: int = 3,
    key_lifetime: Duration = "24h",
    cost: Cost | Callable[..., Cost] | None = None,
    secrets: Mapping[str, str] | None = None,
    check: Sequence[Check] = (),
    trust: SourceTrust | None = None,
    data: Sequence[str] = (),
    content: Sequence[str] = (),
    outside: bool | None = None,
) -> Any:
    """Declare a function as a tool. What is not declared is taken to write, and a person is asked in doubt.

    effect: `read` or `write`.
    undo: what takes a call back: another tool, or a function, called exactly once. Its parameters
        receive fields of the result, or arguments, of their names; `result` and `arguments` the whole.
        Define it at the top of a module, so that it is found again after a restart.
    on_uncertain: `retry` under the same idempotency key within `key_lifetime`; a function that gives
        the result of an earlier call, or None when there was none; or `ask` a person.
    timeout: from the claim to the moment after which nothing is sent.
    settle: how long after that the other system may still be carrying the call out.
    attempts: how often a call that definitely failed is made in all.
    cost: the most that one call can cost, or a function of the arguments that gives it. So much is
        reserved before the call; what it has really cost it tells by `call.spent(...)`.
    secrets: references by the parameters that receive what they stand for, each as a `Secret`, at the
        moment of the call; whoever proposes a call never gives these. A function of `on_uncertain`
        receives those that it takes as well.
    check: what has to hold of arguments and results: `on_arguments(...)`, `on_result(...)`.
    trust: `trusted` where somebody answers for all that it gives, whoever may write into what it reads;
        everything else is untrusted.
    data: the classes of data that it gives, such as `phi`, `pii` or `secret`.
    content: the parameters that are only passed on, such as the text of a mail, as against those that decide
        upon what, to whom or where: policies may judge the two differently. What is not declared decides.
    outside: whether what it is given leaves the organisation, as the address of a page that is fetched does,
        though it only reads. Policies may take what is not declared for one that does.
    """

    def declare(target: Callable[..., Any]) -> Tool:
        return Tool(
            target,
            name=name,
            version=version,
            effect=effect,
            undo=undo,
            on_uncertain=on_uncertain,
            timeout=timeout,
            settle=settle,
            attempts=attempts,
            key_lifetime=key_lifetime,
            cost=cost,
            secrets=secrets,
            check=check,
            trust=trust,
            data=data,
            content=content,
            outside=outside,
        )

    return declare if function is None else declare(function)
