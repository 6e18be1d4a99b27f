"""The very sentence that a value came from, with what the source calls the text it stands in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from ripieno.mediation.provenance.leaves import leaves, place
from ripieno.model.errors import RipienoError
from ripieno.model.event import Event

__all__ = ["Sentence", "sentence_with", "sentences"]

END: Final = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=\s*[-*•])")
NAMES: Final = ("reference", "url", "uri", "source", "id", "name", "title")
"""The fields beside a text by one of which it is called."""
HOLDING: Final = ("output", "error", "content", "input")
"""What an event by which something came in names it by."""
LONGEST: Final = 400
"""Letters of a sentence that are told; of a longer one those around the value."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a source said, word for word."""

    event: int
    """By which it came in."""
    reference: str
    """What the source calls the text; empty where it does not say."""
    text: str


def sentence_with(text: str, value: str) -> str | None:
    """Give the first sentence of a text that holds a value, whatever its case and spaces are; else None."""
    words = [re.escape(word) for word in value.split()]
    found = re.search(r"\s+".join(words), text, re.IGNORECASE) if words else None
    if found is None:
        return None
    breaks = [one.span() for one in END.finditer(text)]
    start = max((end for _, end in breaks if end <= found.start()), default=0)
    stop = min((begin for begin, _ in breaks if begin >= found.end()), default=len(text))
    if stop - start > LONGEST:
        around = max(0, LONGEST - (found.end() - found.start())) // 2
        start, stop = max(start, found.start() - around), min(stop, found.end() + around)
    return " ".join(text[start:stop].split())


def sentences(
    value: Any, by: Sequence[Mapping[str, Any]], events: Sequence[Event], opened: Callable[[str], Any]
) -> Iterator[Sentence]:
    """Give what those said whom nobody answers for and a value is from.

    by: its sources, as they are recorded with an act. events: all of the run's.
    """
    known = {one.seq: one for one in events}
    for source in by:
        event = known.get(source.get("event", 0))
        if source["trust"] != "untrusted" or event is None or "at" not in source:
            continue
        refs = (event.body[name] for name in HOLDING if event.body.get(name))
        for ref in refs:
            with suppress(RipienoError):  # erased since
                found = told_at(opened(str(ref)), source["at"], str(value))
                if found is not None:
                    yield Sentence(event.seq, *found)
                    break


def told_at(value: Any, at: str, leaf: str) -> tuple[str, str] | None:
    """Give what the text at a place is called, and its sentence that holds a leaf."""
    for where, text in leaves(value):
        if place(where) == at and isinstance(text, str) and text.strip() != leaf.strip():
            sentence = sentence_with(text, leaf)
            return None if sentence is None else (called(value, where), sentence)
    return None


def called(value: Any, at: Sequence[str | int]) -> str:
    """Give what a text is called by a field beside it, or beside what holds it."""
    holders: list[Any] = [value]
    for part in at[:-1]:
        holders.append(holders[-1][part])
    for holder in reversed(holders):
        fields: Mapping[str, Any] = cast("Mapping[str, Any]", holder) if isinstance(holder, Mapping) else {}
        found = next((fields[name] for name in NAMES if isinstance(fields.get(name), str)), None)
        if found:
            return str(found)
    return ""
