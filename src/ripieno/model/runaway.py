"""What keeps a run from running away: the same call over and over, too many at once, too fast, too deep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json

__all__ = ["READS", "WRITES", "CallRate", "Rate", "Runaway"]

WRITES: Final = 100
"""So often may a run write the same with the same tool, unless it says otherwise. A loop that means to do
the same again says so by another argument, such as a date; nobody means to send one mail a hundred times."""

READS: Final = 1000
"""So often may it read the same: whoever waits for another system asks it again and again."""

LARGEST: Final = 2**53 - 1


class Rate(NamedTuple):
    """So many calls of a tool in so long a time, for one principal, all its runs together."""

    calls: int
    per: Duration


class CallRate(NamedTuple):
    """A rate as a claim is held to it."""

    tool: str
    calls: int
    per: int
    """Microseconds."""

    def reason(self, path: str) -> str:
        """Say that the tool was called more often than it may be."""
        return (
            f"it has run away: {self.tool} may be called {self.calls} times in {self.per / 1_000_000:g} s"
            f" for one principal, and was to be called again by {path}"
        )


@dataclass(frozen=True, slots=True)
class Runaway:
    """When a run is held to have run away; what acts then ends as `then` says, and is never a success.

    Raises `DefinitionError` for what nothing could keep.
    """

    repeats: int | None = None
    """How often the same tool may be called with the same arguments in one run; unless given, a hundred
    times where it writes and a thousand times where it reads."""
    fan_out: int | None = None
    """How many branches one participant may have under way at once; as many as it likes unless given."""
    depth: int | None = None
    """How many workflows may stand one within another below this one; looked at when it is loaded."""
    rates: Mapping[str, Rate | tuple[int, Duration]] = field(default_factory=dict[str, Rate])
    """By name of a tool. Up to so many at once, and then as many as the time that passed allows."""
    then: Literal["escalate", "stop"] = "escalate"
    """`escalate`: it ends as `escalated`; `stop`: as `partial`."""

    def __post_init__(self) -> None:
        for name in ("repeats", "fan_out", "depth"):
            amount: Any = getattr(self, name)
            if amount is not None and not whole(amount, 0 if name == "depth" else 1):
                msg = f"runaway {name!r} must be a whole number, got {amount!r}"
                raise DefinitionError(msg)
        for tool, (calls, per) in self.rates.items():
            if not whole(calls, 1):
                msg = f"rate of {tool!r} must be a whole number of calls from 1 on, got {calls!r}"
                raise DefinitionError(msg)
            seconds(per)
        if self.then not in ("escalate", "stop"):
            msg = f"runaway 'then' must be 'escalate' or 'stop', got {self.then!r}"
            raise DefinitionError(msg)

    def allows(self, effect: str) -> int:
        """Give how often the same call may be made."""
        if self.repeats is not None:
            return self.repeats
        return READS if effect == "read" else WRITES

    def document(self) -> dict[str, Json]:
        """Give it as it stands in the definition: only what differs from the defaults."""
        numbers = {"repeats": self.repeats, "fan_out": self.fan_out, "depth": self.depth}
        document: dict[str, Json] = {name: value for name, value in numbers.items() if value is not None}
        if self.rates:
            document["rates"] = {
                tool: {"calls": calls, "per": in_seconds(per)} for tool, (calls, per) in self.rates.items()
            }
        if self.then != "escalate":
            document["then"] = self.then
        return document


def whole(amount: Any, least: int) -> bool:
    """Tell whether something is a whole number from `least` on."""
    return type(amount) is int and least <= amount <= LARGEST
