"""The chains of an export: each event names the hash of the one before it in its stream.

Written anew from the form of events, and not by the code that wrote them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

__all__ = ["Event", "Stream", "commitments", "event_of"]

GENESIS: Final = "0" * 64
FIELDS: Final = frozenset({"v", "stream", "seq", "prev", "at", "epoch", "kind", "path", "body"})
REFERENCES: Final = frozenset(
    {
        *("input", "output", "evidence", "reason", "content", "because", "error", "arguments", "label"),
        *("prompt", "toolset"),
    }
)
"""Fields of a body that hold the commitment of a value."""

STARTED: Final = {
    **{name: name for name in ("workflow", "version", "principal", "tenant", "key")},
    "requested": "requested_at",
}
ENDED: Final = frozenset({"complete", "partial", "escalated", "failed", "cancelled"})
OTHERS: Final = frozenset({"running", "waiting", "paused", "stopped", "needs_version", "blocked"})


class Event(NamedTuple):
    """An event, as its envelope says."""

    stream: str
    seq: int
    prev: str
    at: int
    epoch: int
    kind: str
    path: str
    body: Mapping[str, Any]


def event_of(envelope: bytes) -> Event:
    """Read an envelope; raises `ValueError` for what is none, or not in its canonical form."""
    found: Any = json.loads(envelope, parse_float=refuse, parse_constant=refuse)
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if fields.keys() != FIELDS or fields["v"] != 1:
        msg = "it is no envelope of format 1"
        raise ValueError(msg)
    if json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != envelope:
        msg = "it is not in canonical form: it was rewritten"
        raise ValueError(msg)
    event = Event(**{name: fields[name] for name in Event._fields})
    types = tuple(type(value) for value in event)
    if types != (str, int, str, int, int, str, str, dict):
        msg = "a field is of another type"
        raise ValueError(msg)
    return event


def refuse(text: str) -> Any:
    """Refuse a number that no envelope holds."""
    msg = f"{text} is no number of an envelope"
    raise ValueError(msg)


def commitments(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the commitments in a body, with the field that holds each."""
    left: list[tuple[str, Any, bool]] = [(name, value, name in REFERENCES) for name, value in body.items()]
    while left:
        name, value, refers = left.pop()
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            left.extend((one, item, name == "inputs" or one in REFERENCES) for one, item in inner.items())
        elif refers and isinstance(value, str):
            yield name, value


@dataclass(slots=True)
class Stream:
    """A run or tenant of an export, followed event by event."""

    id: str
    name: str
    head_seq: int
    head_hash: str
    row: Mapping[str, Any] | None
    """None for a tenant."""
    seq: int = 0
    hash: str = GENESIS
    epoch: int = 0
    says: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the row should say, by the events."""

    def follow(self, event: Event, envelope: bytes, place: str, found: Callable[[str, str], None]) -> None:
        """Take the next event."""
        first = "tenant.created" if self.row is None else "run.started"
        if event.seq == 1 and event.kind != first:
            found(place, f"is {event.kind}: what begins {self.name} is {first}")
        if event.seq != self.seq + 1:
            found(place, f"follows event {self.seq}: events between them are missing, or it was moved")
        elif event.prev != self.hash:
            found(place, f"names another hash than that of event {self.seq}: one of both was changed")
        if event.epoch < self.epoch:
            found(place, f"written under epoch {event.epoch} after epoch {self.epoch}")
        if "status" in self.says:
            found(place, "stands after the end of its run")
        self.seq, self.epoch = event.seq, event.epoch
        self.hash = hashlib.sha256(envelope).hexdigest()
        self._learn(event)

    def end(self, found: Callable[[str, str], None]) -> None:
        """Compare with what the stream's row says."""
        if self.seq != self.head_seq:
            found(self.name, f"has events up to {self.seq}, its row counts {self.head_seq}")
        elif self.hash != self.head_hash:
            found(f"{self.name}, event {self.seq}", "was changed, or the hash in its row")
        if self.row is None or not self.seq:
            return
        status, ended = str(self.row.get("status")), self.says.pop("status", None)
        if ended != (status if status in ENDED else None):
            found(self.name, f"its row says {status}, its events say {ended or 'not ended'}")
        elif status not in ENDED | OTHERS:
            found(self.name, f"its row says {status}, which no run is")
        for column, said in self.says.items():
            if self.row.get(column) != said:
                there = self.row.get(column)
                found(self.name, f"its row says {column} {there!r}, its events say {said!r}")

    def _learn(self, event: Event) -> None:
        body = event.body
        match event.kind:
            case "run.started":
                self.says = {column: body[name] for name, column in STARTED.items() if name in body}
                above = body.get("parent")
                self.says["parent"] = (
                    cast("dict[str, Any]", above).get("run") if isinstance(above, dict) else None
                )
                self.says["ended_at"] = None
            case "run.forked":
                self.says["parent"] = body.get("from")
            case "run.migrated":
                self.says["version"] = body.get("to")
            case "run.ended":
                outcome = body.get("outcome")
                status = cast("dict[str, Any]", outcome).get("status") if isinstance(outcome, dict) else None
                self.says |= {"status": status or "ended", "ended_at": event.at}
            case _:
                pass
