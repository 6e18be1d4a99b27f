"""What came of each turn, in few words: what managers are shown, and what a replan must not lose."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome, Status

__all__ = ["MOST_ENTRIES", "Entry", "digest", "in_short", "kept"]

LONGEST: Final = 600
"""Characters of an output that a digest shows; the whole stands in the log, under the entry's path."""

MOST_CLAIMS: Final = 5
RECENT: Final = 20
MOST_ENTRIES: Final = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One turn of a worker."""

    id: str
    """`e` and the number of the round: what facts name as their source."""
    by: str
    item: str
    asked: str
    status: Status
    said: str
    """The output in short, or the reason why there is none."""
    claims: Sequence[str] = ()
    """What the worker itself named as evidence, each with its reference."""

    def document(self) -> dict[str, Json]:
        """Give it as plain data."""
        return {
            "id": self.id,
            "by": self.by,
            "item": self.item,
            "asked": self.asked,
            "status": self.status,
            "said": self.said,
            "claims": list(self.claims),
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Entry:
        """Read what `document` gave."""
        names = ("id", "by", "item", "asked", "status", "said")
        return cls(*(kept[name] for name in names), claims=tuple(kept["claims"]))


def digest(entry_id: str, by: str, item: str, *, asked: str, outcome: Outcome) -> Entry:
    """Give the entry for how a worker's turn ended. A failure is evidence like any other."""
    output = "" if outcome.output is None else in_short(outcome.output)
    why = "" if outcome.ok else outcome.reason or outcome.status
    said = ": ".join(part for part in (why, output) if part)
    claims = [in_short(f"{found.claim} ({found.reference})") for found in outcome.evidence[:MOST_CLAIMS]]
    return Entry(entry_id, by, item, in_short(asked), outcome.status, said[:LONGEST], tuple(claims))


def in_short(value: object) -> str:
    """Give a value as text of bounded length."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def kept(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out what is too much: the newest stay, and the latest of each item as far as there is room."""
    latest = {entry.item: entry.id for entry in entries}
    recent = {entry.id for entry in entries[-RECENT:]}
    staying = [entry for entry in entries if entry.id in recent or latest[entry.item] == entry.id]
    return staying[-MOST_ENTRIES:]
