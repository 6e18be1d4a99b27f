"""What models cost: as the project says, else as `genai-prices` has it; before a call, and after it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.model.errors import DefinitionError
from ripieno.model.spending import Spending, micros

if TYPE_CHECKING:
    from genai_prices import Usage
    from pydantic_ai.usage import RequestUsage

    from ripieno.participants.llm.models import ModelEntry

__all__ = ["Price", "Rates", "most", "price", "priced"]

MILLION: Final = Decimal(1_000_000)
MANY_TOKENS: Final = 1_000_000
FEW_TOKENS: Final = 1_000
KEPT_SECONDS: Final = 3600
KINDS: Final = (
    ("input_tokens",),
    ("output_tokens",),
    ("input_tokens", "cache_read_tokens"),
    ("input_tokens", "cache_write_tokens"),
)
"""What is counted of a request, in the order of `Rates`."""
NAMES: Final = ("input", "output", "cache_read", "cache_write")
REASONED: Final = "output_reasoning_tokens"
PLAIN: Final = frozenset({*(kind for kinds in KINDS for kind in kinds), REASONED, "details", "cost"})
"""What is told of a request and priced by `Rates`, or not at all."""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars for a million tokens, as a project declares them."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    @classmethod
    def read(cls, declared: Any) -> Rates:
        """Read what a project says; raises `DefinitionError`."""
        fields = cast("dict[str, Any]", declared) if isinstance(declared, dict) else {}
        unknown = [name for name in fields if name not in NAMES]
        if unknown or not {"input", "output"} <= fields.keys():
            msg = f"price must be dollars for a million tokens of input and output, got {declared!r}"
            raise DefinitionError(msg, remedy='such as price = { input = "1.25", output = "10" }')
        known = {name: dollars(name, value) for name, value in fields.items()}
        given = known["input"]
        return cls(given, known["output"], known.get("cache_read", given), known.get("cache_write", given))


def dollars(name: str, value: Any) -> Decimal:
    """Read an amount of money."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal(-1)
    if isinstance(value, bool) or not found.is_finite() or found < 0:
        msg = f"price: {name} must be US dollars such as '1.25', got {value!r}"
        raise DefinitionError(msg)
    return found


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs, and by which prices."""

    micros: int
    """Millionths of a US dollar."""
    by: str
    """Whose prices these are: `project`, the version of `genai-prices`, or `unknown`."""


UNKNOWN: Final = "unknown"


def price(entry: ModelEntry, usage: RequestUsage) -> Price:
    """Give what a request has cost, or would cost with so many tokens; nothing where no price is known."""
    if entry.rates is not None:
        return Price(micros(by_rates(entry.rates, usage)), "project")
    rates = plain_rates(entry, int(time.time() // KEPT_SECONDS))
    found = listed(entry, usage) if rates is None or special(usage) else by_rates(rates, usage)
    return Price(0, UNKNOWN) if found is None else Price(micros(found), source())


def special(usage: RequestUsage) -> bool:
    """Tell whether a request has used what `Rates` do not name, such as sound."""
    return any(amount and name not in PLAIN for name, amount in vars(usage).items())


def priced(entry: ModelEntry) -> bool:
    """Tell whether any price of a model is known; True where there are no prices to look it up in."""
    if entry.rates is not None or find_spec("genai_prices") is None:
        return True
    from genai_prices import Usage  # noqa: PLC0415 - as below

    return listed(entry, Usage(input_tokens=FEW_TOKENS, output_tokens=FEW_TOKENS)) is not None


def by_rates(rates: Rates, usage: RequestUsage) -> Decimal:
    """Give what so many tokens cost by rates that are the same for few and for many."""
    cached, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    total = (
        max(0, (usage.input_tokens or 0) - cached - written) * rates.input
        + cached * rates.cache_read
        + written * rates.cache_write
        + (usage.output_tokens or 0) * rates.output
    )
    return total / MILLION


@lru_cache(maxsize=256)
def plain_rates(entry: ModelEntry, now: int) -> Rates | None:
    """Give the listed rates of a model where they are the same for few tokens and for many; else None.

    To look a price up takes longer than the rest of a step.
    """
    from pydantic_ai.usage import RequestUsage  # noqa: PLC0415 - loaded at the first call of a model

    del now

    def cost(tokens: int, *kinds: str) -> Decimal | None:
        counts: dict[str, Any] = dict.fromkeys(kinds, tokens)
        return listed(entry, RequestUsage(**counts))

    found: list[Decimal] = []
    for kinds in KINDS:
        many, few = cost(MANY_TOKENS, *kinds), cost(FEW_TOKENS, *kinds)
        if many is None or few is None or many != few * (MANY_TOKENS // FEW_TOKENS):
            return None
        found.append(many)
    if cost(MANY_TOKENS, "output_tokens", REASONED) != found[1]:
        return None
    return Rates(*found)


def listed(entry: ModelEntry, usage: RequestUsage | Usage) -> Decimal | None:
    """Give what `genai-prices` says; None where it does not know the model."""
    from genai_prices import calc_price  # noqa: PLC0415 - loaded at the first call of a model

    try:
        return calc_price(
            usage, entry.model, provider_id=LISTED.get(entry.provider, entry.provider)
        ).total_price
    except (LookupError, ValueError):
        return None


LISTED: Final = {"bedrock": "aws", "google-vertex": "google"}
"""What `genai-prices` calls providers that have another name here."""


@lru_cache(maxsize=1)
def source() -> str:
    """Give the version of the prices."""
    return f"genai-prices {version('genai-prices')}"


def most(entry: ModelEntry, bytes_sent: int, tokens_back: int) -> Spending:
    """Give the most that a request can cost, where each byte of it is a token."""
    sent, written = highest(entry, int(time.time() // KEPT_SECONDS))
    cost = -(-(bytes_sent * sent + tokens_back * written) // MANY_TOKENS)
    return Spending(model_calls=1, tokens=bytes_sent + tokens_back, cost=cost)


@lru_cache(maxsize=256)
def highest(entry: ModelEntry, now: int) -> tuple[int, int]:
    """Give what very many tokens cost, sent and written: a dearer rate for long requests counts for all.

    What it costs to work that out is more than a request itself should; prices change seldom.
    """
    from pydantic_ai.usage import RequestUsage  # noqa: PLC0415 - loaded at the first call of a model

    del now
    long = price(entry, RequestUsage(input_tokens=MANY_TOKENS)).micros
    kept = price(entry, RequestUsage(input_tokens=MANY_TOKENS, cache_write_tokens=MANY_TOKENS)).micros
    both = price(entry, RequestUsage(input_tokens=MANY_TOKENS, output_tokens=MANY_TOKENS)).micros
    return max(long, kept), both - long
