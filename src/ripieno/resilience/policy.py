"""What a tool or a model declares: how often it is tried, when it is left alone, how much it gets to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from ripieno.kernel.guarding import Around, Missed
from ripieno.model.action import Call
from ripieno.model.decimals import decimal
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.failure import FAILURES, Failure
from ripieno.model.participant import ToolLike

__all__ = [
    "PASSING",
    "Breaker",
    "Bulkhead",
    "Hedge",
    "RateLimit",
    "Resilience",
    "Retry",
    "Timeouts",
    "classes",
]

PASSING: Final[tuple[Failure, ...]] = ("timeout", "connection", "rate_limited", "overloaded", "server")
"""What may be over in a while, and says nothing against the call itself."""

LARGEST: Final = 2**31 - 1


def classes(what: str, on: Iterable[str]) -> tuple[Failure, ...]:
    """Give classes of failures in one order, each once; `DefinitionError` for one that there is not."""
    names: list[str] = [on] if isinstance(on, str) else list(on)
    for name in names:
        if name not in FAILURES:
            msg = f"{what}: no failure is called {name!r}{nearest(str(name), FAILURES)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(sorted(FAILURES))}")
    if not names:
        msg = f"{what}: names no failure, so that it would never do anything"
        raise DefinitionError(msg)
    return cast("tuple[Failure, ...]", tuple(sorted(set(names))))


def counted(what: str, number: object, least: int = 1) -> None:
    """Raise `DefinitionError` unless it is a whole number from `least` on."""
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= LARGEST:
        msg = f"{what} must be a whole number from {least} on, got {number!r}"
        raise DefinitionError(msg)


def part(what: str, number: float) -> None:
    """Raise `DefinitionError` unless it is from 0 to 1."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:  # pyright: ignore[reportUnnecessaryIsInstance] - whatever a file gives
        msg = f"{what} must be from 0 to 1, got {number!r}"
        raise DefinitionError(msg)


def timed(what: str, *durations: Duration | None) -> None:
    """Raise `DefinitionError` for what is no duration."""
    for duration in durations:
        if duration is not None:
            try:
                seconds(duration)
            except DefinitionError as error:
                msg = f"{what}: {error.message}"
                raise DefinitionError(msg) from None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and how long after each other, a call is tried that had no effect, or only reads.

    The time doubles from `backoff` to `longest`, less a part of it by chance; where the other side says
    when to come again, it is not sooner. `within` is the time from the first claim after which none is
    begun any more. A wait beyond `patience` is not waited for: the call has failed, and somebody else may
    take over.
    """

    attempts: int = 3
    backoff: Duration = "500ms"
    longest: Duration = "5m"
    jitter: float = 0.5
    """Up to this part of each wait is left out, or added to what the other side asks for, by chance."""
    within: Duration | None = None
    patience: Duration | None = None
    on: tuple[Failure, ...] = (*PASSING, "unknown")

    def __post_init__(self) -> None:
        counted("retry attempts", self.attempts)
        part("retry jitter", self.jitter)
        timed("retry", self.backoff, self.longest, self.within, self.patience)
        object.__setattr__(self, "on", classes("retry on", self.on))

    def pause(self, missed: Missed) -> float | None:
        """Give the seconds before the next attempt; None where there is to be none."""
        if (missed.failure or "unknown") not in self.on:
            return None
        doubled = min(seconds(self.backoff) * 2 ** min(missed.attempt - 1, 40), seconds(self.longest))
        wait = doubled * (1 - self.jitter * missed.chance)
        if missed.retry_after is not None:  # and not all at the same moment
            wait = max(wait, missed.retry_after + seconds(self.backoff) * self.jitter * missed.chance)
        if self.patience is not None and wait > seconds(self.patience):
            return None
        return None if self.within is not None and missed.since + wait > seconds(self.within) else wait


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a system is left alone for a while: for all runs of the process, within one tenant.

    It opens after so many `failures` of the classes `on` within a time, where they are at least `share` of
    the calls; at once where the other side says when to come again, and for `lasting` at one of the classes
    `at_once`: where nothing is left to pay with, and for a model also where it lets nobody in. After
    `cooldown` one call is let through, and closes it, or opens it for twice as long, up to `longest`.
    """

    failures: int = 5
    within: Duration = "1m"
    share: float = 0.5
    cooldown: Duration = "30s"
    longest: Duration = "10m"
    lasting: Duration = "5m"
    on: tuple[Failure, ...] = PASSING
    at_once: tuple[Failure, ...] = ("budget_exhausted",)

    def __post_init__(self) -> None:
        counted("breaker failures", self.failures)
        part("breaker share", self.share)
        timed("breaker", self.within, self.cooldown, self.longest, self.lasting)
        object.__setattr__(self, "on", classes("breaker on", self.on))
        object.__setattr__(self, "at_once", classes("breaker at_once", self.at_once))


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second request where the first is slow: the first answer counts, the other request is called off.

    It begins after the time within which `percentile` of the latest calls were answered, or after `after`
    while fewer than twenty were. For what has no effect alone; what both cost is reserved and counted.
    """

    after: Duration = "2s"
    percentile: int | None = None

    def __post_init__(self) -> None:
        timed("hedge", self.after)
        if self.percentile is not None:
            counted("hedge percentile", self.percentile)
            if self.percentile > 99:  # noqa: PLR2004 - of a hundred
                msg = f"hedge percentile must be at most 99, got {self.percentile}"
                raise DefinitionError(msg)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests, tokens, or both, in any time of this length.

    Tokens are reserved as the tool declares their most, and settled as it tells what they were. Whoever has
    to wait is served in the order of coming; a wait beyond the call's deadline is a failure `rate_limited`.
    """

    requests: int | None = None
    tokens: int | None = None
    per: Duration = "1m"
    each_tenant: bool = False
    """Whether every tenant has as much for itself; else all of them share it."""
    of: Literal["system", "target"] = "system"
    """Whether everything that is in this system shares it, or it is of this tool or model alone."""

    def __post_init__(self) -> None:
        if self.requests is None and self.tokens is None:
            msg = "a rate limit says nothing"
            raise DefinitionError(msg, remedy="set requests, tokens or both")
        for name, amount in (("requests", self.requests), ("tokens", self.tokens)):
            if amount is not None:
                counted(f"rate limit {name}", amount)
        timed("rate limit", self.per)
        if self.of not in ("system", "target"):
            msg = f"rate limit of must be 'system' or 'target', got {self.of!r}"
            raise DefinitionError(msg)


@dataclass(frozen=True, slots=True)
class Bulkhead:
    """How many calls of one system may be under way at once, and how many may wait for it.

    So one that is slow holds up nobody else: plain functions run in threads of their own system.
    """

    at_once: int
    queue: int = 100

    def __post_init__(self) -> None:
        counted("bulkhead at_once", self.at_once)
        counted("bulkhead queue", self.queue, 0)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one attempt may take: for the connection, until the first byte of the answer, and in all.

    The first two are kept by the clients of `ripieno.resilience.http`. Never longer than the call's deadline.
    """

    connect: Duration | None = None
    first_byte: Duration | None = None
    total: Duration | None = None

    def __post_init__(self) -> None:
        timed("timeouts", self.connect, self.first_byte, self.total)
        if self.connect is None and self.first_byte is None and self.total is None:
            msg = "timeouts say nothing"
            raise DefinitionError(msg, remedy="set connect, first_byte, total or more than one")


@dataclass(frozen=True, slots=True)
class Resilience:
    """What calls of a tool or a model pass on their way out; what is not declared is not done.

    `system` is what shares rate limits and a bulkhead, such as `servicenow` or a provider of models; `target`
    what has a breaker and latencies of its own. Both are the tool's name unless given.
    """

    system: str | None = None
    target: str | None = None
    retry: Retry | None = None
    breaker: Breaker | None = None
    hedge: Hedge | None = None
    limits: tuple[RateLimit, ...] = ()
    bulkhead: Bulkhead | None = None
    timeouts: Timeouts | None = None
    repeatable: bool = field(default=False, kw_only=True)
    """True for a model, which may be asked twice though it is no tool that only reads."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", tuple(self.limits))
        for name in (self.system, self.target):
            if name is not None and (not isinstance(name, str) or not name.isascii() or not name.strip()):  # pyright: ignore[reportUnnecessaryIsInstance] - whatever a file gives
                msg = f"system and target are names in ASCII, got {name!r}"
                raise DefinitionError(msg)

    @property
    def copies(self) -> int:
        """How many times the most that a call can cost is reserved."""
        return 1 if self.hedge is None else 2

    def attempts_or(self, otherwise: int) -> int:
        """Give how often a call is tried in all, where that is declared."""
        return otherwise if self.retry is None else self.retry.attempts

    def with_fallback(self, patience: Duration = "2s") -> Resilience:
        """Give the same for one of several: long waits are not waited for, the next one is asked."""
        retry = self.retry or Retry()
        if retry.patience is not None and seconds(retry.patience) <= seconds(patience):
            return self
        return dataclasses.replace(self, retry=dataclasses.replace(retry, patience=patience))

    def pause(self, missed: Missed) -> float | None:
        """Give the seconds before the next attempt; None where there is to be none."""
        return (self.retry or Retry()).pause(missed)

    async def call(self, tool: ToolLike, arguments: Mapping[str, Any], call: Call, around: Around) -> Any:
        """Carry out one call as declared."""
        from ripieno.resilience.outgoing import Outgoing  # noqa: PLC0415 - declaring does without

        return await Outgoing(self, tool, arguments, call, around).sent()

    def document(self) -> dict[str, Json]:
        """Give it as it stands in a definition: what is declared, and is not the default."""
        document: dict[str, Json] = {}
        for item in dataclasses.fields(self):
            value: Any = getattr(self, item.name)
            if value == item.default or item.name == "repeatable":  # which a model is, whoever declares it
                continue
            if isinstance(value, tuple):
                document[item.name] = [plain(one) for one in cast("tuple[Any, ...]", value)]
            else:
                document[item.name] = plain(value)
        return document


TIMES: Final = frozenset(
    {"backoff", "longest", "within", "patience", "cooldown", "lasting", "after", "per", "connect"}
    | {"first_byte", "total"}
)


def plain(value: Any) -> Json:
    """Give a part of it as it stands in a definition."""
    if not dataclasses.is_dataclass(value):
        return cast("Json", value)
    document: dict[str, Json] = {}
    for item in dataclasses.fields(value):
        found: Any = getattr(value, item.name)
        default = None if item.default is dataclasses.MISSING else item.default
        if item.name in TIMES:
            if found is not None and (default is None or seconds(found) != seconds(default)):
                document[item.name] = in_seconds(found)
        elif isinstance(found, tuple):
            if found != tuple(sorted(default or ())):
                document[item.name] = list(cast("tuple[str, ...]", found))
        elif found != default:
            document[item.name] = decimal(found) if isinstance(found, float) else found
    return document
