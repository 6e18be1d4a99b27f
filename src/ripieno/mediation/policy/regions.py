"""What a tenant that is pinned to a region may not do, whatever policies say."""

from __future__ import annotations

from typing import Final

from ripieno.journal.regions import Regions
from ripieno.model.gate import Action, ActionKind
from ripieno.model.region import UNDECLARED

__all__ = ["PINNING", "elsewhere"]

CALLS: Final[frozenset[ActionKind]] = frozenset({"model.call", "tool.call", "tool.undo"})
"""Acts that go to where their subject is."""

PINNING: Final = frozenset({"pin tenant", "unpin tenant"})
"""Commands by which it is set right."""


def elsewhere(action: Action, regions: Regions) -> str | None:
    """Say why an act is none for its tenant's region, naming both; None where it is, or may be anywhere.

    A model that does not say where it is, is elsewhere, and so is a tool that goes out without saying where.
    """
    pin = regions.of(action.actor.principal.tenant)
    if pin is None or action.verb in PINNING:
        return None
    pinned = f"tenant {pin.tenant} is pinned to region {pin.region}"
    if regions.storage != pin.region:
        where = (
            "does not say in which region it is" if regions.storage is None else f"is in {regions.storage}"
        )
        return f"{pinned}, and its storage {where}"
    if action.kind not in CALLS:
        return None
    subject = action.subject
    region = subject.facts.get("region")
    if region is None and subject.kind == "model":
        region = UNDECLARED
    if region is None or region == pin.region:
        return None
    where = "of a region that nobody declared" if region == UNDECLARED else f"in region {region}"
    return f"{pinned}, and {subject.kind} {subject.name} is {where}"
