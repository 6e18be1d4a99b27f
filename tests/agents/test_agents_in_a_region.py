"""A tenant that is pinned to a region asks no model elsewhere, and the log names both."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import asking

from kernel.scenarios.house import OPERATOR, begin, contents, ended, events
from providers.replies import Says, turns
from ripieno import Workflow, agent
from ripieno.journal.sqlite.store import STORAGE_REGION
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host
from ripieno.mediation.on_demand import governed
from ripieno.retention.regions import pin_tenant


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", None], ids=str)
async def test_a_model_is_asked_in_the_region_of_its_tenant_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str | None
) -> None:
    monkeypatch.setenv(STORAGE_REGION, "eu-central-1")
    workflow = Workflow("notes", agent("clerk", model="chat"))
    store = governed(data_folder(tmp_path), loaded=True)
    await store.open()
    try:
        async with (
            asking(turns(Says("noted")), chat={"region": region} if region else {}) as provider,
            Host(store) as host,
        ):
            await pin_tenant(store, "default", "eu-central-1", by=OPERATOR, reason="the contract")
            run = await begin(host, workflow, "a note")
            outcome = await ended(host, run)
            denied = [contents(host, event, "reason") for event in await events(host, run, "denied")]
    finally:
        await store.close()
    assert len(provider.asked) == (1 if region == "eu-central-1" else 0)
    assert (outcome.output == "noted") is (region == "eu-central-1")
    where = {"us-east-1": "in region us-east-1", None: "of a region that nobody declared"}
    said = [] if region == "eu-central-1" else [where[region]]
    assert [one.rpartition(" is ")[2] for one in denied] == said
    assert all("tenant default is pinned to region eu-central-1, and model " in one for one in denied)
