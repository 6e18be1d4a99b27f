"""What is spent: counts, and money in whole millionths of a dollar, so that nothing is lost to rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Final

from ripieno.model.errors import InputError

__all__ = ["AMOUNTS", "NOTHING", "Cost", "Money", "Spending", "dollars", "micros"]

Money = str | int | float | Decimal
"""US dollars: best as text, such as `"0.02"`; a float is taken as its shortest decimal text."""

MILLION: Final = 1_000_000
LARGEST: Final = 2**53 - 1


def micros(money: Money) -> int:
    """Give US dollars in millionths, rounded up; raises `InputError` for what is no amount of money."""
    try:
        value = Decimal(str(money))
        found = int((value * MILLION).to_integral_value(ROUND_CEILING)) if value.is_finite() else -1
    except InvalidOperation:
        found = -1
    if isinstance(money, bool) or not 0 <= found <= LARGEST:
        msg = f"expected US dollars such as '0.02', got {money!r}"
        raise InputError(msg)
    return found


def dollars(cost: int) -> str:
    """Give millionths of a dollar as the shortest decimal text: `0.02`, `2`, `-0.5`."""
    sign, cost = ("-", -cost) if cost < 0 else ("", cost)
    whole, part = divmod(cost, MILLION)
    return f"{sign}{whole}.{part:06}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Spending:
    """Amounts that add up. None of them is ever a float."""

    model_calls: int = 0
    tokens: int = 0
    cost: int = 0
    """Millionths of a US dollar."""
    handoffs: int = 0
    rounds: int = 0

    def __add__(self, other: Spending) -> Spending:
        """Give both together."""
        return Spending(*(mine + theirs for mine, theirs in zip(self.amounts, other.amounts, strict=True)))

    def __sub__(self, other: Spending) -> Spending:
        """Give what is left when the other is taken away."""
        return Spending(*(mine - theirs for mine, theirs in zip(self.amounts, other.amounts, strict=True)))

    def times(self, number: int) -> Spending:
        """Give so many times as much."""
        return Spending(*(amount * number for amount in self.amounts))

    def or_more(self, other: Spending) -> Spending:
        """Give the larger of each amount."""
        return Spending(*map(max, self.amounts, other.amounts))

    def beyond(self, set_aside: Spending) -> Spending:
        """Give the amounts of which nothing was set aside."""
        if not set_aside:
            return self
        pairs = zip(self.amounts, set_aside.amounts, strict=True)
        return Spending(*(0 if theirs else mine for mine, theirs in pairs))

    def less(self, other: Spending) -> Spending:
        """Give what is left when the other is taken away, of no amount less than nothing."""
        return Spending(
            *(max(0, mine - theirs) for mine, theirs in zip(self.amounts, other.amounts, strict=True))
        )

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.model_calls or self.tokens or self.cost or self.handoffs or self.rounds)

    @property
    def amounts(self) -> tuple[int, ...]:
        """The amounts in the order of `AMOUNTS`."""
        return (self.model_calls, self.tokens, self.cost, self.handoffs, self.rounds)

    def document(self) -> dict[str, int]:
        """Give what there is, as an envelope holds it."""
        return {name: amount for name, amount in zip(AMOUNTS, self.amounts, strict=True) if amount}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Spending:
        """Read what an envelope holds."""
        return cls(**document)


AMOUNTS: Final = ("model_calls", "tokens", "cost", "handoffs", "rounds")
"""Everything that is counted, by name."""

NOTHING: Final = Spending()


@dataclass(frozen=True, slots=True)
class Cost:
    """The most that one call of a tool can cost: reserved before it, settled after it.

    Raises `InputError` when an amount is negative or not a number.
    """

    model_calls: int = 0
    tokens: int = 0
    cost_usd: Money = 0
    """US dollars, such as `"0.02"`."""

    def __post_init__(self) -> None:
        for name in ("model_calls", "tokens"):
            amount: Any = getattr(self, name)
            if isinstance(amount, bool) or not isinstance(amount, int) or not 0 <= amount <= LARGEST:
                msg = f"expected a number of {name} from 0 on, got {amount!r}"
                raise InputError(msg)
        micros(self.cost_usd)

    @property
    def spending(self) -> Spending:
        """The same as amounts that add up."""
        return Spending(self.model_calls, self.tokens, micros(self.cost_usd))
