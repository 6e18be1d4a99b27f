"""What a candidate for policies decides: also whether a run that falls to it starts at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, booking
from kernel.scenarios.house import ADA, OPERATOR, begin, parked, serving
from ripieno.journal.policies import PolicySet
from ripieno.journal.sql.store import SqlStore
from ripieno.kernel.home import data_folder
from ripieno.mediation.on_demand import governed
from ripieno.mediation.policy import Library, load_library
from ripieno.mediation.policy.stages import find_set, promote, register, roll_back, share
from ripieno.model.errors import NotAllowedError

CLOSED = """
@id("nothing-starts")
forbid (principal, action == Action::"run.start", resource == Workflow::"bookings");
"""
REASON = "as agreed"


def written(folder: Path, text: str) -> Library:
    """Give a set of one file."""
    folder.mkdir()
    (folder / "rules.cedar").write_text(text)
    return load_library(folder)


async def entered(store: SqlStore, library: Library) -> PolicySet:
    """Register a set."""
    await register(store, library, by=OPERATOR)
    return await find_set(store, "default", library.version)


async def test_a_run_that_falls_to_a_candidates_share_is_let_start_by_it(tmp_path: Path) -> None:
    """What is in production lets it, and lets it again once there is no candidate any more."""
    workflow, home = booking(Elsewhere()), tmp_path / "project" / "home"
    store = governed(data_folder(home))
    await store.open()
    try:
        async with serving(home, workflow, store=store) as host:
            asking = await entered(store, written(tmp_path / "asking", ASK))
            closed = await entered(store, written(tmp_path / "closed", CLOSED))
            await promote(store, asking, "production", by=OPERATOR, reason=REASON)
            await promote(store, closed, "staging", by=OPERATOR, reason=REASON)
            await share(store, 100, by=OPERATOR, reason=REASON)
            with pytest.raises(NotAllowedError, match="nothing-starts"):
                await begin(host, workflow, by=ADA)
            await roll_back(store, by=OPERATOR, reason="nothing starts any more")
            await parked(host, await begin(host, workflow, by=ADA))
    finally:
        await store.close()
