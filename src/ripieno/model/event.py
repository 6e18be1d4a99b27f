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

__all__ = ["FORMAT", "GENESIS", "KINDS", "Event", "Json", "Kind", "canonical", "digest", "encoded"]

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
    "run.restored",
    "run.ended",
    # of a participant's visit
    "step",
    "scope",
    "imported",
    # of an effect
    "proposed",
    "denied",
    "checked",
    "intent",
    "result",
    "undo",
    # of choices, waits and messages
    "choice",
    "moment",
    "spent",
    "segment",
    "asked",
    "answered",
    "message",
    "task",
    # of a tenant
    "tenant.created",
    "tenant.pinned",
    "tenant.unpinned",
    "absence.set",
    "absence.cleared",
    "workflow.registered",
    "versions.compatible",
    "workflow.drained",
    "workflow.undrained",
    "operation",
    "act.denied",
    "emergency",
    "emergency.reviewed",
    "workflow.mode",
    "workflow.deployed",
    "workflow.protected",
    "workflow.unprotected",
    "agent.status",
    "principal.changed",
    "group.mapped",
    "group.unmapped",
    "provider.trusted",
    "provider.distrusted",
    "key.created",
    "key.revoked",
    "login",
    "login.refused",
    "data.read",
    "stop.set",
    "stop.released",
    "budget.set",
    "budget.cleared",
    "budget.alert",
    "breaker.opened",
    "breaker.half_opened",
    "breaker.closed",
    # of what is remembered beyond a run
    "memory.kept",
    "memory.changed",
    "document.added",
    "document.removed",
    # of what is kept, and what is not any more
    "run.erased",
    "hold.set",
    "hold.released",
    "retention.set",
    "retention.cleared",
    "master.moved",
    "master.rotating",
    "master.rewrapped",
    "master.rotated",
    "tenant.deleted",
    "deletion",
    # of checkpoints of the log
    "sink.failed",
    "sink.restored",
    "checkpoint.refused",
    "checkpoint.rekeyed",
    # of a restore from a backup
    "log.restored",
    "log.lost",
    # of policies
    "policy.kept",
    "policy.deployed",
    "policy.withdrawn",
]
KINDS: Final = frozenset(get_args(Kind))

TYPES: Final[dict[str, type[Any]]] = {
    "stream": str,
    "seq": int,
    "prev": str,
    "at": int,
    "epoch": int,
    "kind": str,
    "path": str,
    "body": dict,
}
"""What an envelope holds beside its format, each of exactly this type."""

OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical(value: Mapping[str, Any]) -> bytes:
    """Give the RFC 8785 bytes of an envelope or of any document under the envelope rule."""
    return orjson.dumps(value, option=OPTIONS)


def digest(value: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a document's canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def encoded(body: Mapping[str, Json]) -> orjson.Fragment:
    """Encode the body of an event to be when it is handed over, so that nobody can change it after.

    Raises `TypeError` when it breaks the envelope rule in a way that the encoder sees.
    """
    return orjson.Fragment(orjson.dumps(body, option=OPTIONS))


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
    def seal(
        cls,
        *,
        stream: str,
        seq: int,
        prev: str,
        at: int,
        epoch: int,
        kind: Kind,
        path: str,
        body: orjson.Fragment,
    ) -> bytes:
        """Give the envelope's bytes."""
        return orjson.dumps(
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
            },
            option=OPTIONS,
        )

    @classmethod
    def read(cls, envelope: bytes) -> Event:
        """Read an envelope; raises `ValueError`, naming what is wrong, when it is not one."""
        found: Any = orjson.loads(envelope)
        fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if fields.pop("v", None) != FORMAT:
            msg = f"expected an envelope of format {FORMAT}"
            raise ValueError(msg)
        types: dict[str, type[Any]] = {name: type(value) for name, value in fields.items()}
        if types != TYPES:
            wrong = sorted(name for name in types | TYPES if types.get(name) is not TYPES.get(name))
            msg = f"{', '.join(wrong)}: missing, unknown or of another type"
            raise ValueError(msg)
        if fields["kind"] not in KINDS:
            msg = f"unknown kind of event {fields['kind']!r}"
            raise ValueError(msg)
        return cls(**fields)
