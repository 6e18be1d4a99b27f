"""Other keys for what runs hold: the values of those that have ended are encrypted anew, by new secrets.

What commits to values, and what the log's codes and the keys of calls follow from, stays: it stands in the
log for good. One commit does one run; what was interrupted goes on when it is said again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, StoreError
from ripieno.model.event import Json
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.model.stop import EVERYTHING
from ripieno.retention.rotation import LOCK, NAMED, alone

__all__ = ["Encrypted", "encrypt_anew"]

WHAT: Final = "rotate data keys"
PAGE: Final = 500
NEEDLES: Final = 32
"""So many pieces of what was there before are looked for in the files afterwards."""


@dataclass(slots=True)
class Encrypted:
    """What a round came to."""

    round: int
    resumed: bool
    """True where it had begun before."""
    runs: int = 0
    values: int = 0
    going: int = 0
    """Runs that have not ended: they keep their keys until a later round."""


async def encrypt_anew(
    store: Store, home: Path, *, by: Principal, reason: str, told: Callable[[int], None] = lambda _done: None
) -> Encrypted:
    """Encrypt the values of every run that has ended under a new secret; recorded before and after.

    `told` hears after each run how many are done. Runs under way, and the logs of tenants, keep the keys that
    they have. Raises `NotAllowedError` without the role `system-operator` or where policy does not permit it,
    `RefusedError` while another process is at it, and `StoreError` for values that were changed: all others
    are done then, and it can be said again.
    """
    if not reason.strip():
        msg = "say why what runs hold is to be encrypted anew"
        raise InputError(msg)
    if not by.holds(SYSTEM_ROLE):
        msg = f"other keys for what runs hold are for role {SYSTEM_ROLE!r}; {by.id} does not hold it"
        raise NotAllowedError(msg)
    by = await check_command(store, None, by, WHAT, given={}, reason=reason)
    with alone(home / LOCK):
        one = await begun(store, by, reason)
        before = await encrypt_all(store, one, told)
        if not await store.scrub_values(before):
            msg = "all is encrypted anew, but another process reads an older state, or the disk is full"
            raise StoreError(msg, remedy="say it again in a moment")
        said: dict[str, Json] = {**named(one.round), "by": by.id, "state": "ended"}
        await store.record(EVERYTHING, "operation", {**said, "runs": one.runs, "values": one.values})
    return one


async def encrypt_all(store: Store, one: Encrypted, told: Callable[[int], None]) -> list[bytes] | None:
    """Encrypt run after run anew; give pieces of what was there before, None where not all is known.

    Raises `StoreError` for values that were changed, once all others are done.
    """
    broken: list[str] = []
    before: list[bytes] | None = None if one.resumed else []
    last, seen = "", 0
    while page := store.ended_behind(last, PAGE):
        last, seen = page[-1], seen + len(page)
        for run in page:
            try:
                done = await store.encrypt_anew(run, one.round)
            except StoreError as error:
                broken.append(f"run {short(run)}: {error.message}")
                continue
            if done is None:
                continue
            one.runs, one.values = one.runs + 1, one.values + done[0]
            if before is not None:
                before = [*before, *done[1]][:NEEDLES]
            told(one.runs)
    one.going = store.wrapped()["runs"] - seen
    if broken:
        msg = f"what {len(broken)} runs hold could not be encrypted anew: {'; '.join(broken[:NAMED])}"
        raise StoreError(msg, remedy="ripieno audit verify names what was changed; then say it again")
    return before


async def begun(store: Store, by: Principal, reason: str) -> Encrypted:
    """Begin a round, or take up the one that was not ended."""
    number, over = 0, True
    try:
        found = await store.events(await store.tenant_stream(EVERYTHING))
    except NotFoundError:  # nothing was recorded of the system as a whole so far
        found = ()
    for event in found:
        body: Any = event.body
        if event.kind == "operation" and body["what"] == WHAT:
            number, over = body["round"], body["state"] == "ended"
    if not over:
        return Encrypted(number, resumed=True)
    said: dict[str, Json] = {**named(number + 1), "by": by.id, "state": "begun"}
    await store.record(EVERYTHING, "operation", said, reason=reason)
    return Encrypted(number + 1, resumed=False)


def named(number: int) -> dict[str, Json]:
    """Give what both events of a round say."""
    return {"operation": f"op-data-keys-{number}", "what": WHAT, "round": number}
