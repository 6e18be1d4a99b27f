"""How far a run, a branch or a participant may go. A limit that trips is never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.event import Json
from ripieno.model.participant import Participant
from ripieno.model.runaway import Runaway
from ripieno.model.spending import Money, dollars, micros

__all__ = ["Ask", "Degrade", "Limits", "OnExhausted"]

COUNTED: Final = ("model_calls", "tokens", "handoffs", "rounds")
LARGEST: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Ask:
    """A person is asked for more; the work waits where it stands and goes on when more is granted."""

    role: str
    """The role that may grant it."""
    due: Duration | None = None
    """Time to answer in; for ever when None. No answer in time counts as a refusal."""


@dataclass(frozen=True, slots=True)
class Degrade:
    """A cheaper participant does it instead, within the limits above."""

    to: Participant


OnExhausted = Literal["stop", "escalate"] | Ask | Degrade
"""`stop`: ends as `partial`, `escalate`: as `escalated`, both with the best result so far."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run, or of each visit of one participant; None means no limit.

    Raises `DefinitionError` for a limit that nothing could keep.
    """

    active: Duration | None = None
    """Time in which something within is at work; waits for people and timers are not counted."""
    deadline: Duration | None = None
    """Wall-clock time from beginning to end, waits included."""
    model_calls: int | None = None
    """Calls of models, as tools declare them."""
    tokens: int | None = None
    cost_usd: Money | None = None
    """US dollars, such as `"2"` or `"0.05"`; counted in whole millionths."""
    handoffs: int | None = None
    """Times that a case is handed over, in all handoffs within."""
    rounds: int | None = None
    """Rounds of all loops and group chats within."""
    on_exhausted: OnExhausted | None = None
    """What happens when a limit trips. Unless declared, a deadline that passes ends as `escalated`,
    and any other limit stops the work: `partial`, with the best result so far."""
    allowance: bool = False
    """True to set all of it aside at the beginning, so that nobody beside it can use it up; what is
    left goes back at the end."""
    runaway: Runaway | None = None
    """When a run is held to have run away; of a whole workflow only. The defaults hold unless given."""

    def __post_init__(self) -> None:
        for duration in (self.active, self.deadline):
            if duration is not None:
                seconds(duration)
        for name in COUNTED:
            amount: Any = getattr(self, name)
            whole = isinstance(amount, int) and not isinstance(amount, bool)
            if amount is not None and not (whole and 1 <= amount <= LARGEST):
                msg = f"limit {name!r} must be a whole number from 1 on, got {amount!r}"
                raise DefinitionError(msg)
        self._check_money()
        rule = self.on_exhausted
        kind: type[object] = type(rule)
        if rule not in (None, "stop", "escalate") and not issubclass(kind, Ask | Degrade):
            msg = f"on_exhausted must be 'stop', 'escalate', ask(...) or degrade(...), got {rule!r}"
            raise DefinitionError(msg)
        if isinstance(rule, Ask) and rule.due is not None:
            seconds(rule.due)
        if self.allowance and not self.amounts:
            msg = "an allowance sets amounts aside, and none is limited"
            raise DefinitionError(msg, remedy="limit model_calls, tokens, cost_usd, handoffs or rounds")
        if self.allowance and isinstance(self.on_exhausted, Ask):
            msg = "an allowance is set aside once, so that nobody can be asked for more of it"
            raise DefinitionError(msg, remedy="leave out `allowance`, or ask where the limits above trip")
        if self.on_exhausted is not None and not self.bounded:
            msg = "on_exhausted says what a limit does, and there is none"
            raise DefinitionError(msg, remedy="set a limit, such as tokens or cost_usd")

    def _check_money(self) -> None:
        if self.cost_usd is None:
            return
        try:
            cost = micros(self.cost_usd)
        except InputError:
            cost = 0
        if cost == 0:
            msg = f"limit 'cost_usd' must be US dollars such as '0.05', got {self.cost_usd!r}"
            raise DefinitionError(msg)

    @property
    def bounded(self) -> bool:
        """True when there is any limit."""
        return bool(self.amounts) or self.active is not None or self.deadline is not None

    @property
    def amounts(self) -> dict[str, int]:
        """What may be spent of each amount that is limited; `cost` in millionths of a dollar."""
        found = {name: getattr(self, name) for name in COUNTED}
        if self.cost_usd is not None:
            found["cost"] = micros(self.cost_usd)
        return {name: amount for name, amount in found.items() if amount is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """The limits that there are; `cost` stands for money."""
        return (*(name for name in ("active", "deadline") if getattr(self, name) is not None), *self.amounts)

    def document(self) -> dict[str, Json]:
        """Give the limits as they stand in the definition: times in seconds, money as decimal text."""
        times = {"active": self.active, "deadline": self.deadline}
        document: dict[str, Json] = {
            name: in_seconds(value) for name, value in times.items() if value is not None
        }
        document |= {name: amount for name, amount in self.amounts.items() if name != "cost"}
        if self.cost_usd is not None:
            document["cost_usd"] = dollars(micros(self.cost_usd))
        if self.on_exhausted is not None:
            document["on_exhausted"] = described(self.on_exhausted)
        if self.allowance:
            document["allowance"] = True
        if self.runaway is not None and self.runaway.document():
            document["runaway"] = self.runaway.document()
        return document


def described(rule: OnExhausted) -> Json:
    """Give what happens when a limit trips, as it stands in the definition."""
    if isinstance(rule, Ask):
        due: Mapping[str, Json] = {} if rule.due is None else {"due": in_seconds(rule.due)}
        return {"ask": {"role": rule.role, **due}}
    return {"degrade": rule.to.name} if isinstance(rule, Degrade) else rule
