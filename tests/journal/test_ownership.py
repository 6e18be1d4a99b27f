"""A run has at most one owner; who has none, or has given it up, appends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.journal.support.backends import Backend
from tests.journal.support.writing import (
    answer,
    appended,
    ask,
    begin,
    beginning,
    committed,
    end,
    owned,
    step,
    write,
)

from ripieno.journal.records import ClaimChange, Draft, Lease, QuestionChange, RunStatus, SegmentChange
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Replayable, Store
from ripieno.model.errors import NotFoundError, RefusedError


async def taken(store: Store, run: str) -> Replayable:
    replayable = await store.acquire(run)
    assert replayable is not None, "nobody else has it"
    return replayable


async def test_a_run_created_to_be_owned_has_this_process_as_its_first_owner(store: Store) -> None:
    created = await beginning(store)
    assert created.lease is not None
    assert (created.lease.epoch, created.lease.head_seq, created.row.head_seq) == (1, 1, 1)
    assert created.row == await store.run(created.row.id)


async def test_a_run_created_for_others_is_ready_for_whoever_takes_it(store: Store, other: Store) -> None:
    run = await begin(store, own=False)
    assert await store.ready((), 10) == [run]
    found = await taken(other, run)
    assert (found.lease.epoch, found.folded_epoch, len(found.events)) == (2, 1, 1)
    assert await store.acquire(run) is None


async def test_a_run_whose_owner_lives_is_taken_over_by_nobody_else(store: Store, other: Store) -> None:
    lease = await owned(store)
    assert await other.acquire(lease.run) is None
    asked_each_time = isinstance(store, SqliteStore)  # a lock is no row: whether it stands is found out
    assert await other.ready((), 10) == ([lease.run] if asked_each_time else [])
    assert await store.ready((), 10) == []


async def test_an_unknown_run_cannot_be_acquired(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no run 'nonsense'"):
        await store.acquire("nonsense")


async def test_an_ended_run_cannot_be_acquired(store: Store) -> None:
    lease = await owned(store)
    await write(store, end(lease))
    assert await store.acquire(lease.run) is None


async def test_a_run_can_be_taken_over_once_its_owner_has_closed(backend: Backend, store: Store) -> None:
    async with backend.opened() as first:
        lease = await owned(first)
        await write(first, step(lease))
    found = await taken(store, lease.run)
    assert [event.seq for event in found.events] == [1, 2]


async def test_a_process_may_read_anew_what_it_owned_and_the_old_lease_is_fenced(store: Store) -> None:
    lease = await owned(store)
    again = (await taken(store, lease.run)).lease
    assert await write(store, step(lease, "old"), step(again, "new")) == ["lost", "written"]
    assert lease.lost
    assert [event.path for event in await committed(store, lease.run)] == ["", "new"]


async def test_a_fenced_run_is_dropped_from_a_commit_without_harm_to_the_others(
    backend: Backend, store: Store
) -> None:
    fenced, first, second = [await owned(store) for _ in range(3)]
    again = (await taken(store, fenced.run)).lease
    drafts = [step(first, "a"), step(fenced, "x"), step(second, "b"), step(fenced, "y"), step(again, "c")]
    await backend.together(store, *(appended(store, draft) for draft in drafts))
    await write(store)
    assert [draft.state for draft in drafts] == ["written", "lost", "written", "lost", "written"]
    for lease, paths in ((first, ["", "a"]), (second, ["", "b"]), (fenced, ["", "c"])):
        assert [event.path for event in await committed(store, lease.run)] == paths


# -- parking ------------------------------------------------------------------------------------------


async def test_a_parked_run_has_no_owner_and_its_lease_is_lost(store: Store) -> None:
    lease = await owned(store)
    assert await store.park(lease, 0)
    row = await store.run(lease.run)
    assert (row.status, row.owner, lease.lost) == ("waiting", None, True)
    assert await write(store, step(lease)) == ["lost"]
    assert await store.fold(lease) == ([], -1)
    assert not await store.park(lease, 0)


async def test_nothing_is_appended_after_a_park_in_the_same_commit(backend: Backend, store: Store) -> None:
    lease = await owned(store)
    before, after = step(lease, "before"), step(lease, "after")
    _, parked, _ = await backend.together(
        store, appended(store, before), store.park(lease, 0), appended(store, after)
    )
    assert parked is True
    assert (before.state, after.state) == ("written", "lost")
    assert [event.path for event in await committed(store, lease.run)] == ["", "before"]


async def test_a_run_does_not_park_over_a_message_it_has_not_seen(store: Store) -> None:
    lease = await owned(store)
    await store.send(answer(lease.run))
    assert not await store.park(lease, 0)
    assert not lease.lost
    _, seen = await store.fold(lease)
    assert await store.park(lease, seen)


async def test_a_message_to_a_parked_run_makes_it_ready(store: Store) -> None:
    lease = await owned(store)
    await store.park(lease, 0)
    assert await store.ready((), 10) == []
    await store.send(answer(lease.run))
    assert await store.ready((), 10) == [lease.run]


async def test_a_message_just_before_a_park_keeps_the_run_at_work(backend: Backend, store: Store) -> None:
    lease = await owned(store)
    _, parked = await backend.together(store, store.send(answer(lease.run)), store.park(lease, 0))
    assert parked is False
    assert await store.unfolded() == [lease.run]


async def test_a_message_just_after_a_park_makes_the_run_ready(backend: Backend, store: Store) -> None:
    lease = await owned(store)
    parked, _ = await backend.together(store, store.park(lease, 0), store.send(answer(lease.run)))
    assert parked is True
    assert await store.ready((), 10) == [lease.run]


async def test_whoever_takes_over_in_the_commit_of_a_park_follows_its_last_event(
    backend: Backend, store: Store
) -> None:
    lease = await owned(store)
    _, _, found = await backend.together(
        store, appended(store, step(lease, "last")), store.park(lease, 0), store.acquire(lease.run)
    )
    assert isinstance(found, Replayable)
    assert [event.path for event in found.events] == ["", "last"]
    assert found.row.head_seq == 2
    assert await write(store, step(found.lease, "next")) == ["written"]
    assert [event.path for event in await committed(store, lease.run)] == ["", "last", "next"]


# -- release ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["running", "blocked", "needs_version"])
async def test_a_released_run_can_be_acquired_and_its_lease_is_lost(store: Store, status: RunStatus) -> None:
    lease = await owned(store)
    await store.release(lease, status, "because")
    row = await store.run(lease.run)
    assert (row.status, row.owner, row.detail, lease.lost) == (status, None, "because", True)
    assert await write(store, step(lease)) == ["lost"]
    found = await taken(store, lease.run)
    assert (await store.run(lease.run)).detail is None
    assert found.row.detail == "because"


async def test_releasing_what_was_parked_or_taken_over_changes_nothing(store: Store) -> None:
    parked = await owned(store)
    await store.park(parked, 0)
    await store.release(parked, "blocked", "late")
    assert (await store.run(parked.run)).status == "waiting"
    fenced = await owned(store)
    await taken(store, fenced.run)
    await store.release(fenced, "blocked", "late")
    assert (await store.run(fenced.run)).status == "running"


async def test_a_release_in_the_commit_of_a_park_changes_nothing(backend: Backend, store: Store) -> None:
    lease = await owned(store)
    parked, _ = await backend.together(store, store.park(lease, 0), store.release(lease, "blocked"))
    assert parked is True
    assert (await store.run(lease.run)).status == "waiting"
    assert lease.lost


async def test_a_run_released_for_want_of_its_version_is_ready_where_that_is_served(store: Store) -> None:
    lease = await owned(store)
    await store.release(lease, "needs_version")
    assert await store.ready(("v2",), 10) == []
    assert await store.ready(("v2", "v1"), 10) == [lease.run]
    await store.declare_compatible("default", "v1", "v2", "person:ada")
    assert await store.ready(("v2",), 10) == [lease.run], "it can go on with the code of v2"


async def test_a_blocked_run_is_ready_after_someone_resumed_it(store: Store) -> None:
    lease = await owned(store)
    await store.release(lease, "blocked")
    assert await store.ready((), 10) == []
    await store.send(answer(lease.run, kind="resume"))
    assert await store.ready((), 10) == [lease.run]


# -- ending -------------------------------------------------------------------------------------------


async def test_nothing_is_appended_after_the_end(store: Store) -> None:
    lease = await owned(store)
    assert await write(store, end(lease), step(lease)) == ["written", "lost"]
    row = await store.run(lease.run)
    assert (row.status, row.ended, row.owner, row.head_seq) == ("complete", True, None, 2)


async def test_the_end_of_a_run_closes_its_questions(store: Store) -> None:
    lease = await owned(store)
    await ask(store, lease)
    await write(store, end(lease))
    assert await store.questions() == []
    (question,) = await store.questions(state=None)
    assert question.state == "closed"


async def test_an_end_bounces_when_a_message_came_in(store: Store) -> None:
    lease = await owned(store)
    await store.send(answer(lease.run))
    assert await write(store, end(lease, if_seen=0)) == ["bounced"]
    _, seen = await store.fold(lease)
    assert await write(store, end(lease, if_seen=seen)) == ["written"]


# -- claims -------------------------------------------------------------------------------------------


def claim(lease: Lease, *, attempt: int = 1, seen: int = 0) -> Draft:
    change = ClaimChange(attempt)
    return step(lease, "step/tool/1", kind="intent", output="arguments", change=change, if_seen=seen)


async def test_a_claim_is_unique_by_run_path_and_attempt(store: Store) -> None:
    lease, elsewhere = await owned(store), await owned(store)
    claims = [claim(lease), claim(lease, attempt=2), claim(elsewhere)]
    assert await write(store, *claims) == ["written"] * 3


async def test_a_claim_made_twice_is_refused_and_what_came_before_it_stays(store: Store) -> None:
    lease, other = await owned(store), await owned(store)
    await write(store, claim(lease))
    drafts = [step(lease, "before"), claim(lease), step(lease, "after"), step(other, "harmless")]
    assert await write(store, *drafts) == ["written", "lost", "lost", "written"]
    assert lease.lost
    assert "in the log already" in str(lease.failure)
    again = (await taken(store, lease.run)).lease
    assert await write(store, step(again, "next")) == ["written"]
    assert [event.path for event in await committed(store, lease.run)] == [
        "",
        "step/tool/1",
        "before",
        "next",
    ]


async def test_a_question_asked_twice_is_refused_without_harm_to_others(store: Store) -> None:
    lease, other = await owned(store), await owned(store)
    question = await ask(store, lease)
    twice = step(lease, "ask@1", kind="asked", change=QuestionChange(question, "task", None, None, None))
    assert await write(store, twice, step(other)) == ["lost", "written"]


async def test_a_claim_bounces_on_a_message_without_harm_to_its_run(store: Store) -> None:
    lease = await owned(store)
    await store.send(answer(lease.run))
    bounced, after = claim(lease), step(lease, "after")
    assert await write(store, bounced, after) == ["bounced", "written"]
    assert not lease.lost
    _, seen = await store.fold(lease)
    assert await write(store, claim(lease, seen=seen)) == ["written"]


async def test_the_values_of_a_bounced_claim_are_there_for_the_claim_that_repeats_it(store: Store) -> None:
    lease = await owned(store)
    await store.send(answer(lease.run))
    first = claim(lease)
    await write(store, first)
    (commitment, data), _ = first.payloads[0], await store.fold(lease)
    repeated = step(lease, "step/tool/1", kind="intent", change=ClaimChange(1), if_seen=1)
    assert await write(store, repeated) == ["written"]
    assert store.payload(lease.run, commitment.hex()) == data


# -- migration ----------------------------------------------------------------------------------------


async def test_a_waiting_run_goes_on_under_another_version(store: Store) -> None:
    lease = await owned(store)
    await store.park(lease, 0)
    await store.repin(lease.run, "v2", "person:ada")
    row = await store.run(lease.run)
    assert (row.version, row.status, row.owner) == ("v2", "running", None)
    last = (await committed(store, lease.run))[-1]
    assert (last.kind, last.epoch) == ("run.migrated", 2)
    assert last.body == {"from": "v1", "to": "v2", "by": "person:ada"}
    assert (await taken(store, lease.run)).row.version == "v2"


async def test_a_run_that_a_process_runs_is_not_migrated(store: Store, other: Store) -> None:
    lease = await owned(store)
    for where in (store, other):
        with pytest.raises(RefusedError, match="a process is running it"):
            await where.repin(lease.run, "v2", "person:ada")
    assert await write(store, step(lease)) == ["written"]


async def test_a_migration_in_the_commit_of_a_park_follows_its_last_event(
    backend: Backend, store: Store
) -> None:
    lease = await owned(store)
    _, parked, migrated = await backend.together(
        store,
        appended(store, step(lease, "last")),
        store.park(lease, 0),
        store.repin(lease.run, "v2", "person:ada"),
    )
    assert (parked, migrated) == (True, None)
    kinds = [event.kind for event in await committed(store, lease.run)]
    assert kinds == ["run.started", "step", "run.migrated"]


# -- what replay reads --------------------------------------------------------------------------------


async def test_replay_reads_from_the_last_segment_and_what_it_still_needs(store: Store) -> None:
    lease = await owned(store)
    await write(store, *(step(lease, f"round@{number}") for number in range(1, 6)))
    await write(store, step(lease, "loop", kind="segment", change=SegmentChange(5, (1, 3))))
    await write(store, step(lease, "round@6"))
    seqs = [1, 3, 6, 7, 8]
    assert [event.seq for event in await store.replayable(lease.run)] == seqs
    assert [event.seq for event in (await taken(store, lease.run)).events] == seqs
    with pytest.raises(NotFoundError):
        await store.replayable("nonsense")


async def called_off(store: Store, work: Coroutine[Any, Any, object]) -> None:
    """Call off whoever waits for a store, what they ask for being on its way; wait until it is on disk."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await store.undrain("default", "nothing", "person:op", None)


async def test_a_run_is_left_to_all_where_its_taking_over_is_called_off(store: Store, other: Store) -> None:
    run = await begin(store, own=False)
    await called_off(store, store.acquire(run))
    found = await taken(other, run)
    assert found.lease.epoch == 3, "the second was given up again"


async def test_a_run_that_another_has_stays_theirs_where_taking_it_over_is_called_off(
    store: Store, other: Store
) -> None:
    lease = await owned(store)
    await called_off(other, other.acquire(lease.run))
    assert await write(store, step(lease)) == ["written"]
    assert await other.acquire(lease.run) is None


@pytest.mark.parametrize("own", [True, False], ids=["to be owned", "for others"])
async def test_a_run_is_made_and_left_to_all_where_its_start_is_called_off(
    store: Store, other: Store, *, own: bool
) -> None:
    await called_off(store, begin(store, own=own))
    [run] = await store.ready((), 10)
    assert (await taken(other, run)).lease.head_seq == 1


async def test_any_other_write_stands_though_whoever_asked_for_it_is_called_off(store: Store) -> None:
    await called_off(store, store.drain("default", "visits", "person:op", "an audit"))
    assert not await store.drain("default", "visits", "person:op", "an audit")
