"""What a row of a memory stands for: read from the log of the run that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from ripieno.journal.memory import MemoryRow
from ripieno.journal.store import Store
from ripieno.model.errors import StoreError
from ripieno.model.provenance import SourceTrust, in_words
from ripieno.model.value import Value, decode

__all__ = ["Stored", "found_at", "opened", "subject_in", "subject_of"]


class Payloads(Protocol):
    """What values are read from."""

    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value; raises `StoreError` when it is gone or damaged."""
        ...


def found_at(value: Any, path: str) -> Any:
    """Give what stands at a dotted path; None where nothing does."""
    found = value
    for part in path.split("."):
        found = cast("Mapping[str, Any]", found).get(part) if isinstance(found, Mapping) else None
    return found


def subject_in(key: str | None, given: Value, about: str) -> str:
    """Give whom or what a run is about, as its business key or its input says; nothing where neither does."""
    found = key if about == "key" else found_at(given.decode(), about)
    return "" if isinstance(found, bool) or not isinstance(found, str | int) else str(found)


async def subject_of(store: Store, row: MemoryRow) -> str:
    """Give whom or what something is about; nothing where that cannot be read any more."""
    if not row.about:
        return ""
    run = await store.run(row.run)
    [started] = await store.events(row.run, limit=1)
    try:
        given = Value(str(started.body["input"]), store.payload(row.run, str(started.body["input"])))
    except StoreError:
        return ""
    return subject_in(run.key, given, row.about)


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
