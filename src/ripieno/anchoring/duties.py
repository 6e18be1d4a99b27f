"""What was erased, deleted or held, told outside the store: a log that is put back has to do it again.

Signed by the key of the log and sealed under a key derived from it, so that the place that keeps it reads
neither runs nor the names of what is held.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Self, cast, get_args

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ripieno.journal.sequencer import Sequencer
from ripieno.proof.notes import NoteError, Signer

__all__ = ["KINDS", "Duties", "Duty", "duty_of", "notes_of"]

FIRST: Final = "ripieno duties 1"
"""Begins the text: no checkpoint begins so, as no origin has a space in it."""

LARGEST: Final = 400_000
"""Bytes that one note seals, about: a note has a million characters at most."""

NONCE_BYTES: Final = 12

Kind = Literal["run.erased", "deletion", "hold.set", "hold.released", "memory.changed", "document.removed"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that the log says was done and that holds for what comes out of a backup, too."""

    leaf: int
    """Its event's place in the log."""
    kind: Kind
    tenant: str
    by: str
    name: str
    """The run or the tenant that is erased, what is held, remembered, or removed."""
    what: str = ""
    """What kind of thing is held: a run, a business key, a workflow, a tenant. What became of what was
    remembered; the collection of what was removed."""
    lost: tuple[tuple[str, str], ...] = ()
    """Path and tool of what could not be undone any more."""


def duty_of(leaf: int, kind: str, tenant: str | None, body: Mapping[str, Any]) -> Duty | None:
    """Read it from an event; None for an event of another kind."""
    match kind:
        case "run.erased":
            lost = tuple((str(one["path"]), str(one["tool"])) for one in body.get("undo", ()))
            return Duty(leaf, kind, tenant or "", str(body["by"]), str(body["run"]), lost=lost)
        case "deletion":
            return Duty(leaf, kind, str(body["name"]), str(body["by"]), str(body["name"]))
        case "hold.set" | "hold.released":
            return Duty(leaf, kind, tenant or "", str(body["by"]), str(body["name"]), str(body["what"]))
        case "memory.changed":
            return Duty(leaf, kind, tenant or "", str(body["by"]), str(body["id"]), str(body["state"]))
        case "document.removed":
            return Duty(
                leaf, kind, tenant or "", str(body["by"]), str(body["document"]), str(body["collection"])
            )
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Duties:
    """What one stretch of a log says: everything of these kinds in it."""

    after: int
    """The stretch begins with the leaf of this number."""
    upto: int
    """And ends before this one."""
    held: Sequence[Duty] = field(default_factory=tuple[Duty, ...])

    def signed(self, by: Signer) -> str:
        """Give it as a signed note: the same text each time, so that a place may be told twice."""
        data = json.dumps([asdict(one) for one in self.held], separators=(",", ":")).encode()
        key, span = sealing_key(by), f"{FIRST} {self.after} {self.upto}"
        nonce = hmac.digest(key, span.encode() + b"\n" + data, "sha256")[:NONCE_BYTES]
        sealed = nonce + AESGCM(key).encrypt(nonce, data, span.encode())
        text = {"after": self.after, "upto": self.upto, "sealed": b64encode(sealed).decode()}
        return by.sign(f"{FIRST}\n{json.dumps(text, sort_keys=True)}\n")

    @classmethod
    def opened(cls, note: str, key: Signer) -> Self:
        """Read a note that this key has signed; raises `NoteError`."""
        first, text, *_ = (*key.verifier.open(note).split("\n"), "")
        if first != FIRST:
            msg = f"expected what a log says of erasures and holds, got {first[:60]!r}"
            raise NoteError(msg)
        try:
            found = cast("dict[str, Any]", json.loads(text))
            after, upto = int(found["after"]), int(found["upto"])
            sealed, span = b64decode(found["sealed"], validate=True), f"{FIRST} {after} {upto}"
            data = AESGCM(sealing_key(key)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], span.encode())
            held = [read(one) for one in json.loads(data)]
        except (ValueError, TypeError, KeyError, InvalidTag) as error:
            msg = f"what it says of erasures and holds cannot be read: {type(error).__name__} {error}"
            raise NoteError(msg) from error
        return cls(after, upto, held)


def read(said: dict[str, Any]) -> Duty:
    """Read a duty as it was sealed; raises what such data can."""
    lost = tuple((str(path), str(tool)) for path, tool in said.pop("lost"))
    return Duty(**said, lost=lost)


def sealing_key(signer: Signer) -> bytes:
    """Give the key under which only those who could sign for the log read this."""
    return HKDF(SHA256(), 32, salt=None, info=FIRST.encode()).derive(signer.secret)


def duties_in(sequencer: Sequencer, after: int, upto: int) -> Iterator[Duty]:
    """Give what the events of a stretch of the log say."""
    for leaf, kind, tenant, envelope in sequencer.events_of(KINDS, after, upto):
        found = duty_of(leaf, kind, tenant, orjson.loads(envelope)["body"])
        if found is not None:
            yield found


def notes_of(sequencer: Sequencer, signer: Signer, after: int, upto: int) -> Iterator[tuple[int, str]]:
    """Give notes that hold all that a stretch says, each with where it ends; none where there is nothing."""
    for ends, part in parted(duties_in(sequencer, after, upto), upto):
        yield ends, Duties(after, ends, part).signed(signer)
        after = ends


def parted(duties: Iterable[Duty], upto: int) -> Iterator[tuple[int, list[Duty]]]:
    """Cut them where a note would become too long; the last part reaches to the end."""
    part, size = list[Duty](), 0
    for one in duties:
        if size > LARGEST:
            yield part[-1].leaf + 1, part
            part, size = [], 0
        part.append(one)
        size += len(json.dumps(asdict(one)))
    if part:
        yield upto, part
