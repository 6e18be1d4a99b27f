"""What belongs together in a history, and what of it is never left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ripieno.model.errors import InputError
from ripieno.resilience.compaction.messages import Message

__all__ = ["History", "Unit"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Messages that stand or fall together: one alone, or calls with all their results."""

    messages: tuple[Message, ...]
    kept: str | None = None
    """Why it is never left out; None for what may be."""

    @property
    def summary(self) -> bool:
        """True when it is a summary itself."""
        return self.messages[0].role == "summary"


@dataclass(frozen=True, slots=True)
class History:
    """A history in units, oldest first."""

    units: tuple[Unit, ...]

    @classmethod
    def read(cls, messages: Sequence[Message]) -> History:
        """Put messages into units; raises `InputError` where a result has no call, or a call no result.

        The latest calls alone may still be open.
        """
        groups = list(grouped(messages))
        latest = max((n for n, group in enumerate(groups) if group[0].role == "request"), default=None)
        units = [
            Unit(group, kept(group, latest=number == latest, last=number == len(groups) - 1))
            for number, group in enumerate(groups)
        ]
        return cls(tuple(units))

    @property
    def messages(self) -> list[Message]:
        """All messages in order."""
        return [message for unit in self.units for message in unit.messages]

    def droppable(self) -> list[int]:
        """Give the indexes of the units that may be left out, oldest first."""
        return [index for index, unit in enumerate(self.units) if unit.kept is None]


def grouped(messages: Sequence[Message]) -> Iterator[tuple[Message, ...]]:
    """Give the messages that belong together, in order."""
    known: set[str] = set()
    group: list[Message] = []
    missing: set[str] = set()
    for message in messages:
        if message.role == "result":
            take_result(message, missing)
            group.append(message)
            continue
        if missing:
            msg = f"no result for the call {min(missing)!r} before the next message"
            raise InputError(msg)
        if group:
            yield tuple(group)
        group, missing = [message], {call.id for call in message.calls}
        if len(missing) < len(message.calls) or missing & known:
            msg = f"two calls have the same id: {', '.join(sorted(call.id for call in message.calls))}"
            raise InputError(msg)
        known |= missing
    if group:
        yield tuple(group)


def take_result(message: Message, missing: set[str]) -> None:
    """Count a result as come in."""
    if message.call is None or message.call not in missing:
        msg = f"a result for {message.call!r}, which the answer before it did not call"
        raise InputError(msg)
    missing.discard(message.call)


def kept(group: tuple[Message, ...], *, latest: bool, last: bool) -> str | None:
    """Say why messages are never left out."""
    first = group[0]
    reasons = (
        (first.role == "system", "system messages"),
        (any(message.pinned for message in group), "pinned messages"),
        (latest, "the latest request"),
        (any(message.error for message in group), "errors"),
        (last and first.role != "summary", "the latest message"),
    )
    return next((reason for holds, reason in reasons if holds), None)
