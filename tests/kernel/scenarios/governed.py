"""Hosts under policies of a test's own, and the policies that several tests ask by."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    opened,
    serving,
)
from ripieno import (
    Host,
    Workflow,
    sequential,
    tool,
)
from ripieno.journal.sqlite import SqliteStore
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.gate import Gate
from ripieno.model.principal import Principal

__all__ = [
    "ASK",
    "ASK_THE_BOSS",
    "BOB",
    "EVE",
    "FORBID",
    "NO",
    "YES",
    "booking",
    "denials",
    "gate_of",
    "governed",
]

YES = {"proceed": True}
NO = {"proceed": False, "note": "not this week"}
BOB, EVE = (Principal("person", name, roles=frozenset({"treasurer", "boss"})) for name in ("bob", "eve"))

ASK = """
@id("ask-the-treasurer")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"book");
"""
ASK_THE_BOSS = ASK.replace("treasurer", "boss")
FORBID = """
@id("nothing-is-booked")
@reason("the system is closed")
forbid (principal, action == Action::"tool.call", resource == Tool::"book");
"""


def gate_of(folder: Path, **files: str) -> PolicyGate:
    """Give the gate under the shipped packs and these policies of one's own."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.cedar").write_text(text, "utf-8")
    return PolicyGate(load_library(folder))


def booking(system: Elsewhere, **how: Any) -> Workflow:
    return Workflow("bookings", sequential(uses(tool(system.book, **how), what="visit")))


@asynccontextmanager
async def governed(
    home: Path, gate: Gate, *workflows: Workflow, clock: HandClock | None = None
) -> AsyncGenerator[Host]:
    async with opened(home, SqliteStore) as store:
        store.gate = gate
        async with serving(home, *workflows, clock=clock, store=store) as host:
            yield host


async def denials(host: Host, tenant: str = "default") -> list[Mapping[str, Any]]:
    """Give what was denied outside of runs."""
    stream = await host.store.tenant_stream(tenant)
    assert stream is not None
    return [event.body for event in await host.store.events(stream) if event.kind == "act.denied"]
