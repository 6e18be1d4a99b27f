"""What a row of a memory stands for: read from the log of the run that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ripieno.journal.memory import MemoryRow
from ripieno.model.errors import StoreError
from ripieno.model.provenance import SourceTrust, in_words
from ripieno.model.value import decode

__all__ = ["Stored", "opened"]


class Payloads(Protocol):
    """What values are read from."""

    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value; raises `StoreError` when it is gone or damaged."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """Something that was remembered, with how far it is trusted."""

    row: MemoryRow
    text: str
    trust: SourceTrust
    """`trusted` where all of it came from trusted sources alone; whatever else was said of it is less."""
    data: tuple[str, ...]
    """The classes of data that it holds, as far as was known then."""
    source: str
    """Where it came from, in words."""
    document: Mapping[str, Any]
    """What was recorded of that."""


def opened(log: Payloads, row: MemoryRow) -> Stored | None:
    """Read what was remembered; None where it cannot be read any more, such as after an erasure."""
    try:
        text = decode(log.payload(row.run, row.value))["text"]
        document: Mapping[str, Any] = decode(log.payload(row.run, row.sources))
    except StoreError:
        return None
    trusted = list(document["sources"]) == ["trusted"]
    known = document["from"].get("text")
    source = "" if known is None else in_words(known)
    return Stored(
        row, text, "trusted" if trusted else "untrusted", tuple(document["labels"]), source, document
    )
