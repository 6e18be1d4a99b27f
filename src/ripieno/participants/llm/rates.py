"""What models cost: as the project says, else as `genai-prices` has it; before a call, and after it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.model.errors import DefinitionError
from ripieno.model.spending import Spending, micros

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage

    from ripieno.participants.llm.models import ModelEntry

__all__ = ["Price", "Rates", "most", "price"]

MILLION: Final = Decimal(1_000_000)
NAMES: Final = ("input", "output", "cache_read", "cache_write")


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
    rates = entry.rates
    if rates is not None:
        cached, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        plain = max(0, (usage.input_tokens or 0) - cached - written)
        total = (
            plain * rates.input
            + cached * rates.cache_read
            + written * rates.cache_write
            + (usage.output_tokens or 0) * rates.output
        )
        return Price(micros(total / MILLION), "project")
    found = listed(entry, usage)
    return Price(0, UNKNOWN) if found is None else Price(micros(found), source())


def listed(entry: ModelEntry, usage: RequestUsage) -> Decimal | None:
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
    from pydantic_ai.usage import RequestUsage  # noqa: PLC0415 - loaded at the first call of a model

    found = price(entry, RequestUsage(input_tokens=bytes_sent, output_tokens=tokens_back))
    return Spending(model_calls=1, tokens=bytes_sent + tokens_back, cost=found.micros)
