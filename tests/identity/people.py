"""Who acts in the tests of identities, and a store for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from gates import shipped_gate
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.model.event import Event
from ripieno.model.principal import Principal

OWNER = Principal("person", "owner", every_role=True)
"""The operator of the data folder."""
ADMIN = Principal("person", "admin", roles=frozenset({"administrator"}))
ADA = Principal("person", "ada")
ELSEWHERE = Principal("person", "owner", "elsewhere", every_role=True)


@asynccontextmanager
async def opened(home: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def tenant_events(store: SqliteStore, *kinds: str, tenant: str = "default") -> list[Event]:
    events = await store.events(await store.tenant_stream(tenant))
    return [event for event in events if not kinds or event.kind in kinds]


def unsound(home: Path) -> list[str]:
    """Verify the log, and give what is wrong with it."""
    with SqliteAudit(home) as log:
        return [str(finding) for finding in verify(log).findings]
