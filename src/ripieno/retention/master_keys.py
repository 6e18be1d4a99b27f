"""Who keeps the master key of a data folder: its file, or a key service."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ripieno.journal.key_services import chosen
from ripieno.journal.keys import move
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.event import Json
from ripieno.model.principal import Principal
from ripieno.model.stop import EVERYTHING

__all__ = ["move_master_key"]


async def move_master_key(store: Store, home: Path, to: str, *, by: Principal, reason: str) -> None:
    """Let `to` keep the master key from now on: `file`, or such as `awskms:alias/ripieno`.

    Processes that have the folder open go on with the key that they have: it is the same one. Each try is an
    event in the system's log, written before. Raises `NotAllowedError` without the role `system-operator`,
    `SettingsError` for a service that there is none of, and `StoreError` where one does not do its part:
    then nothing has changed.
    """
    if not reason.strip():
        msg = "say why somebody else keeps the master key"
        raise InputError(msg)
    service = chosen(to)
    if not by.holds(SYSTEM_ROLE):
        msg = f"to say who keeps the master key is for role {SYSTEM_ROLE!r}; {by.id} does not hold it"
        raise NotAllowedError(msg)
    by = await check_command(store, None, by, "move master key")
    body: dict[str, Json] = {"to": "file" if service is None else service.name, "by": by.id}
    await store.record(EVERYTHING, "master.moved", body, reason=reason)
    await asyncio.to_thread(move, home / "master.key", service)
