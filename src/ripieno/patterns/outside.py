"""Conditions that look beyond what is said in a chat: at what it has spent, and at a word from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.event import Json
from ripieno.model.participant import Signal
from ripieno.model.spending import Money, dollars, micros
from ripieno.patterns.conditions import Condition, Thread

__all__ = ["cost", "external", "shown", "tokens", "told"]

SIGNAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+.\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Tokens(Condition):
    """So many tokens were spent by the chat; looked at between turns."""

    n: int

    def met(self, thread: Thread) -> Condition | None:
        """Compare what was spent."""
        return self if thread.spent.tokens >= self.n else None

    def spends(self) -> bool:
        """Tell that it looks at what was spent."""
        return True

    def describe(self) -> Json:
        """Give the number."""
        return {"tokens": self.n}


@dataclass(frozen=True, slots=True)
class Costs(Condition):
    """So much money was spent by the chat; looked at between turns."""

    micros: int
    """Millionths of a US dollar."""

    def met(self, thread: Thread) -> Condition | None:
        """Compare what was spent."""
        return self if thread.spent.cost >= self.micros else None

    def spends(self) -> bool:
        """Tell that it looks at what was spent."""
        return True

    def describe(self) -> Json:
        """Give the amount in US dollars."""
        return {"cost": dollars(self.micros)}


@dataclass(frozen=True, slots=True)
class External(Condition):
    """Somebody outside gave the run a signal; looked at between turns."""

    signal: str

    def met(self, thread: Thread) -> Condition | None:
        """Look whether it was given."""
        return self if self.signal in thread.signals else None

    def signals(self) -> Sequence[str]:
        """Give its own."""
        return (self.signal,)

    def describe(self) -> Json:
        """Give the name of the signal."""
        return {"external": self.signal}


def tokens(n: int) -> Condition:
    """End when the chat has spent `n` tokens, as the tools tell that are used within it.

    It is looked at between turns, so the last turn may go beyond; a limit of the chat never lets it.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - who calls may not check
        msg = f"tokens must be at least 1, got {n!r}"
        raise DefinitionError(msg)
    return Tokens(n)


def cost(usd: Money) -> Condition:
    """End when the chat has spent so many US dollars, such as `"0.50"`; looked at as `tokens` is."""
    try:
        amount = micros(usd)
    except InputError as error:
        raise DefinitionError(error.message) from error
    if amount < 1:
        msg = f"cost must be more than nothing, got {usd!r}"
        raise DefinitionError(msg)
    return Costs(amount)


def external(signal: str) -> Condition:
    """End after the turn in which somebody gives the run this signal: `ripieno runs signal RUN NAME`.

    It is a limit: whoever gives it says that it is enough, not that what was said last is good. It holds
    from then on, for a chat that begins later as well: that one ends after its first turn.
    """
    if not SIGNAL.fullmatch(signal):
        msg = f"a signal is a word such as 'recall', got {signal!r}"
        raise DefinitionError(msg)
    return External(signal)


def told(signals: Mapping[str, Signal]) -> str:
    """Say who gave which signals and why; nothing where none was given."""
    parts = [
        f"{name} by {signal.by}" + (f": {signal.reason}" if signal.reason else "")
        for name, signal in signals.items()
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def shown(signals: Mapping[str, Signal]) -> dict[str, Any]:
    """Give what is told of signals to whoever has the last word; nothing where none was given."""
    given = {
        name: {"by": signal.by, "reason": signal.reason, "content": signal.content}
        for name, signal in signals.items()
    }
    return {"signals": given} if given else {}
