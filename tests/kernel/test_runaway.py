"""What runs away ends: the same call over and over, too fast, too many at once; never as a success."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    reply,
    serving,
    snapshot,
    until,
)
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.retries import retry
from ripieno.model.errors import DefinitionError
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context
from ripieno.model.runaway import READS, WRITES, Rate, Runaway
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function, function
from ripieno.participants.human import human
from ripieno.participants.workflow import subworkflow
from ripieno.patterns.branch import branch, when
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.loop import loop
from ripieno.patterns.map import map_over
from ripieno.patterns.resolvers import first, merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


def held(participant: BaseParticipant, **settings: object) -> Workflow:
    return Workflow("held", participant, limits=Limits(runaway=Runaway(**settings)))  # pyright: ignore[reportArgumentType] - settings of it


def stubborn(system: Elsewhere, times: int) -> Function:
    """Give a participant that calls the same over and over, whatever comes of it."""
    book = tool(system.book)

    async def again(context: Context) -> int:
        for _ in range(times):
            try:
                await context.use(book, what="it")
            except Exception:  # noqa: BLE001, S112 - it does not listen
                continue
        return times

    return Function(again, name="stubborn", pure=True)


async def outcome_of(home: Path, workflow: Workflow, given: object = None) -> Outcome:
    async with serving(home, workflow) as host:
        return await ended(host, await begin(host, workflow, given))


@pytest.mark.parametrize(("then", "status"), [("escalate", "escalated"), ("stop", "partial")])
async def test_the_same_call_is_made_so_often_and_not_once_more(
    tmp_path: Path, then: str, status: str
) -> None:
    system = Elsewhere()
    outcome = await outcome_of(tmp_path, held(stubborn(system, 9), repeats=4, then=then))
    assert (outcome.status, len(system.calls)) == (status, 4)
    assert "book was called with the same arguments 4 times" in str(outcome.reason)
    assert "stubborn@1/tool/5" in str(outcome.reason)


async def test_what_ran_away_before_a_crash_has_run_away_after_it_and_nothing_is_called_again(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    workflow = held(stubborn(system, 9), repeats=4)
    before, after = tmp_path / "before", tmp_path / "after"

    async def cut_power() -> None:
        snapshot(before, after)

    async with opened(before, WatchedStore) as store, serving(before, workflow, store=store) as host:
        store.written_after["scope"] = cut_power
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "escalated"
    async with serving(after, workflow) as host:
        assert [event.body["what"] for event in await events(host, run, "choice")] == ["runaway"]
        outcome = await ended(host, run)
        assert len(await events(host, run, "choice")) == 1
    assert (outcome.status, len(system.calls)) == ("escalated", 4)
    assert "book was called with the same arguments 4 times" in str(outcome.reason)


async def test_unless_declared_otherwise_writes_run_away_sooner_than_reads(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = Workflow("free", stubborn(system, WRITES + 1))
    assert (await outcome_of(tmp_path, workflow)).status == "escalated"
    assert len(system.calls) == WRITES
    assert (Runaway().allows("write"), Runaway().allows("read")) == (WRITES, READS)
    assert Runaway(repeats=7).allows("read") == 7


async def test_other_arguments_and_other_runs_are_counted_for_themselves(tmp_path: Path) -> None:
    system = Elsewhere()
    book = tool(system.book)

    @function(pure=True)
    async def busy(context: Context) -> None:
        for number in range(3):
            await context.use(book, what=f"{number}")
            await context.use(book, what="it")

    workflow = held(busy, repeats=3)
    async with serving(tmp_path, workflow) as host:
        for _ in range(2):
            assert (await ended(host, await begin(host, workflow))).status == "complete"


async def test_it_is_counted_through_restarts_and_segments(tmp_path: Path) -> None:
    system = Elsewhere()
    step = sequential(uses(tool(system.book), what="it"), human("clerk", role="clinician"), name="step")
    workflow = held(loop(step, until="False", rounds=9), repeats=3)
    run = ""
    for _ in range(3):
        async with serving(tmp_path, workflow) as host:
            run = run or await begin(host, workflow)
            await reply(host, await asked(host, run), {"proceed": True}, by=ADA)
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status != "complete"
        trips = [event for event in await events(host, run, "choice") if event.body["what"] == "runaway"]
    assert len(system.calls) == 3
    assert [event.body["chosen"] for event in trips] == ["escalated"]


async def test_in_a_loop_of_many_rounds_the_count_outlives_its_segments(tmp_path: Path) -> None:
    system = Elsewhere()
    book = tool(system.book)

    @function(pure=True)
    async def work(input: int, context: Context) -> object:  # noqa: A002 - bound by this name
        return await context.use(book, what=f"{input}")

    round_ = sequential(map_over("items", work, width=99), human("clerk", role="clinician"))
    workflow = held(loop(round_, until="False", rounds=60), repeats=8)
    run = ""
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, {"items": list(range(60))})
        for _ in range(6):
            await reply(host, await asked(host, run), {"proceed": True}, by=ADA)
        await asked(host, run)
        assert await events(host, run, "segment")
    async with serving(tmp_path, workflow) as host:
        for _ in range(2):
            await reply(host, await asked(host, run), {"proceed": True}, by=ADA)
        assert (await ended(host, run)).status != "complete"
    assert len(system.calls) == 8 * 60


async def test_a_rate_holds_for_a_principal_in_all_runs_and_processes_and_pays_itself_off(
    tmp_path: Path,
) -> None:
    system, clock = Elsewhere(), HandClock()
    desk = uses(tool(system.book), what="it")
    workflow = held(desk, rates={"book": Rate(2, "1m")})

    async def status(host: Host, **by: object) -> str:
        return (await ended(host, await begin(host, workflow, **by))).status  # pyright: ignore[reportArgumentType] - by whom

    async with serving(tmp_path, workflow, clock=clock) as host:
        assert [await status(host), await status(host)] == ["complete", "complete"]
        outcome = await ended(host, await begin(host, workflow))
        assert (outcome.status, len(system.calls)) == ("escalated", 2)
        assert "book may be called 2 times in 60 s for one principal" in str(outcome.reason)
    async with serving(tmp_path, workflow, clock=clock) as host:
        assert await status(host) == "escalated"
        assert await status(host, by=ADA) == "complete"
        clock.turn(30)
        assert [await status(host), await status(host)] == ["complete", "escalated"]


# -- what patterns make of it ----------------------------------------------------------------------------


def passing_over(system: Elsewhere) -> BaseParticipant:
    """Give a sequence that goes on without whoever ran away."""
    return sequential(stubborn(system, 9).on_failure("continue"), clerk(), name="steps")


def outvoting(system: Elsewhere) -> BaseParticipant:
    """Give branches of which one is enough."""
    return concurrent(stubborn(system, 9), clerk(), resolve=first(1), name="votes")


def outrunning(system: Elsewhere) -> BaseParticipant:
    """Give branches of which the one is stopped in which something ran away."""
    slow = sequential(passing_over(system), human("late", role="admin"), name="slow")
    return concurrent(slow, sequential(human("quick", role="clinician"), name="fast"), resolve=first(1))


def clerk() -> BaseParticipant:
    return human("clerk", role="clinician")


AROUND = {"passed over": passing_over, "outvoted": outvoting, "stopped": outrunning}


@pytest.mark.parametrize(("then", "status"), [("escalate", "escalated"), ("stop", "partial")])
@pytest.mark.parametrize("around", AROUND)
async def test_a_pattern_that_copes_with_what_ran_away_leaves_no_run_that_is_complete(
    tmp_path: Path, around: str, then: str, status: str
) -> None:
    system = Elsewhere()
    workflow = held(AROUND[around](system), repeats=4, then=then)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await until(lambda: tripped(host, run))
    async with serving(tmp_path, workflow) as host:  # and who takes it up knows
        who = "quick" if around == "stopped" else "clerk"
        await reply(host, await asked(host, run, f"{who}@"), {"proceed": True}, by=ADA)
        outcome = await ended(host, run)
        [trip] = [one for one in await events(host, run, "choice") if one.body["what"] == "runaway"]
    assert outcome.status == ("partial" if around == "passed over" else status)
    assert outcome.output is not None
    assert "it has run away: book was called with the same arguments 4 times" in str(outcome.reason)
    assert f"called again by {trip.path.removesuffix('/runaway')}" in str(outcome.reason)
    assert len(system.calls) == 4


async def tripped(host: Host, run: str) -> bool | None:
    return any(one.body["what"] == "runaway" for one in await events(host, run, "choice")) or None


async def test_it_is_known_behind_segments_that_something_ran_away(tmp_path: Path) -> None:
    system = Elsewhere()
    away = sequential(stubborn(system, 9).escalate(below=0.5, to=pure_step()), name="away")
    body = branch({when(at_first): away}, otherwise=clerk(), name="body")
    workflow = held(loop(body, until="False", rounds=16), repeats=4)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        for number in range(2, 17):
            await reply(host, await asked(host, run, f"body@{number}/"), {"proceed": True}, by=ADA)
        outcome = await ended(host, run)
        assert await events(host, run, "segment")
    assert outcome.status != "complete"
    assert "it has run away" in str(outcome.reason)


def at_first(values: Mapping[str, object]) -> bool:
    return "body" not in values


def pure_step() -> Function:
    return Function(lambda: "enough", name="enough", pure=True)


async def test_whoever_retries_a_run_has_what_ran_away_done_again(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = held(sequential(stubborn(system, 9).escalate(below=0.5, to=clerk()), pure_step()), repeats=4)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True}, by=ADA)
        assert (await ended(host, run)).status == "escalated"
        row = await retry(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await reply(host, await asked(host, row.id), {"proceed": True}, by=ADA)
        assert (await ended(host, row.id)).status == "escalated"
    assert len(system.calls) == 8


async def test_no_more_branches_are_under_way_at_once_than_may_be(tmp_path: Path) -> None:
    many = concurrent(
        *(human(f"person-{number}", role="clinician") for number in range(4)), resolve=merge(), name="many"
    )
    outcome = await outcome_of(tmp_path, held(many, fan_out=3))
    assert outcome.status == "escalated"
    assert "3 branches are under way at once" in str(outcome.reason)
    assert "many@1/person-3@1" in str(outcome.reason)


async def test_branches_one_after_another_are_not_too_many(tmp_path: Path) -> None:
    @function(pure=True)
    def double(input: int) -> int:  # noqa: A002 - bound by this name
        return input * 2

    workflow = held(map_over("items", double, width=2), fan_out=2)
    outcome = await outcome_of(tmp_path, workflow, {"items": [1, 2, 3, 4, 5]})
    assert outcome.status == "complete"


async def test_what_ran_away_runs_away_again_only_by_what_it_does_anew(tmp_path: Path) -> None:
    system = Elsewhere()
    tight = held(sequential(stubborn(system, 9), human("clerk", role="clinician")), repeats=5)
    async with serving(tmp_path, tight) as host:
        run = await begin(host, tight)
        assert (await ended(host, run)).status == "escalated"
        trip = next(one for one in await events(host, run, "choice") if one.body["what"] == "runaway")
        forked = await fork(host.store, host.clock, await host.store.run(run), at=trip.seq, by=OPERATOR)
        await reply(host, await asked(host, forked.id), {"proceed": True}, by=ADA)
        assert (await ended(host, forked.id)).status == "complete"
    assert len(system.calls) == 9


def test_workflows_that_stand_too_deep_within_others_are_refused() -> None:
    leaf = Workflow("leaf", human("clerk", role="clinician"))
    middle = Workflow("middle", subworkflow(leaf))
    held(subworkflow(leaf), depth=1)
    held(subworkflow(middle), depth=2)
    with pytest.raises(DefinitionError, match="2 workflows stand one within another below it, 1 may"):
        held(subworkflow(middle), depth=1)


@pytest.mark.parametrize(
    "settings",
    [{"repeats": 0}, {"fan_out": True}, {"depth": -1}, {"rates": {"book": (0, "1m")}}, {"then": "go on"}],
    ids=str,
)
def test_what_nothing_could_keep_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(DefinitionError):
        Runaway(**settings)  # pyright: ignore[reportArgumentType] - that is what is refused
