"""What is kept for the answer: the rounds end while what limits leave still carries one.

What a round and an answer of a manager need is judged by those that were: of amounts the most that was
needed so far, of times what was needed last, since a person may have been waited for once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ripieno.model.event import Json
from ripieno.model.participant import Ahead
from ripieno.model.spending import dollars
from ripieno.patterns.magentic.ending import Ending

__all__ = ["Reserve"]

TIMES: Final = ("active", "deadline")

Stretch = Literal["answer", "round"]
"""What lies between two looks: an answer of a manager, or a round with all that is asked in it."""


@dataclass(slots=True)
class Reserve:
    """What limits outside leave, and what a round and an answer need of it."""

    left: dict[str, int] = field(default_factory=dict[str, int])
    rules: dict[str, str] = field(default_factory=dict[str, str])
    answer: dict[str, int] = field(default_factory=dict[str, int])
    round: dict[str, int] = field(default_factory=dict[str, int])

    def learn(self, ahead: Ahead, stretch: Stretch | None) -> None:
        """Take in a look, and what the stretch before it has needed."""
        self.left, self.rules = dict(ahead.left), dict(ahead.rules)
        if stretch is None:
            return
        known = self.answer if stretch == "answer" else self.round
        for name, amount in ahead.needed.items():
            known[name] = amount if name in TIMES else max(amount, known.get(name, 0))

    def ending(self, another: Stretch) -> Ending | None:
        """Give why it ends here; None while what is left carries another such stretch and then the answer."""
        for name, left in self.left.items():
            answer = self.answer.get(name, 0)
            needed = answer
            if another == "round":
                needed = max(self.round.get(name, answer), 1 if name == "rounds" else 0)
            if needed + answer > left:
                status = "escalated" if self.rules[name] == "escalate" else "partial"
                why = f"ended while there is enough left for the answer, of {said(name, left)}"
                return Ending("budget", status, why)
        return None

    def document(self) -> dict[str, Json]:
        """Give it as a segment keeps it."""
        parts = {"left": self.left, "rules": self.rules, "answer": self.answer, "round": self.round}
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
