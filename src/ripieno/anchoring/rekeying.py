"""Another key that signs checkpoints in the place of one, with a statement in the log that both have signed.

The new key lies beside the old one until the statement is in the log, and takes its place then; what dies
between the two is ended by whoever signs next.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import NEXT, draw, put_next, signer_at, withdraw
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import InputError, NotAllowedError, StoreError
from ripieno.model.event import Json
from ripieno.model.principal import Principal
from ripieno.model.stop import EVERYTHING
from ripieno.proof.notes import NoteError, Signer, Verifier
from ripieno.proof.succession import Succession

__all__ = ["Rekeyed", "rekey", "settle_next"]

LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What it came to."""

    old: Verifier
    new: Verifier
    size: int
    """How many events the log had; the old key signs for none after these."""


async def rekey(
    store: Store,
    home: Path,
    *,
    by: Principal,
    reason: str,
    origin: str | None = None,
    patience: float = 60.0,
    clock: Clock | None = None,
) -> Rekeyed:
    """Let another key sign checkpoints and manifests of backups from now on; the old one is destroyed.

    The log keeps its name. Whoever has the old public key knows the new one by the statement in the log, and
    the other way round. `patience`: seconds to wait for whoever signs right now. Raises `NotAllowedError`
    without the role `system-operator` or where policy does not permit it, and `StoreError`.
    """
    if not reason.strip():
        msg = "say why another key is to sign checkpoints"
        raise InputError(msg)
    if not by.holds(SYSTEM_ROLE):
        msg = f"another key for checkpoints is for role {SYSTEM_ROLE!r} to make; {by.id} does not hold it"
        raise NotAllowedError(msg)
    by = await check_command(store, None, by, "rotate checkpoint key", given={}, reason=reason)
    with Sequencer(home) as sequencer:
        await asyncio.to_thread(elected, sequencer, patience)
        settle_next(home, sequencer)
        old = signer_at(home, origin)
        new = draw(old.name)
        while sequencer.advance():
            pass
        size = sequencer.tree.size
        root = b64encode(sequencer.tree.root(size)).decode()
        at = (clock or SystemClock()).now()
        said = Succession(str(old.verifier), str(new.verifier), size, root, at)
        put_next(home, new)
        body: dict[str, Json] = {"statement": said.signed(old, new), "events": size, "by": by.id}
        await store.record(EVERYTHING, "checkpoint.rekeyed", body, reason=reason)
        settle_next(home, sequencer)
    return Rekeyed(old.verifier, new.verifier, size)


def elected(sequencer: Sequencer, patience: float) -> None:
    """Wait until nobody else signs; raises `StoreError` where somebody does for too long."""
    deadline = time.monotonic() + patience
    while not sequencer.elect():
        if time.monotonic() >= deadline:
            msg = "another process has been signing checkpoints all the time"
            raise StoreError(msg, remedy="try again")
        time.sleep(LOOK_SECONDS)


def settle_next(home: Path, sequencer: Sequencer) -> None:
    """Let a key take the place of the one before if the log says so, or else be none; for who was elected."""
    if not (home / NEXT).exists():
        return
    new = signer_at(home, name=NEXT)
    withdraw(home, stands=any(names(note, new) for note in sequencer.successions()))


def names(note: str, new: Signer) -> bool:
    """Tell whether a statement says that a key took the place of one."""
    try:
        return Succession.opened(note).keys[1] == new.verifier
    except NoteError:
        return False
