"""What is known, how surely, and where it comes from. The ledger itself keeps what is verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ripieno.model.event import Json

__all__ = ["FIRM", "MOST_FACTS", "Fact", "FactKind", "merged", "replaced"]

FactKind = Literal["given", "verified", "look_up", "derive", "guess"]
"""Stated in the request; shown by evidence; still to be looked up; still to be derived; assumed."""

FIRM: Final[tuple[FactKind, ...]] = ("given", "verified")
"""Kinds that no replan takes away."""

SURENESS: Final[Mapping[FactKind, int]] = {"given": 3, "verified": 3, "derive": 2, "look_up": 1, "guess": 0}

MOST_FACTS: Final = 200
"""A ledger holds so many; those not firm make room, oldest first. What each turn carries stays bounded."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the task ledger."""

    kind: FactKind
    text: str
    source: str | None = None
    """`input`, or the id of the evidence that shows it, such as `e3`; None for what nothing shows yet."""

    @property
    def firm(self) -> bool:
        """True when it was given, or evidence shows it."""
        return self.kind in FIRM

    def document(self) -> dict[str, Json]:
        """Give it as plain data."""
        return {"kind": self.kind, "text": self.text, "source": self.source}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Fact:
        """Read what `document` gave."""
        return cls(kept["kind"], kept["text"], kept["source"])


def merged(known: Iterable[Fact], new: Iterable[Fact]) -> list[Fact]:
    """Add facts to those known: one of the same words takes the surer kind, and never loses it."""
    by_text = {same_words(fact): fact for fact in known}
    for fact in new:
        before = by_text.get(same_words(fact))
        if before is None or SURENESS[fact.kind] > SURENESS[before.kind]:
            by_text[same_words(fact)] = fact
    return bounded(list(by_text.values()))


def replaced(known: Iterable[Fact], new: Iterable[Fact]) -> list[Fact]:
    """Give what a replan leaves: every firm fact, and the planner's own view of all others."""
    return merged([fact for fact in known if fact.firm], new)


def bounded(facts: Sequence[Fact]) -> list[Fact]:
    """Leave out what is too much: first the oldest that are not firm, then the newest."""
    surplus = len(facts) - MOST_FACTS
    loose = [fact for fact in facts if not fact.firm][: max(surplus, 0)]
    return [fact for fact in facts if fact not in loose][:MOST_FACTS]


def same_words(fact: Fact) -> str:
    """Give what two facts have in common that say the same: their words, whatever the case."""
    return " ".join(fact.text.casefold().split())
