"""What is kept for the answer: the rounds end while what limits leave still carries one.

Of amounts, what whoever puts the answer together is declared to need at most, and no less than an answer of
a manager has needed so far, is kept back in the books: no round has it, however dear it is. What a round
needs is judged by those that were; of times, so is the answer, by what was needed last, since a person may
have been waited for once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ripieno.model.event import Json
from ripieno.model.participant import Ahead
from ripieno.model.spending import AMOUNTS, dollars
from ripieno.participants.base import BaseParticipant
from ripieno.participants.limiting import stand_in
from ripieno.participants.step import Step
from ripieno.patterns.magentic.ending import Ending

__all__ = ["Reserve"]

TIMES: Final = ("active", "deadline")

Stretch = Literal["answer", "round"]
"""What lies between two looks: an answer of a manager, or a round with all that is asked in it."""


@dataclass(slots=True)
class Reserve:
    """What limits outside leave, and what a round and an answer need of it."""

    left: dict[str, int] = field(default_factory=dict[str, int])
    """With what is kept back."""
    rules: dict[str, str] = field(default_factory=dict[str, str])
    answer: dict[str, int] = field(default_factory=dict[str, int])
    round: dict[str, int] = field(default_factory=dict[str, int])

    declared: Mapping[str, int] = field(default_factory=dict[str, int])
    """The most that the answer needs of each amount that is declared for it."""

    @property
    def kept(self) -> dict[str, int]:
        """What is kept back for the answer, of amounts."""
        pairs = {name: max(self.answer.get(name, 0), self.declared.get(name, 0)) for name in AMOUNTS}
        return {name: amount for name, amount in pairs.items() if amount}

    def learn(self, ahead: Ahead, stretch: Stretch | None) -> None:
        """Take in a look, and what the stretch before it has needed."""
        kept = self.kept
        self.left = {name: left + kept.get(name, 0) for name, left in ahead.left.items()}
        self.rules = dict(ahead.rules)
        if stretch is None:
            return
        known = self.answer if stretch == "answer" else self.round
        for name, amount in ahead.needed.items():
            known[name] = amount if name in TIMES else max(amount, known.get(name, 0))

    def ending(self, another: Stretch) -> Ending | None:
        """Give why it ends here; None while what is left carries another such stretch and then the answer."""
        for name, left in self.left.items():
            needed = answer = self.answer.get(name, 0)
            if another == "round":
                needed = max(self.round.get(name, answer), 1 if name == "rounds" else 0)
            if needed + max(answer, self.declared.get(name, 0)) > left:
                status = "escalated" if self.rules[name] == "escalate" else "partial"
                why = f"ended while there is enough left for the answer, of {said(name, left)}"
                return Ending("budget", status, why)
        return None

    def document(self) -> dict[str, Json]:
        """Give it as a segment keeps it."""
        parts = {"left": self.left, "rules": self.rules, "answer": self.answer, "round": self.round}
        # What is declared stands in the definition.
        return {name: dict(part) for name, part in parts.items()}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Reserve:
        """Read what a segment kept."""
        return cls(**{name: dict(part) for name, part in kept.items()})


def said(name: str, left: int) -> str:
    """Name a limit, and what is left of it, as people write it."""
    if name in TIMES:
        limit = "the time to its deadline" if name == "deadline" else "its active time"
        return f"{limit}: {max(0, left) / 1_000_000:g} s"
    if name == "cost":
        return f"its money: {dollars(left)} US dollars"
    return f"its {name.replace('_', ' ')}: {left}"


def most_of(part: BaseParticipant) -> dict[str, int]:
    """Give the most that a participant is declared to need of each amount, whoever takes over included."""
    settings = part.settings if isinstance(part, Step) else None
    if settings is None or settings.limits is None:
        return {}
    other = stand_in(settings.limits)
    more = {} if other is None else most_of(other)
    amounts = settings.limits.amounts
    return {name: settings.attempts * (amount + more.get(name, 0)) for name, amount in amounts.items()}
