"""What is declared of calls on their way out, as files write it: for tools, and for models and providers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ripieno.model.failure import Failure
from ripieno.resilience import policy
from ripieno.workflows.fields import LARGEST, Decimal, Document, Time

__all__ = ["FallbackLosers", "ResilienceDocument", "resilience"]

FallbackLosers = Literal["undo", "list"]


class RetryDocument(Document):
    """How often, and how long after each other, a call is tried."""

    attempts: int = Field(default=3, ge=1, le=LARGEST, description="how often in all")
    backoff: Time = Field(default="500ms", description="wait before the second attempt; doubled each time")
    longest: Time = Field(default="5m", description="the longest that wait grows to")
    jitter: Decimal = Field(default=0.5, ge=0, le=1, description="part of a wait that is left to chance")
    within: Time | None = Field(default=None, description="time after which no attempt is begun any more")
    patience: Time | None = Field(
        default=None, description="a longer wait is not waited for: the call has failed"
    )
    on: list[Failure] | None = Field(
        default=None,
        min_length=1,
        description="after which failures; when left out, those that may pass, and `unknown`",
    )


class BreakerDocument(Document):
    """When a system is left alone for a while."""

    failures: int = Field(default=5, ge=1, le=LARGEST, description="so many open it")
    within: Time = Field(default="1m", description="in so long a time")
    share: Decimal = Field(default=0.5, ge=0, le=1, description="where they are this part of all calls")
    cooldown: Time = Field(
        default="30s", description="until one call is let through; twice as long each time that fails"
    )
    longest: Time = Field(default="10m", description="the longest that grows to")
    lasting: Time = Field(default="5m", description="how long after one of `at_once`")
    on: list[Failure] | None = Field(
        default=None, min_length=1, description="which failures count; when left out, those that may pass"
    )
    at_once: list[Failure] | None = Field(
        default=None,
        min_length=1,
        description="which open it at once; `budget_exhausted` when left out, for a model `auth` as well",
    )


class HedgeDocument(Document):
    """A second request where the first is slow, for what has no effect."""

    after: Time = Field(default="2s", description="how slow")
    percentile: int | None = Field(
        default=None, ge=1, le=99, description="slower than so many of a hundred, once twenty are known"
    )


class RateLimitDocument(Document):
    """So many requests or tokens in a time; other calls wait their turn."""

    requests: int | None = Field(default=None, ge=1, le=LARGEST, description="so many requests")
    tokens: int | None = Field(
        default=None, ge=1, le=LARGEST, description="so many tokens: reserved as declared, settled as told"
    )
    per: Time = Field(default="1m", description="in any time of this length")
    each_tenant: bool = Field(default=False, description="whether every tenant has as much for itself")
    of: Literal["system", "target"] = Field(
        default="system", description="shared by the whole system, or of this tool or model alone"
    )


class BulkheadDocument(Document):
    """How many calls of one system are under way at once."""

    at_once: int = Field(ge=1, le=LARGEST, description="so many")
    queue: int = Field(default=100, ge=0, le=LARGEST, description="how many may wait; others fail at once")


class TimeoutsDocument(Document):
    """How long one attempt may take."""

    connect: Time | None = Field(default=None, description="for the connection")
    first_byte: Time | None = Field(default=None, description="until the answer begins")
    total: Time | None = Field(default=None, description="in all")


class ResilienceDocument(Document):
    """What calls pass on their way out; what is left out is not done."""

    system: str | None = Field(
        default=None, min_length=1, description="what shares rate limits and a bulkhead; else the tool alone"
    )
    target: str | None = Field(
        default=None, min_length=1, description="what shares a breaker; else the tool alone"
    )
    retry: RetryDocument | None = Field(default=None, description="attempts, and the time between them")
    breaker: BreakerDocument | None = Field(default=None, description="when it is left alone for a while")
    hedge: HedgeDocument | None = Field(default=None, description="a second request where one is slow")
    limits: list[RateLimitDocument] = Field(
        default_factory=list[RateLimitDocument], description="how many requests and tokens in what time"
    )
    bulkhead: BulkheadDocument | None = Field(default=None, description="how many calls at once")
    timeouts: TimeoutsDocument | None = Field(default=None, description="how long an attempt may take")


def resilience(declared: ResilienceDocument) -> policy.Resilience:
    """Give what is declared itself; raises `DefinitionError` for what cannot work."""
    kinds: dict[str, type[Any]] = {
        "retry": policy.Retry,
        "breaker": policy.Breaker,
        "hedge": policy.Hedge,
        "bulkhead": policy.Bulkhead,
        "timeouts": policy.Timeouts,
    }
    parts: dict[str, Any] = {"system": declared.system, "target": declared.target}
    for name, kind in kinds.items():
        found: Document | None = getattr(declared, name)
        if found is not None:
            parts[name] = kind(**said(found))
    parts["limits"] = tuple(policy.RateLimit(**said(limit)) for limit in declared.limits)
    return policy.Resilience(**parts)


def said(document: Document) -> dict[str, Any]:
    """Give what a part of it says, each as the declaration takes it."""
    found = {name: getattr(document, name) for name in document.model_fields_set}
    return {
        name: tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType] - of names
        for name, value in found.items()
        if value is not None
    }
