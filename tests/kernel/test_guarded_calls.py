"""A call that is guarded is still claimed once for each attempt, and how it ended decides what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving, turned
from ripieno.connectors.tool import tool
from ripieno.model.errors import AuthenticationError, NotSentError, ToolError
from ripieno.model.event import Event
from ripieno.model.failure import Failure
from ripieno.model.spending import Cost
from ripieno.participants.function import Function
from ripieno.resilience.policy import Breaker, Hedge, Resilience, Retry, Timeouts
from ripieno.workflows.workflow import Workflow

HAPPENED = {"happened": True, "result": "visit by hand"}
AT_ONCE = Retry(attempts=4, backoff="1ms", longest="1ms")


def refuses(
    failure: Failure, retry_after: float | None = None, kind: type[ToolError] = ToolError
) -> Callable[[], Awaitable[None]]:
    async def refuse() -> None:
        msg = f"refused: {failure}"
        raise kind(msg, failure=failure, retry_after=retry_after)

    return refuse


def answers(status: int, **headers: str) -> Callable[[], Awaitable[None]]:
    async def answer() -> None:
        request = httpx.Request("POST", "http://elsewhere/")
        httpx.Response(status, headers=headers, request=request).raise_for_status()

    return answer


def booking(system: Elsewhere, on_uncertain: Any = "ask", **settings: Any) -> Workflow:
    return Workflow("booking", uses(tool(system.book, on_uncertain=on_uncertain, **settings), what="visit"))


def results(found: list[Event]) -> list[tuple[Any, ...]]:
    names = ("status", "how", "failure", "retry_after", "final")
    return [tuple(event.body.get(name) for name in names) for event in found]


async def test_what_would_fail_again_is_not_tried_again_and_says_its_class(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [refuses("auth")]
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        found = await events(host, run, "result")
    assert (outcome.status, outcome.failure) == ("failed", "auth")
    assert results(found) == [("failed", "called", "auth", None, True)]
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).failure == "auth"
    assert len(system.calls) == 1


async def test_who_asks_not_to_be_called_for_a_while_is_not_without_any_guard(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    system.before = [refuses("rate_limited", 30)]
    workflow = booking(system)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await turned(host, clock, run, 31)
        outcome = await ended(host, run)
    assert (outcome.output, len(system.calls)) == ("visit #1", 2)


async def test_who_asks_not_to_be_called_ever_again_is_believed_for_a_month(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [refuses("rate_limited", float("inf"))]
    workflow = booking(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        [result] = await events(host, run, "result")
    assert result.body["retry_after"] == "2678400"


async def test_a_guarded_call_waits_as_its_answer_asks_across_a_restart(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    system.before = [answers(429, **{"retry-after": "30"})]
    workflow = booking(system, resilience=Resilience(retry=AT_ONCE))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    clock.turn(29)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await parked(host, run)
        assert len(system.calls) == 1, "not before its time"
        await turned(host, clock, run, 2)
        outcome = await ended(host, run)
        found = await events(host, run, "result")
    assert (outcome.output, len(system.calls)) == ("visit #1", 2)
    assert results(found) == [
        ("failed", "called", "rate_limited", "30", None),
        ("done", "called", None, None, None),
    ]
    assert len(set(system.keys)) == 2, "what definitely had no effect is another attempt"


async def test_a_wait_beyond_patience_or_beyond_the_time_for_all_ends_it(tmp_path: Path) -> None:
    for number, retry in enumerate((Retry(patience="5s"), Retry(within="10s"), Retry(on=("timeout",)))):
        system = Elsewhere()
        system.before = [answers(429, **{"retry-after": "30"})]
        workflow = booking(system, resilience=Resilience(retry=retry))
        async with serving(tmp_path / str(number), workflow) as host:
            outcome = await ended(host, await begin(host, workflow))
        assert (outcome.failure, len(system.calls)) == ("rate_limited", 1)


async def test_a_write_that_may_have_happened_stays_in_doubt_behind_a_guard(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after = [answers(503)]
    workflow = booking(system, resilience=Resilience(retry=AT_ONCE, breaker=Breaker()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        outcome = await ended(host, run)
        found = await events(host, run, "result")
    assert (outcome.output, len(system.calls)) == ("visit by hand", 1)
    assert results(found)[0] == ("uncertain", "called", "overloaded", None, None)


async def test_what_is_owed_is_repeated_under_its_key_at_the_time_that_was_asked_for(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    system.after = [answers(503, **{"retry-after": "20"})]
    system.before = [_nothing, answers(429, **{"retry-after": "40"})]
    workflow = booking(system, "retry", resilience=Resilience(retry=AT_ONCE))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await turned(host, clock, run, 21)
        assert len(system.calls) == 2
        await parked(host, run)  # a limit says nothing of the call before it: it is still owed
        await turned(host, clock, run, 41)
        outcome = await ended(host, run)
        found = await events(host, run, "result")
    assert (outcome.output, len(system.booked), len(set(system.keys))) == ("visit #1", 1, 1)
    assert [call.owed for call in system.calls] == [False, True, True]
    assert results(found) == [
        ("uncertain", "called", "overloaded", "20", None),
        ("again", "key", "overloaded", "20", None),
        ("unsent", "unready", "rate_limited", "40", None),
        ("done", "called", None, None, None),
    ]


async def test_that_an_owed_call_cannot_be_done_as_asked_is_no_word_on_the_one_before(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after = [cut]
    system.before = [_nothing, answers(409)]
    workflow = booking(system, "retry", resilience=Resilience(retry=Retry(attempts=2, backoff="1ms")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        outcome = await ended(host, run)
    assert (outcome.output, len(system.calls)) == ("visit by hand", 2)


async def test_a_crash_between_doubt_and_repetition_does_not_forget_for_how_long(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    system.after = [answers(503, **{"retry-after": "20"})]
    workflow = booking(system, "retry", settle="1h", resilience=Resilience(retry=AT_ONCE))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await turned(host, clock, run, 3601)
        found = await events(host, run, "result")
    assert results(found)[1] == ("again", "key", "overloaded", "20", None)


async def test_a_guard_that_gives_up_does_not_give_up_what_is_owed(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    system.after = [cut]
    impatient = Retry(attempts=3, on=("timeout",))
    workflow = booking(system, "retry", resilience=Resilience(retry=impatient))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await turned(host, clock, run, 301)
        outcome = await ended(host, run)
    assert (outcome.output, len(system.booked)) == ("visit #1", 1)


@pytest.mark.parametrize("kind", [ToolError, NotSentError])
async def test_a_read_that_fails_is_tried_again_whatever_it_failed_for(
    tmp_path: Path, kind: type[ToolError]
) -> None:
    system = Elsewhere()
    system.before = [refuses("overloaded", kind=kind), answers(500), cut]
    workflow = booking(system, effect="read", resilience=Resilience(retry=AT_ONCE))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        found = await events(host, run, "result")
    assert outcome.output == "visit #1"
    assert [body[2] for body in results(found)] == ["overloaded", "server", "connection", None]


async def test_nothing_is_sent_after_the_deadline_of_a_guarded_call(tmp_path: Path) -> None:
    system = Elsewhere()
    system.before = [_never]
    times = Resilience(timeouts=Timeouts(total="20ms"), retry=Retry(attempts=1))
    workflow = booking(system, effect="read", resilience=times)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert (outcome.status, outcome.failure) == ("failed", "timeout")


async def _nothing() -> None:
    pass


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_function_that_is_an_effect_is_tried_again_where_nothing_was_sent(tmp_path: Path) -> None:
    calls = 0

    def post() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise httpx.ConnectError("no route")  # noqa: EM101, TRY003 - as a client says it
        return "posted"

    workflow = Workflow("post", Function(post, resilience=Resilience(retry=AT_ONCE)))
    async with serving(tmp_path, workflow) as host:
        assert ((await ended(host, await begin(host, workflow))).output, calls) == ("posted", 2)


async def test_of_a_call_that_may_be_made_twice_twice_as_much_is_reserved(tmp_path: Path) -> None:
    system = Elsewhere()
    hedged = Resilience(hedge=Hedge(after="1h"))
    workflow = booking(system, effect="read", cost=Cost(tokens=50, cost_usd="0.01"), resilience=hedged)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        (intent,) = await events(host, run, "intent")
        (result,) = await events(host, run, "result")
    assert intent.body["reserved"] == {"tokens": 100, "cost": 20_000}
    assert result.body["spent"] == {"tokens": 50, "cost": 10_000}, "and half of it goes back"


async def test_the_class_of_a_doubt_is_not_that_of_what_comes_after_it(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after = [answers(503)]
    system.before = [_nothing, refuses_plainly]
    workflow = booking(system, "retry", resilience=Resilience(retry=Retry(attempts=2, backoff="1ms")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        found = await events(host, run, "result")
    assert [body[2] for body in results(found)] == ["overloaded", "overloaded", None]
    assert (outcome.status, outcome.failure) == ("failed", None)


async def refuses_plainly() -> None:
    msg = "no visits on Sundays"
    raise ToolError(msg)


@pytest.mark.parametrize(
    "refuses_it",
    [refuses("rate_limited"), refuses("auth"), refuses("budget_exhausted", kind=NotSentError)],
    ids=["too many calls", "not let in", "not paid"],
)
async def test_a_refusal_of_what_is_owed_is_no_word_on_the_attempt_before_it(
    tmp_path: Path, refuses_it: Callable[[], Awaitable[None]]
) -> None:
    system = Elsewhere()
    system.after = [cut]
    system.before = [_nothing, refuses_it]
    workflow = booking(system, "retry")
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert (outcome.output, len(system.booked), len(set(system.keys))) == ("visit #1", 1, 1)


async def test_that_it_cannot_be_done_as_asked_leaves_what_is_owed_in_doubt_without_any_guard(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    system.after = [cut]
    system.before = [_nothing, refuses("bad_request")]
    workflow = booking(system, "retry", attempts=2)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        assert (await ended(host, run)).output == "visit by hand"
    assert len(set(system.keys)) == 1


async def test_a_secret_that_is_refused_is_no_word_on_the_attempt_before_it(tmp_path: Path) -> None:
    async def unknown() -> None:
        msg = "who are you?"
        raise AuthenticationError(msg)

    system = Elsewhere()
    system.after = [cut]
    system.before = [_nothing, unknown]
    workflow = booking(system, "retry")
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert (outcome.output, len(system.booked)) == ("visit #1", 1)
