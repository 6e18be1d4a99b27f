"""A tool: what it changes, how it is undone, what to do when nobody knows; wherever it comes from."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from ripieno.connectors.checks import declared_checks, described
from ripieno.connectors.handler import Handler, Origin, declared_content
from ripieno.connectors.python_function import PythonFunction
from ripieno.connectors.remote import Remote
from ripieno.connectors.secrets import declared_secrets, refusal, refuses_secret, renewed
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.mediation.validation.check import Check
from ripieno.model.action import WITHIN_RUN, Call, Effect, OnUncertain
from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError, ToolError, nearest
from ripieno.model.event import Json
from ripieno.model.provenance import SourceTrust, declared_label
from ripieno.model.region import UNDECLARED, region_name
from ripieno.model.runaway import Rate
from ripieno.model.spending import NOTHING, Cost, Spending
from ripieno.model.tool import Eliciting
from ripieno.resilience.policy import RateLimit, Resilience

if TYPE_CHECKING:
    from ripieno.connectors.connector import Connector
    from ripieno.connectors.search import OnDemand

__all__ = ["Tool", "Undo", "offered_name", "tool", "undo_tool"]


MISSING: Final = object()
OFFERED: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What providers of models take for the name of a tool."""


class Tool:
    """A declared tool; a workflow calls it by `context.use`. One made of a function can be called as it.

    What it is made of is a Python function, or a `Handler` such as `Remote`: an act of another system
    with schemas that were given.

    A call that raises `ToolError` definitely had no effect. Any other error from a tool that writes
    leaves the call uncertain, as does a crash.
    """

    def __init__(
        self,
        function: Callable[..., Any] | Handler,
        *,
        name: str | None = None,
        version: str | None = None,
        effect: Effect | None = None,
        undo: Undo | None = None,
        on_uncertain: OnUncertain | Callable[..., Any] | Handler = "ask",
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
        region: str | None = None,
        rate: Rate | tuple[int, Duration] | None = None,
        resilience: Resilience | None = None,
        ongoing: bool = False,
    ) -> None:
        handler = function if isinstance(function, Handler) else PythonFunction(function)
        self.cost = cost
        self.secrets = declared_secrets(handler, secrets or {})
        self.handler = handler.without(self.secrets) if self.secrets else handler
        """What carries out its calls."""
        self.name, self.housed = name or handler.name, handler.housed
        self.checks = declared_checks(self.name, check)
        self.trust, self.data = declared_label(f"tool {self.name}", trust, data)
        self.outside, self.declared_region = outside, None if region is None else region_name(region)
        self.ongoing = ongoing
        self.content = declared_content(self.name, handler, content)
        self.effect: Effect = effect or "write"
        self.declares_effect = effect is not None
        """False where nobody said whether it changes anything: it is taken to write."""
        self.undo = None if undo is None else undo if isinstance(undo, Tool) else Tool(undo)
        self.version = version or handler.version
        self.timeout = seconds(timeout)
        self.settle = 0.0 if settle is None else seconds(settle)
        self.attempts = attempts if resilience is None else resilience.attempts_or(attempts)
        self.key_lifetime = seconds(key_lifetime)
        self.rate = None if rate is None else Rate(*rate)
        """How often it may be called, all runs of a process together; None where nothing is declared."""
        self.declared_resilience = resilience
        self.resilience = guarded(resilience, self.rate)
        """What its calls pass on their way out; None where nothing is declared."""
        self.connector: Connector | None = None
        """The connector that it belongs to."""
        asks = callable(on_uncertain) or isinstance(on_uncertain, Handler)
        self._verify = verifier(handler, on_uncertain) if asks else None
        self.on_uncertain: OnUncertain = "verify" if asks else cast("OnUncertain", on_uncertain)
        self.found_as = ""
        """Where another process finds it, when that is not where its handler is."""
        self.fed_by: Mapping[str, str] = {}
        """Where it finds arguments as an undo, by parameter; see `fed`."""
        self.on_demand: OnDemand | None = None
        """Set for a tool that finds others, which can then be called: see `Connector.on_demand`."""
        self.__doc__ = self.description
        if self.on_uncertain == "verify" and self._verify is None:
            msg = f"tool {self.name}: on_uncertain='verify' needs the function that asks the system"
            raise DefinitionError(msg, remedy="pass that function itself as on_uncertain")
        if attempts < 1:
            msg = f"tool {self.name}: attempts must be at least 1, got {attempts!r}"
            raise DefinitionError(msg)
        if self.undo is not None and "read" in (self.effect, self.undo.effect):
            reads = self.name if self.effect == "read" else self.undo.name
            msg = f"tool {self.name}: undone by {self.undo.name}, but {reads} only reads"
            raise DefinitionError(msg, remedy="declare what changes something as effect='write'")

        if ongoing and self.undo is None:
            msg = f"tool {self.name}: what it begins goes on elsewhere, and nothing calls it off"
            raise DefinitionError(msg, remedy="declare what does: undo=...")

    # -- what it is ----------------------------------------------------------------------------------------

    @property
    def origin(self) -> Origin:
        """Where it comes from: `python`, `mcp`, `openapi` or `system`."""
        return self.handler.origin

    @property
    def function(self) -> Callable[..., Any] | None:
        """The Python function that it is made of; None for an act of another system."""
        return self.handler.function if isinstance(self.handler, PythonFunction) else None

    @property
    def description(self) -> str:
        """What it does and when to use it; empty where its author says nothing."""
        return self.handler.description

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """JSON Schema (2020-12) of what whoever calls it may give, secrets left out."""
        return self.handler.input_schema

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """JSON Schema (2020-12) of what a call gives; None where nothing is declared of it."""
        return self.handler.output_schema

    @property
    def offered_as(self) -> str:
        """Its name as models take it, of letters, digits, `_` and `-`, 64 at most; two names stay two."""
        return offered_name(self.name)

    @property
    def reference(self) -> str:
        """Where another process finds it: `module:attribute`, or `connector:name/tool` of a connector."""
        return self.found_as or self.handler.reference

    @property
    def elicits(self) -> Eliciting | None:
        """What puts to a person what the other side wants to know first; None where it asks nothing."""
        return self.handler.elicits

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Say what is wrong with arguments of a call, in one line; None when nothing is."""
        return self.handler.problem(arguments)

    def declaration(self, name: str) -> Json:
        """Give the tool as it stands in a definition: its name, and what either form may say of it."""
        settings: dict[str, Json] = {}
        if self.connector is not None:  # it is declared with its connector
            return name
        if self.secrets:
            settings["secrets"] = {parameter: str(one) for parameter, one in sorted(self.secrets.items())}
        if self.checks:
            settings["check"] = [check.describe() for check in self.checks]
        if self.declared_resilience is not None:
            settings["resilience"] = self.declared_resilience.document()
        return {"import": name, **settings} if settings else name

    # -- the same with more said of it ---------------------------------------------------------------------

    def declared_with(
        self,
        *,
        secrets: Mapping[str, str],
        check: Sequence[Check] = (),
        resilience: Resilience | None = None,
    ) -> Tool:
        """Give the same tool with what a workflow file says of it; raises `DefinitionError`.

        What is declared in Python already has to be the same.
        """
        found = declared_secrets(self.handler, secrets)
        if self.secrets and found and found != self.secrets:
            msg = f"tool {self.name}: it has other secrets where it is declared in Python"
            raise DefinitionError(msg, remedy="say it in one place")
        checks = declared_checks(self.name, check)
        if self.checks and checks and described(checks) != described(self.checks):
            msg = f"tool {self.name}: it has other checks where it is declared in Python"
            raise DefinitionError(msg, remedy="say it in one place")
        known = self.declared_resilience
        if known is not None and resilience is not None and resilience.document() != known.document():
            msg = f"tool {self.name}: it has another resilience where it is declared in Python"
            raise DefinitionError(msg, remedy="say it in one place")
        same = copy.copy(self)
        if resilience is not None:
            same.declared_resilience, same.resilience = resilience, guarded(resilience, self.rate)
            same.attempts = resilience.attempts_or(self.attempts)
        same.checks = checks or self.checks
        same.secrets = found or self.secrets
        same.handler = self.handler.without(same.secrets)
        return same

    def fed(self, **paths: str) -> Tool:
        """Give the same tool as an undo some of whose parameters are found elsewhere.

        Each path begins with `result` or `arguments` of the call that is taken back: `id="result.order.id"`.
        Raises `DefinitionError` for a parameter that it does not have, or another path.
        """
        for name, path in paths.items():
            if not self.handler.takes(name):
                msg = f"{self.name} takes no {name!r}{nearest(name, self.handler.parameters())}"
                raise DefinitionError(msg)
            if path.partition(".")[0] not in {"result", "arguments"}:
                msg = f"{self.name}: expected a path such as 'result.id' for {name!r}, got {path!r}"
                raise DefinitionError(msg)
        same = copy.copy(self)
        same.fed_by = {**self.fed_by, **paths}
        return same

    def changed(self, **options: Any) -> Tool:
        """Give the same tool with other options of those it was declared with; raises `DefinitionError`."""
        now: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("name", "version", "undo", "timeout", "attempts", "key_lifetime", "cost")
        }
        now |= {"settle": self.settle or None, "check": self.checks, "trust": self.trust, "data": self.data}
        now |= {"content": self.content, "outside": self.outside, "rate": self.rate}
        now |= {"resilience": self.declared_resilience, "region": self.declared_region}
        now["effect"] = self.effect if self.declares_effect else None
        now["on_uncertain"] = self.on_uncertain if self._verify is None else self._verify
        now["secrets"] = {name: str(reference) for name, reference in self.secrets.items()}
        return Tool(self.handler, **{**now, **options})

    @property
    def region(self) -> str | None:
        """Where calls go, as it or its connector says; `undeclared` where they go out and nobody says it."""
        of = self.connector
        out = self.outside or (of is not None and of.elsewhere)
        return self.declared_region or (of and of.region) or (UNDECLARED if out else None)

    def bound(self, connector: Connector, undo: Tool | None) -> Tool:
        """Give the same tool as one of a connector, under its name, found through it after a restart."""
        same = copy.copy(self)
        same.connector, same.name = connector, f"{connector.name}.{self.name}"
        same.found_as = f"connector:{connector.name}/{self.name}"
        same.undo = None
        if undo is not None:
            same.undo = copy.copy(undo)
            same.undo.found_as = f"{same.found_as}#undo"
        return same

    def undo_arguments(self, arguments: Mapping[str, Any], result: Any) -> dict[str, Any]:
        """Give the arguments that take back a call with these, which gave this.

        A parameter `result` receives what the call gave, `arguments` all that it was given; any other
        the field of the result with its name, or else the argument. Raises `ToolError` when there is
        neither.
        """
        fields = cast("Mapping[str, Any]", result) if isinstance(result, dict) else dict[str, Any]()
        whole: dict[str, Any] = {"arguments": dict(arguments), "result": result}
        known: dict[str, Any] = {**arguments, **fields, **whole}
        known.update((name, at_path(whole, path)) for name, path in self.fed_by.items())
        found: dict[str, Any] = {}
        for name, required in self.handler.parameters().items():
            value = known.get(name, MISSING)
            if value is not MISSING:
                found[name] = value
            elif required:
                what = self.fed_by.get(name, name)
                msg = (
                    f"{self.name} needs {what!r}, which neither the arguments nor the result of the call hold"
                )
                raise ToolError(msg)
        return found

    # -- what it does --------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it directly, beside any workflow: for tests and scripts.

        A tool of another system is awaited, takes its arguments by name, and opens its secrets itself.
        Within a run it raises `ToolError`: there it is called by `context.use`, through the gate.
        """
        function = self.function
        if function is None or self.origin != "python":
            return self._directly(kwargs)
        return function(*args, **kwargs)

    async def _directly(self, arguments: Mapping[str, Any]) -> Any:
        if WITHIN_RUN.get():
            msg = f"{self.name} is called past the gate: within a run, await context.use({self.name}, ...)"
            raise ToolError(msg)
        until = datetime.now(UTC) + timedelta(seconds=self.timeout)
        return await self.call(arguments, Call(f"direct-{uuid4().hex}", "", "", 1, until))

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Carry out one call; with new secrets once more, where those that it had were refused."""
        if not self.secrets:
            return await self.handler.call(arguments, call)
        if not call.given:
            await self.prepare(call)
        try:
            return await self._with_secrets(self.handler, arguments, call)
        except Exception as error:  # of whatever kind a client raises for a refused secret
            if not refuses_secret(error):
                raise
            refused = refusal(self.name, error)
        if not await renewed(self.secrets, call):
            raise refused
        try:
            return await self._with_secrets(self.handler, arguments, call)
        except Exception as error:  # as above
            if not refuses_secret(error):
                raise
            refused = refusal(self.name, error)
        raise refused

    async def prepare(self, call: Call) -> None:
        """Open the secrets of a call; raises `SecretError` where one cannot be had."""
        for name, reference in self.secrets.items():
            call.given[name] = await SECRETS.open(reference)

    async def _with_secrets(self, handler: Handler, arguments: Mapping[str, Any], call: Call) -> Any:
        try:
            return await handler.call(arguments, call)
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
        known = {name: value for name, value in arguments.items() if self._verify.takes(name)}
        if any(self._verify.takes_secret(name) for name in self.secrets):
            await self.prepare(call)
        return await self._with_secrets(self._verify, known, call)


Undo = Tool | Callable[..., Any]
"""What takes back a call: another tool, or a function that is made one with the default settings."""


def undo_tool(found: object) -> Tool | None:
    """Give what was found where an undo is to be found as a tool; None when it is none."""
    if isinstance(found, Tool):
        return found
    return Tool(found) if inspect.isfunction(found) else None


def offered_name(name: str) -> str:
    """Give the name under which a tool of another name is offered to models."""
    if OFFERED.fullmatch(name):
        return name
    mark = sha256(name.encode()).hexdigest()[:6]
    return f"{re.sub(r'[^a-zA-Z0-9_-]', '_', name)[:57]}_{mark}"


def verifier(handler: Handler, asking: Any) -> Handler:
    """Give what asks a system whether a call took effect: a function, or a caller where a tool is remote."""
    if isinstance(asking, Handler):
        return asking
    if isinstance(handler, Remote):
        return handler.asking(asking)
    return PythonFunction(asking)


def guarded(resilience: Resilience | None, rate: Rate | None) -> Resilience | None:
    """Give what is declared of a tool's calls, its rate among the limits."""
    if rate is None:
        return resilience
    declared = resilience or Resilience()
    limit = RateLimit(requests=rate.calls, per=rate.per, of="target")
    return dataclasses.replace(declared, limits=(*declared.limits, limit))


def at_path(whole: Any, path: str) -> Any:
    """Give what is at a dotted path."""
    found: Any = whole
    for part in path.split("."):
        if isinstance(found, list) and part.isdecimal():
            items = cast("list[Any]", found)
            found = items[int(part)] if int(part) < len(items) else MISSING
        else:
            found = cast("dict[str, Any]", found).get(part, MISSING) if isinstance(found, dict) else MISSING
    return found


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    effect: Effect | None = None,
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
    region: str | None = None,
    rate: Rate | tuple[int, Duration] | None = None,
    resilience: Resilience | None = None,
    ongoing: bool = False,
) -> Any:
    """Declare a function as a tool. What is not declared is taken to write, and a person is asked in doubt.

    effect: `read` or `write`; what is not declared is taken to write.
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
    ongoing: whether a call begins something that goes on elsewhere while the visit waits for it, such as a
        task of another agent. A run that ends while it goes on calls it off, by its undo.
    outside: whether what it is given leaves the organisation, as the address of a page that is fetched does,
        though it only reads. Policies may take what is not declared for one that does.
    region: where what it calls is, such as `eu-central-1`, for tenants that are pinned to a region.
    rate: how many calls in what time, such as `(100, "1m")`, all runs of a process together.
    resilience: what its calls pass on their way out: time between attempts, a breaker, rate limits and more.
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
            region=region,
            rate=rate,
            resilience=resilience,
            ongoing=ongoing,
        )

    return declare if function is None else declare(function)
