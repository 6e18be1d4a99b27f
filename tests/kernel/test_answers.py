"""A question is closed once: races with a time limit, and answers that are refused, each saying why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    counted,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
)
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands, operators
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}
HOUR = 3600

ONE_HOUR = Workflow("one-hour", human("clinician", role="clinician", due="1h"))
NO_LIMIT = Workflow("no-limit", human("clinician", role="clinician"))


async def test_an_answer_before_the_timer_fires_counts_though_the_time_is_over(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, ONE_HOUR, clock=clock) as host:
        run = await begin(host, ONE_HOUR)
        await parked(host, run)
    clock.turn(2 * HOUR)
    async with opened(tmp_path, SqliteStore) as elsewhere:
        (question,) = await elsewhere.questions()
        await commands.answer(elsewhere, clock, question, by=ADA, value=YES)
    async with serving(tmp_path, ONE_HOUR, clock=clock) as host:
        outcome = await ended(host, run)
        answers = await events(host, run, "answered")
    assert outcome.status == "complete"
    assert [event.body["what"] for event in answers] == ["answer"]


async def test_an_answer_after_the_timer_fired_is_refused_and_says_so(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, ONE_HOUR, clock=clock) as host:
        run = await begin(host, ONE_HOUR)
        await parked(host, run)
    clock.turn(2 * HOUR)
    async with opened(tmp_path, SqliteStore) as elsewhere:
        (question,) = await elsewhere.questions()
        await elsewhere.fire_timers(clock.now())
        with pytest.raises(RefusedError, match="has expired"):
            await commands.answer(elsewhere, clock, question, by=ADA, value=YES)
    async with serving(tmp_path, ONE_HOUR, clock=clock) as host:
        outcome = await ended(host, run)
        answers = await events(host, run, "answered")
    assert outcome.status == "escalated"
    assert outcome.reason == "nobody answered clinician in time"
    assert [event.body["what"] for event in answers] == ["timer"]


@pytest.mark.parametrize("answer_first", [True, False], ids=["answer first", "timer first"])
async def test_an_answer_and_a_timer_in_one_commit_close_the_question_once(
    tmp_path: Path, *, answer_first: bool
) -> None:
    clock = HandClock()
    async with serving(tmp_path, ONE_HOUR, clock=clock) as host:
        run = await begin(host, ONE_HOUR)
        question = await asked(host, run)
        await parked(host, run)
        clock.turn(2 * HOUR)
        both = [reply(host, question, YES, by=ADA), host.store.fire_timers(clock.now())]
        said = await asyncio.gather(*(both if answer_first else both[::-1]), return_exceptions=True)
        outcome = await ended(host, run)
        answers = await events(host, run, "answered")
    refused = [error for error in said if isinstance(error, RefusedError)]
    assert len(answers) == 1
    assert (answers[0].body["what"], outcome.status, len(refused)) in {
        ("answer", "complete", 0),
        ("timer", "escalated", 1),
    }


async def test_of_two_answers_at_once_one_counts_and_the_other_hears_who_was_first(tmp_path: Path) -> None:
    bob = Principal("person", "bob", roles=frozenset({"clinician"}))
    async with serving(tmp_path, NO_LIMIT) as host:
        run = await begin(host, NO_LIMIT)
        question = await asked(host, run)
        said = await asyncio.gather(
            reply(host, question, {"proceed": True, "note": "ada"}, by=ADA),
            reply(host, question, {"proceed": True, "note": "bob"}, by=bob),
            return_exceptions=True,
        )
        outcome = await ended(host, run)
        with pytest.raises(RefusedError, match=f"t-{question.number} was already answered by person:ada"):
            await reply(host, await host.store.question(question.number), YES)
    assert said[0] is None
    assert isinstance(said[1], RefusedError)
    assert str(said[1]).startswith(f"t-{question.number} was already answered by person:ada, 20")
    assert outcome.output["note"] == "ada"


async def test_what_cannot_be_an_answer_is_refused_and_the_question_stays_open(tmp_path: Path) -> None:
    async with serving(tmp_path, NO_LIMIT) as host:
        run = await begin(host, NO_LIMIT)
        question = await asked(host, run)
        await parked(host, run)
        with pytest.raises(NotAllowedError, match="is for role 'clinician'; person:eve does not hold it"):
            await reply(host, question, YES, by=Principal("person", "eve", roles=frozenset({"clerk"})))
        with pytest.raises(NotFoundError, match=f"no task t-{question.number}"):
            await reply(host, question, YES, by=Principal("person", "mallory", "other", every_role=True))
        with pytest.raises(InputError, match="proceed: 'maybe' is not of type 'boolean'"):
            await reply(host, question, {"proceed": "maybe"}, by=ADA)
        with pytest.raises(InputError, match="the answer: 'proceed' is a required property"):
            await reply(host, question, {}, by=ADA)
        assert (await host.store.question(question.number)).state == "open"
        assert (await counted(host, run))["answered"] == 0
        await reply(host, question, YES, by=ADA, reason="seen")
        outcome = await ended(host, run)
    assert (outcome.status, outcome.reason) == ("complete", "seen")


async def test_an_answer_to_a_run_that_has_ended_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, NO_LIMIT) as host:
        run = await begin(host, NO_LIMIT)
        question = await asked(host, run)
        await cancel(host, run)
        await ended(host, run)
        with pytest.raises(RefusedError, match="has ended \\(cancelled\\)"):
            await reply(host, question, YES, by=ADA)
        with pytest.raises(RefusedError, match="has ended \\(cancelled\\)"):
            await cancel(host, run)
        with pytest.raises(RefusedError, match="has ended \\(cancelled\\)"):
            await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)


async def test_a_question_that_its_run_no_longer_asks_is_closed(tmp_path: Path) -> None:
    flow = concurrent(
        human("decides", role="a"), human("waits", role="b"), resolve=merge(), on_failure="fail_fast"
    )
    then = human("last", role="c")
    workflow = Workflow("no-longer-asked", sequential(flow.on_failure("continue"), then))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        other = await asked(host, run, "waits")
        await reply(host, await asked(host, run, "decides"), {"proceed": False})
        last = await asked(host, run, "last")
        assert (await host.store.question(other.number)).state == "closed"
        with pytest.raises(RefusedError, match="is no longer asked: its run went on without it"):
            await reply(host, other, YES)
        await reply(host, last, YES)
        outcome = await ended(host, run)
    assert outcome.status == "partial"


async def test_a_person_who_declines_escalates(tmp_path: Path) -> None:
    async with serving(tmp_path, NO_LIMIT) as host:
        run = await begin(host, NO_LIMIT)
        await reply(host, await asked(host, run), {"proceed": False, "note": "not yet"}, by=ADA)
        outcome = await ended(host, run)
    assert (outcome.status, outcome.reason) == ("escalated", "declined by person:ada")
    assert outcome.output["note"] == "not yet"
