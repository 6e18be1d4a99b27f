"""The inbox: a question is closed once, whoever comes first; what is sent is folded in order."""

from __future__ import annotations

import asyncio

import pytest
from tests.journal.support.backends import Backend
from tests.journal.support.writing import AT, answer, ask, committed, end, keep, owned, write

from ripieno.journal.records import CloseChange, Draft, Lease, QuestionChange
from ripieno.journal.store import Store
from ripieno.model.errors import InputError, NotFoundError, RefusedError

DUE = AT + 3_600_000_000


# -- sending and folding ------------------------------------------------------------------------------


async def test_messages_are_folded_into_the_chain_in_the_order_they_came(store: Store) -> None:
    lease = await owned(store)
    messages = [answer(lease.run, by=f"person:p{number}") for number in range(3)]
    for message in messages:
        await store.send(message)
    folded, seen = await store.fold(lease)
    assert [(message.id, message.seq) for message in folded] == [
        (message.id, seq) for message, seq in zip(messages, (2, 3, 4), strict=True)
    ]
    events = (await committed(store, lease.run))[1:]
    assert [event.body["by"] for event in events] == ["person:p0", "person:p1", "person:p2"]
    assert {event.kind for event in events} == {"message"}
    row = await store.run(lease.run)
    assert (seen, row.wanted, row.seen) == (3, 3, 3)
    assert await store.fold(lease) == ([], 3)


async def test_a_message_delivered_twice_is_folded_once(store: Store) -> None:
    lease = await owned(store)
    message = answer(lease.run)
    await store.send(message)
    await store.send(message)
    folded, seen = await store.fold(lease)
    assert (len(folded), seen) == (1, 1)


async def test_what_is_said_is_kept_as_a_value_of_the_run(store: Store) -> None:
    lease = await owned(store)
    commitment, data = keep(lease, {"reason": "enough"})
    await store.send(answer(lease.run, content=commitment.hex()), [(commitment, data)])
    await store.fold(lease)
    (event,) = (await committed(store, lease.run))[1:]
    assert event.body["content"] == commitment.hex()
    assert store.payload(lease.run, commitment.hex()) == data


async def test_an_ended_run_takes_no_more_messages(store: Store) -> None:
    lease = await owned(store)
    await write(store, end(lease))
    with pytest.raises(RefusedError, match=r"has ended \(complete\)"):
        await store.send(answer(lease.run))


async def test_a_message_to_an_unknown_run_is_refused(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.send(answer("nonsense"))


async def test_a_process_sees_which_of_its_runs_have_messages(store: Store, other: Store) -> None:
    lease = await owned(store)
    assert await store.unfolded() == []
    await other.send(answer(lease.run))
    assert await store.unfolded() == [lease.run]
    assert await other.unfolded() == []
    await store.fold(lease)
    assert await store.unfolded() == []


async def test_a_failed_fold_keeps_the_messages_for_the_next(store: Store, other: Store) -> None:
    lease = await owned(store)
    await store.send(answer(lease.run))
    again = await other.acquire(lease.run)
    assert again is None, "its owner lives"
    stale = Lease(lease.run, lease.stream, lease.epoch, lease.key, 0, lease.head_hash)
    assert await store.fold(stale) == ([], -1), "a lease that is behind the log folds nothing"
    folded, _ = await store.fold(lease)
    assert len(folded) == 1


# -- questions ----------------------------------------------------------------------------------------


async def test_a_question_is_found_by_its_number_run_state_and_tenant(store: Store) -> None:
    lease = await owned(store)
    late = await ask(store, lease, "b@1")
    soon = await ask(store, lease, "a@1", due_at=DUE)
    rows = await store.questions()
    assert [row.id for row in rows] == [soon, late], "due first"
    assert await store.question(rows[0].number) == rows[0]
    assert [row.path for row in await store.questions(run=lease.run)] == ["a@1", "b@1"]
    assert await store.questions(run="another") == []
    assert await store.questions(tenant="another") == []
    assert await store.questions(state="answered") == []


async def test_an_unknown_number_is_no_task(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no task t-7"):
        await store.question(7)
    with pytest.raises(InputError):
        await store.question(10**30)


async def test_a_timer_is_no_task_of_a_person(store: Store) -> None:
    lease = await owned(store)
    change = QuestionChange(f"{lease.run}/pause@1", "timer", None, None, DUE)
    await write(store, Draft(lease, AT, "asked", "pause@1", {}, (), change))
    assert await store.questions() == []
    with pytest.raises(NotFoundError):
        await store.question(1)


async def test_an_answer_closes_its_question_and_is_folded_as_answered(store: Store) -> None:
    lease = await owned(store)
    question = await ask(store, lease)
    await store.send(answer(lease.run, question), closes="answered")
    (row,) = await store.questions(state="answered")
    assert (row.answered_by, row.answered_at) == ("person:ada", AT)
    await store.fold(lease)
    last = (await committed(store, lease.run))[-1]
    assert (last.kind, last.path, last.body["question"]) == ("answered", "ask@1", question)


async def test_of_two_answers_that_race_one_is_refused_and_told_who_was_first(
    backend: Backend, store: Store
) -> None:
    lease = await owned(store)
    question = await ask(store, lease)
    first, second = await backend.together(
        store,
        store.send(answer(lease.run, question, by="person:ada"), closes="answered"),
        store.send(answer(lease.run, question, by="person:ben"), closes="answered"),
    )
    assert first is None
    assert isinstance(second, RefusedError)
    assert "already answered by person:ada" in str(second)
    folded, _ = await store.fold(lease)
    assert [message.by for message in folded] == ["person:ada"]


async def test_of_answers_from_many_processes_exactly_one_is_taken(store: Store, other: Store) -> None:
    lease = await owned(store)
    question = await ask(store, lease)
    results = await asyncio.gather(
        *(
            where.send(answer(lease.run, question, by=f"person:p{number}"), closes="answered")
            for number in range(10)
            for where in (store, other)
        ),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert all(isinstance(result, RefusedError) for result in results if result is not None)
    assert len((await store.fold(lease))[0]) == 1


async def test_an_answer_to_no_question_or_to_another_runs_is_refused(store: Store) -> None:
    lease, elsewhere = await owned(store), await owned(store)
    question = await ask(store, elsewhere)
    for asked in ("nothing", question):
        with pytest.raises(RefusedError, match="no question"):
            await store.send(answer(lease.run, asked), closes="answered")
    (row,) = await store.questions()
    assert row.state == "open"
    assert await store.fold(lease) == ([], 0)


async def test_an_answer_to_what_is_no_longer_asked_is_refused(store: Store) -> None:
    lease = await owned(store)
    question = await ask(store, lease, "scope@1/ask@1")
    other = await ask(store, lease, "scope@10/ask@1")
    closing = Draft(lease, AT, "scope", "scope@1", {}, (), CloseChange("scope@1"))
    await write(store, closing)
    with pytest.raises(RefusedError, match="no longer asked"):
        await store.send(answer(lease.run, question), closes="answered")
    await store.send(answer(lease.run, other), closes="answered")


# -- timers -------------------------------------------------------------------------------------------


async def test_a_timer_fires_when_it_is_due_and_not_before(store: Store) -> None:
    lease = await owned(store)
    question = await ask(store, lease, due_at=DUE)
    assert await store.fire_timers(DUE - 1) == DUE
    assert await store.unfolded() == []
    assert await store.fire_timers(DUE) is None
    (message,) = (await store.fold(lease))[0]
    assert (message.kind, message.question, message.by) == ("timer", question, "system:timer")
    with pytest.raises(RefusedError, match="has expired"):
        await store.send(answer(lease.run, question), closes="answered")


async def test_a_timer_of_a_parked_run_makes_it_ready_also_after_a_restart(backend: Backend) -> None:
    async with backend.opened() as first:
        lease = await owned(first)
        await ask(first, lease, due_at=DUE)
        await first.park(lease, 0)
    async with backend.opened() as second:
        assert await second.fire_timers(DUE - 1) == DUE
        assert await second.ready((), 10) == []
        await second.fire_timers(DUE + 1)
        assert await second.ready((), 10) == [lease.run]


async def test_an_answer_that_came_before_the_timer_counts(backend: Backend, store: Store) -> None:
    lease = await owned(store)
    question = await ask(store, lease, due_at=DUE)
    answered, _ = await backend.together(
        store, store.send(answer(lease.run, question), closes="answered"), store.fire_timers(DUE)
    )
    assert answered is None
    assert [message.kind for message in (await store.fold(lease))[0]] == ["answer"]


async def test_an_answer_that_came_after_the_timer_is_refused(backend: Backend, store: Store) -> None:
    lease = await owned(store)
    question = await ask(store, lease, due_at=DUE)
    _, answered = await backend.together(
        store, store.fire_timers(DUE), store.send(answer(lease.run, question), closes="answered")
    )
    assert isinstance(answered, RefusedError)
    assert [message.kind for message in (await store.fold(lease))[0]] == ["timer"]
