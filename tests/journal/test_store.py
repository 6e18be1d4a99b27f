"""Events of many runs share commits; creation, lists, versions and tenants of every store."""

from __future__ import annotations

import asyncio
import hashlib
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.journal.support.backends import Backend
from tests.journal.support.writing import (
    AT,
    appended,
    begin,
    beginning,
    committed,
    end,
    owned,
    step,
    write,
)

from ripieno.journal.budgets import Bill
from ripieno.journal.records import ENDED, ClaimChange, Draft, EndChange, RunFilter, VersionRow
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.store import Created, Store
from ripieno.model.errors import InputError, NotFoundError, StoreError
from ripieno.model.event import FORMAT, GENESIS, Event, canonical
from ripieno.model.ids import new_id
from ripieno.model.outcome import Status

# -- appending ----------------------------------------------------------------------------------------


async def test_events_are_durable_in_the_order_in_which_they_were_handed_over(store: Store) -> None:
    leases = [await owned(store) for _ in range(20)]
    drafts = [step(lease, f"step@{number}") for number in range(10) for lease in leases]
    assert set(await write(store, *drafts)) == {"written"}
    for lease in leases:
        events = (await committed(store, lease.run))[1:]
        assert [event.path for event in events] == [f"step@{number}" for number in range(10)]
        assert [event.seq for event in events] == list(range(2, 12))


async def test_more_than_fit_one_commit_are_written_in_order_by_several(
    backend: Backend, store: Store
) -> None:
    lease = await owned(store)
    drafts = [step(lease, f"step@{number}") for number in range(4100)]
    await backend.together(store, *(appended(store, draft) for draft in drafts))
    assert [draft.seq for draft in drafts] == list(range(2, 4102))
    assert (await store.run(lease.run)).head_seq == 4101


async def test_several_may_wait_for_the_same_event_and_one_may_give_up(store: Store) -> None:
    draft = step(await owned(store))
    store.append(draft)
    impatient, patient = (asyncio.ensure_future(store.durable(draft)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert draft.state == "written"
    await store.durable(draft)


async def written_soon(store: Store, run: str) -> list[Event]:
    """Give the events of a run once more than the first are there, without asking for any to be written."""
    rung = asyncio.Event()
    store.on_change(rung.set)
    while len(found := await store.events(run)) == 1:
        rung.clear()
        await rung.wait()
    return list(found[1:])


async def test_what_is_followed_goes_to_disk_in_its_place_with_what_follows(store: Store) -> None:
    lease = await owned(store)
    drafts = [step(lease, f"step@{number}") for number in range(3)]
    drafts[0].followed = drafts[1].followed = True
    for draft in drafts:
        store.append(draft)
    await store.durable(drafts[2])
    assert [draft.seq for draft in drafts] == [2, 3, 4]


async def test_what_is_followed_by_nothing_goes_to_disk_all_the_same(store: Store) -> None:
    asked_for, alone, left = await owned(store), await owned(store), await owned(store)
    first, second, third = step(asked_for), step(alone), step(left)
    first.followed = second.followed = third.followed = True
    store.append(first)
    await store.durable(first)
    store.append(second)
    assert [event.path for event in await written_soon(store, alone.run)] == ["step@1"]
    store.append(third)
    await store.close()
    assert [first.state, second.state, third.state] == ["written"] * 3


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.lists(st.integers(0, 4), max_size=60))
async def test_whatever_is_interleaved_each_run_has_its_own_whole_chain(
    store: Store, choices: list[int]
) -> None:
    leases = [await owned(store) for _ in range(5)]
    await write(store, *(step(leases[choice], f"step@{number}") for number, choice in enumerate(choices)))
    for index, lease in enumerate(leases):
        events = await committed(store, lease.run)
        wanted = [f"step@{number}" for number, choice in enumerate(choices) if choice == index]
        assert [event.path for event in events[1:]] == wanted
        await assert_chained(store, lease.run, events)


async def assert_chained(store: Store, run: str, events: list[Event]) -> None:
    head = GENESIS
    for event in events:
        assert event.prev == head
        head = hashlib.sha256(sealed(event)).hexdigest()
    assert (await store.run(run)).head_hash == head


def sealed(event: Event) -> bytes:
    return canonical({"v": FORMAT} | {name: getattr(event, name) for name in event.__slots__})


async def test_an_event_that_no_envelope_can_hold_is_refused_to_whoever_made_it(store: Store) -> None:
    lease = await owned(store)
    for body in ({"count": 2**53}, {"text": "\ud800"}, {"bytes": b""}):
        with pytest.raises(TypeError):
            Draft(lease, AT, "step", "step@1", body)  # pyright: ignore[reportArgumentType] - that is what is refused
    with pytest.raises(UnicodeError):
        Draft(lease, AT, "step", "step@\ud800", {})
    assert await write(store, step(lease)) == ["written"]


async def test_it_says_for_people_what_it_is(store: Store) -> None:
    assert isinstance(store, SqlStore)
    assert store.described().startswith("format ")


async def test_events_are_read_in_pieces(store: Store) -> None:
    lease = await owned(store)
    await write(store, *(step(lease, f"step@{number}") for number in range(5)))
    assert [event.seq for event in await store.events(lease.run, after=2, limit=2)] == [3, 4]
    assert [event.seq for event in await store.events(lease.run, after=5)] == [6]
    assert await store.events(new_id()) == []
    with pytest.raises(NotFoundError, match="no run 'nonsense'"):
        await store.events("nonsense")


async def test_a_call_finds_the_room_that_a_run_ended_right_before_it_has_left(
    backend: Backend, store: Store
) -> None:
    await store.set_budget("default", "", 10, hard=True, by="person:ada", at=AT)
    first, second = await owned(store), await owned(store)
    held, late, next_ = (
        step(lease, path, kind="intent", change=ClaimChange(1), if_seen=0)
        for lease, path in ((first, "a"), (second, "a"), (second, "b"))
    )
    held.bill = late.bill = next_.bill = Bill("", held=10, checked=True)
    assert await write(store, held, late) == ["written", "bounced"]
    ended = step(first, "", kind="run.ended", change=EndChange("complete"))
    await backend.together(store, appended(store, ended), appended(store, next_))
    assert (ended.state, next_.state) == ("written", "written")


# -- creation -----------------------------------------------------------------------------------------


async def test_a_business_key_is_taken_once_also_by_many_at_once(store: Store, other: Store) -> None:
    results = await asyncio.gather(
        *(beginning(where, key="patient-1") for _ in range(10) for where in (store, other))
    )
    assert len({created.row.id for created in results}) == 1
    assert [created.existed for created in results].count(False) == 1
    for created in results:
        assert (created.lease is None) is created.existed
    assert len(await store.runs(RunFilter())) == 1


async def test_a_business_key_is_taken_once_within_one_commit(backend: Backend, store: Store) -> None:
    first, second = await backend.together(
        store, created(store, key="patient-1"), created(store, key="patient-1")
    )
    assert (first.existed, second.existed) == (False, True)
    assert second.row == first.row


async def created(store: Store, *, key: str) -> Created:
    return await beginning(store, key=key)


async def test_a_business_key_is_free_in_another_workflow_and_tenant(store: Store) -> None:
    first = await beginning(store, key="k")
    assert not (await beginning(store, key="k", workflow="another")).existed
    assert not (await beginning(store, key="k", tenant="another")).existed
    assert (await beginning(store, key="k")).row.id == first.row.id


async def test_a_run_that_may_be_there_already_is_created_once_and_keeps_its_key(store: Store) -> None:
    run = new_id()
    first = await beginning(store, run=run, own=False, again=True)
    key = store.key(run).derive("x")
    second = await beginning(store, run=run, value="another", own=False, again=True)
    assert (first.existed, second.existed, second.row) == (False, True, first.row)
    assert store.key(run).derive("x") == key
    assert len(await committed(store, run)) == 1


async def test_a_run_that_cannot_be_created_harms_nothing_in_its_commit(
    backend: Backend, store: Store
) -> None:
    run = await begin(store)
    lease = await owned(store)

    async def again() -> Created:
        return await beginning(store, run=run)

    async def unspeakable() -> Created:
        return await beginning(store, version="\ud800")

    before, twice, refused, after, fresh = await backend.together(
        store,
        appended(store, step(lease, "before")),
        again(),
        unspeakable(),
        appended(store, step(lease, "after")),
        created(store, key="fresh"),
    )
    assert (before.state, after.state) == ("written", "written")
    assert isinstance(twice, StoreError)
    assert isinstance(refused, InputError)
    assert [event.path for event in await committed(store, lease.run)] == ["", "before", "after"]
    assert len(await committed(store, run)) == 1
    assert (await store.run(fresh.row.id)).head_seq == 1


# -- finding ------------------------------------------------------------------------------------------


async def test_a_run_is_found_by_its_id_by_its_key_and_by_the_end_of_its_id(store: Store) -> None:
    run = await begin(store, key="patient-1")
    for text in (run, "patient-1", run[-4:], run[-6:], run[1:]):
        assert (await store.find("default", text)).id == run
    for text in ("", run[-3:], run[:6], "%", "____", "patient", "\N{SNOWMAN}" * 40):
        with pytest.raises(NotFoundError):
            await store.find("default", text)
    with pytest.raises(NotFoundError):
        await store.find("another", run)


async def test_what_cannot_stand_in_any_table_is_not_looked_for(store: Store) -> None:
    with pytest.raises(InputError, match="cannot look for"):
        await store.find("default", "\ud800")


async def test_a_text_that_is_nearly_right_names_what_was_meant(store: Store) -> None:
    run = await begin(store)
    wrong = run[-6:-1] + ("0" if run[-1] != "0" else "1")
    with pytest.raises(NotFoundError, match=f"did you mean '{run[-6:]}'"):
        await store.find("default", wrong)


async def test_a_key_that_is_the_end_of_another_id_is_ambiguous_and_a_whole_id_never_is(store: Store) -> None:
    run = await begin(store)
    by_end = await begin(store, key=run[-6:])
    with pytest.raises(InputError, match="fits several runs") as raised:
        await store.find("default", run[-6:])
    assert run in str(raised.value)
    assert by_end in str(raised.value)
    await begin(store, key=run)
    assert (await store.find("default", run)).id == run


async def test_a_text_that_fits_many_runs_shows_some_of_them(store: Store) -> None:
    for number in range(7):
        await beginning(store, key="k", workflow=f"flow-{number}")
    with pytest.raises(InputError, match="and more"):
        await store.find("default", "k")


async def test_runs_are_listed_newest_first_and_filtered(store: Store) -> None:
    first, second = await begin(store, key="a"), await begin(store)
    ended = await owned(store)
    await write(store, end(ended))
    await begin(store, tenant="another")

    async def listed(wanted: RunFilter) -> list[str]:
        return [row.id for row in await store.runs(wanted)]

    assert await listed(RunFilter()) == [ended.run, second, first]
    assert await listed(RunFilter(limit=1)) == [ended.run]
    assert await listed(RunFilter(before=ended.run)) == [second, first]
    assert await listed(RunFilter(statuses=("complete", "failed"))) == [ended.run]
    assert await listed(RunFilter(key="a")) == [first]
    assert await listed(RunFilter(workflow="another")) == []
    assert await listed(RunFilter(since=AT + 1)) == []
    assert await listed(RunFilter(until=AT)) == []
    assert await listed(RunFilter(since=AT, until=AT + 1)) == [ended.run, second, first]
    with pytest.raises(NotFoundError):
        await store.run(new_id())


def test_a_run_ends_in_the_status_of_an_outcome() -> None:
    assert set(get_args(Status)) == ENDED


# -- tenants and versions -----------------------------------------------------------------------------


async def test_what_happens_outside_runs_stands_in_the_tenants_own_stream(store: Store, other: Store) -> None:
    with pytest.raises(NotFoundError, match="nothing is recorded of tenant 'acme'"):
        await store.tenant_stream("acme")
    await asyncio.gather(
        *(where.record("acme", "versions.compatible", {"n": n}) for n in range(5) for where in (store, other))
    )
    await store.record("another", "versions.compatible", {})
    stream = await store.tenant_stream("acme")
    events = await committed(store, stream)
    assert [event.seq for event in events] == list(range(1, 12))
    assert (events[0].kind, events[0].body) == ("tenant.created", {"name": "acme"})
    assert len(await committed(store, await store.tenant_stream("another"))) == 2


async def test_a_record_that_fails_leaves_no_trace_in_the_chain(backend: Backend, store: Store) -> None:
    good, bad, also = await backend.together(
        store,
        store.record("acme", "versions.compatible", {"n": 1}),
        store.record("acme", "versions.compatible", {"n": 2**60}),
        store.record("acme", "versions.compatible", {"n": 2}),
    )
    assert (good, also) == (None, None)
    assert isinstance(bad, StoreError)
    events = await committed(store, await store.tenant_stream("acme"))
    assert [event.body.get("n") for event in events] == [None, 1, 2]


def version(name: str, workflow: str = "flow", *, at: int = AT) -> VersionRow:
    return VersionRow(name, "default", workflow, "module:flow", "{}", at)


async def test_a_version_is_entered_once_with_an_event(store: Store) -> None:
    assert await store.register(version("v1"), "person:ada")
    assert not await store.register(version("v1"), "person:ben")
    assert await store.register(version("v2"), "person:ada")
    assert await store.register(version("w1", "another", at=AT + 1), "person:ada")
    assert [row.version for row in await store.versions("default")] == ["w1", "v2", "v1"]
    assert [row.version for row in await store.versions("default", "flow")] == ["v2", "v1"]
    assert await store.versions("another") == []
    events = (await committed(store, await store.tenant_stream("default")))[1:]
    assert [event.body["version"] for event in events] == ["v1", "v2", "w1"]


async def test_a_mode_is_set_for_a_version_and_the_last_word_counts(store: Store) -> None:
    version = VersionRow("v1", "acme", "orders", "", "{}", AT)
    await store.set_mode(version, "reconcile", "manual", by="person:ada", reason="an incident")
    await store.set_mode(version, "bill", "suggest", by="person:ada")
    await store.set_mode(version, "reconcile", "auto", by="person:bo", reason="it is over")
    tenant = await store.tenant_stream("acme")
    events = {event.seq: event for event in await store.events(tenant)}
    found = {row.participant: row for row in await store.modes("acme", "v1")}
    assert {name: (row.mode, row.by) for name, row in found.items()} == {
        "bill": ("suggest", "person:ada"),
        "reconcile": ("auto", "person:bo"),
    }
    said = events[found["reconcile"].event]
    assert (said.kind, said.body["participant"], said.body["mode"]) == ("workflow.mode", "reconcile", "auto")
    assert store.payload(tenant, said.body["reason"]) == b'"it is over"'
    assert "reason" not in events[found["bill"].event].body
    assert [event.kind for event in events.values()].count("workflow.mode") == 3
    assert await store.modes("acme", "v2") == []
    assert await store.modes("default", "v1") == []


async def test_versions_are_declared_compatible_for_one_tenant(store: Store) -> None:
    await store.declare_compatible("default", "v1", "v2", "person:ada")
    assert await store.compatible("default", "v1") == ["v2"]
    assert await store.compatible("default", "v2") == []
    assert await store.compatible("another", "v1") == []


# -- closing ------------------------------------------------------------------------------------------


async def test_closing_writes_what_is_pending_and_refuses_what_comes_later(backend: Backend) -> None:
    store = backend.store()
    await store.open()
    lease = await owned(store)
    pending = [step(lease, f"step@{number}") for number in range(100)]
    for draft in pending:
        store.append(draft)
    recorded = asyncio.ensure_future(store.record("acme", "versions.compatible", {}))
    await asyncio.sleep(0)
    await store.close()
    assert {draft.state for draft in pending} == {"written"}
    await recorded
    late = step(lease)
    assert await write(store, late) == ["lost"]
    with pytest.raises(StoreError, match="is closed"):
        await store.park(lease, 0)
    await store.close()


async def test_a_store_that_was_never_opened_closes(backend: Backend) -> None:
    await backend.store().close()


async def test_an_operation_whose_caller_went_away_is_done_all_the_same(store: Store) -> None:
    lease = await owned(store)
    gone = asyncio.ensure_future(store.park(lease, 0))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await store.fold(lease) == ([], -1)
