"""Sets of policies are kept once, and a stage changes only for whoever saw what it holds."""

from __future__ import annotations

import pytest
from tests.journal.support.backends import Backend
from tests.journal.support.writing import committed

from ripieno.journal.policies import PolicyStage
from ripieno.journal.store import Store
from ripieno.model.errors import ChangedError

ADA, BEN = "person:ada", "person:ben"
FIRST = PolicyStage("production", "p1", 100, ADA)
SECOND = PolicyStage("production", "p2", 100, BEN)


async def kinds(store: Store) -> list[str]:
    events = await committed(store, await store.tenant_stream("default"))
    return [event.kind for event in events if event.kind.startswith("policy.")]


async def test_a_set_is_registered_once_and_needs_no_reason(store: Store) -> None:
    assert await store.register_policies("default", "p1", b"first", by=ADA, reason=None)
    assert not await store.register_policies("default", "p1", b"first", by=BEN, reason="again")
    (kept,) = store.policy_sets("default")
    assert (kept.state, kept.by) == ("registered", ADA)
    assert store.policy_text("default", kept) == b"first"
    (event,) = [
        event
        for event in await committed(store, await store.tenant_stream("default"))
        if event.seq == kept.event
    ]
    assert (event.kind, "reason" in event.body) == ("policy.kept", False)
    assert await kinds(store) == ["policy.kept"]


async def test_a_set_that_was_seen_or_registered_is_not_noted_again(store: Store) -> None:
    store.note_policies("default", "p1", b"first")
    store.note_policies("default", "p1", b"first")
    assert await store.register_policies("default", "p1", b"first", by=ADA, reason="so")
    store.note_policies("default", "p1", b"first")
    assert not await store.register_policies("default", "p1", b"first", by=BEN, reason="again")
    (kept,) = store.policy_sets("default")
    assert (kept.state, kept.by) == ("registered", ADA)
    assert await kinds(store) == ["policy.kept", "policy.kept"]


async def test_a_stage_changes_only_for_whoever_saw_what_it_holds(store: Store, other: Store) -> None:
    first = await store.deploy_policies("default", FIRST, "promote", None, reason="tried")
    with pytest.raises(ChangedError, match="production of the policies was changed by person:ada meanwhile"):
        await other.deploy_policies("default", SECOND, "promote", None, reason="tried too")
    second = await other.deploy_policies("default", SECOND, "promote", first, reason="better")
    with pytest.raises(ChangedError, match="changed by person:ben meanwhile"):
        await store.withdraw_policies("default", first, ADA, "it fails")
    assert store.policy_stages("default").production == second
    await other.withdraw_policies("default", second, BEN, "it fails")
    with pytest.raises(ChangedError, match="changed by somebody meanwhile"):
        await store.withdraw_policies("default", second, ADA, "it fails")
    assert store.policy_stages("default").production is None
    assert await kinds(store) == ["policy.deployed", "policy.deployed", "policy.withdrawn"]


async def test_what_is_noted_after_a_store_was_closed_is_not_kept_and_harms_nobody(backend: Backend) -> None:
    store = backend.store()
    await store.open()
    store.note_policies("default", "p1", b"first")
    await store.close()
    store.note_policies("default", "p2", b"second")
    await store.close()
    async with backend.opened() as again:
        assert [kept.version for kept in again.policy_sets("default")] == ["p1"]
