"""What is remembered beyond runs, from outside them: forgotten by people, and when its time is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ripieno.journal.memory import MemoryChange, MemoryRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.model.errors import InputError
from ripieno.model.principal import Principal

__all__ = ["BY", "forget", "forget_over"]

AT_ONCE: Final = 100
"""Things that are noted to be over in one commit."""

BY: Final = "system:retention"


async def forget(store: Store, ids: Sequence[str], *, by: Principal, reason: str) -> Sequence[MemoryRow]:
    """Let things be recalled no more, and give those that were until now; durable when it returns.

    What they say stays in the runs that wrote them: erasing those destroys it. Raises `NotAllowedError` where
    policy does not permit it, `InputError` without a reason, and `NotFoundError` for an unknown id.
    """
    if not reason.strip():
        msg = "forgetting what was remembered needs a reason"
        raise InputError(msg)
    given = {"forget": [*ids]}
    by = await check_command(store, None, by, "forget", given=given, reason=reason)
    changes = [MemoryChange(one, "forgotten", by.id, by.id, reason) for one in ids]
    return await store.change_memories(by.tenant, changes)


async def forget_over(store: Store, tenant: str, now: int) -> int:
    """Note of what is over that it is, the longest first, and give how much there was.

    It was recalled no more from the moment at which its time was over.
    """
    count = 0
    while rows := store.memories_over(tenant, now, AT_ONCE):
        changes = [MemoryChange(row.id, "expired", BY, BY) for row in rows]
        count += len(await store.change_memories(tenant, changes))
    return count
