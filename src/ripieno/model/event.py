"""One event of the log: an envelope of structure and commitments, never of data.

The envelope holds ASCII keys, strings, integers up to 2^53-1, booleans, null, and lists and
objects of these, so that a fast encoder's sorted output is byte-identical to RFC 8785.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

import orjson

__all__ = ["FORMAT", "GENESIS", "KINDS", "Event", "Json", "Kind", "canonical", "digest"]

FORMAT: Final = 1
"""Version of the envelope; a reader refuses one it does not know."""

GENESIS: Final = "0" * 64
"""What the first event of a stream names as the hash before it."""

Json = str | int | bool | None | Mapping[str, "Json"] | list["Json"]
"""What an envelope may hold; floats are written as decimal strings."""

Kind = Literal[
    # of a run as a whole
    "run.started",
    "run.forked",
    "run.migrated",
    "run.ended",
    # of a participant's visit
    "step",
    "scope",
    "imported",
    # of an effect
    "intent",
    "result",
    # of choices, waits and messages
    "choice",
    "moment",
    "segment",
    "asked",
    "answered",
    "message",
    # of a tenant
    "tenant.created",
    "workflow.registered",
    "versions.compatible",
]
KINDS: Final = frozenset(get_args(Kind))

OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical(value: Mapping[str, Any]) -> bytes:
    """Give the RFC 8785 bytes of an envelope or of any document under the envelope rule."""
    return orjson.dumps(value, option=OPTIONS)


def digest(value: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a document's canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True, slots=True)
class Event:
    """One committed event, as read back from its envelope."""

    stream: str
    """The run's or tenant's id."""
    seq: int
    """Place in the stream, counted from 1."""
    prev: str
    """Hash of the event before, or `GENESIS`."""
    at: int
    """Microseconds since 1970-01-01 UTC, by the owner's clock."""
    epoch: int
    """The ownership under which it was written."""
    kind: Kind
    path: str
    """The step's path within the run; empty for events of the whole stream."""
    body: Mapping[str, Any]

    @classmethod
    def seal(cls, stream: str, seq: int, prev: str, draft: tuple[int, int, Kind, str, Mapping[str, Json]]) -> bytes:
        """Give the envelope's bytes for a draft of `(at, epoch, kind, path, body)`."""
        at, epoch, kind, path, body = draft
        return canonical(
            {
                "v": FORMAT,
                "stream": stream,
                "seq": seq,
                "prev": prev,
                "at": at,
                "epoch": epoch,
                "kind": kind,
                "path": path,
                "body": body,
            }
        )

    @classmethod
    def read(cls, envelope: bytes) -> Event:
        """Read an envelope; raises `ValueError`, naming what is wrong, when it is not one."""
        found: Any = orjson.loads(envelope)
        if not isinstance(found, dict):
            msg = f"expected an object, found {type(found).__name__}"
            raise TypeError(msg)
        fields = cast("dict[str, Any]", found)
        if fields.pop("v", None) != FORMAT:
            msg = f"expected envelope format {FORMAT}"
            raise ValueError(msg)
        if fields.get("kind") not in KINDS:
            msg = f"unknown kind of event {fields.get('kind')!r}"
            raise ValueError(msg)
        return cls(**fields)
