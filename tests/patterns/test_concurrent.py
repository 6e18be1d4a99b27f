"""Side by side: branches do not wait for each other, and are joined by a rule."""

from __future__ import annotations

import asyncio

from running import Running, gives, outcome, pure

from ripieno import concurrent, human, merge, sequential
from ripieno.patterns import resolvers


async def test_merge_puts_the_branches_outputs_under_their_names(running: Running) -> None:
    ended = await running.run(concurrent(gives("a", 1), gives("b", [2]), resolve=merge()))
    assert (ended.status, ended.output) == ("complete", {"a": 1, "b": [2]})


async def test_branches_are_at_work_at_the_same_time(running: Running) -> None:
    both = asyncio.Barrier(2)

    async def one() -> int:
        await both.wait()
        return 1

    async def two() -> int:
        await both.wait()
        return 2

    ended = await running.run(concurrent(pure(one), pure(two), resolve=merge()))
    assert ended.output == {"one": 1, "two": 2}


async def test_collect_waits_for_every_branch_and_is_partial_when_one_fails(running: Running) -> None:
    flow = concurrent(gives("a", 1), gives("b", outcome("failed", reason="no")), resolve=merge())
    ended = await running.run(flow)
    assert (ended.status, ended.output, ended.reason) == ("partial", {"a": 1}, "b failed (no)")


async def test_when_no_branch_completes_the_whole_does_not_either(running: Running) -> None:
    failed = outcome("failed", reason="no")
    assert (
        await running.run(concurrent(gives("a", failed), gives("b", failed), resolve=merge()))
    ).status == "failed"


async def test_fail_fast_stops_the_others_when_one_does_not_complete(running: Running) -> None:
    waiting = human("clerk", role="clerk")
    broken = gives("broken", outcome("failed", reason="no"))
    run = await running.begin(concurrent(waiting, broken, resolve=merge(), on_failure="fail_fast"))
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("failed", "concurrent cannot complete as declared: broken: no")
    assert await running.host.store.questions(run=run) == []


async def test_so_many_have_to_complete_as_a_number_says(running: Running) -> None:
    failed = outcome("failed", reason="no")
    enough = concurrent(gives("a", 1), gives("b", failed), resolve=merge(), on_failure=1)
    too_few = concurrent(gives("a", 1), gives("b", failed), resolve=merge(), on_failure=2)
    assert (await running.run(enough)).status == "partial"
    assert (await running.run(too_few)).status == "failed"


async def test_a_fast_branch_does_not_wait_for_a_person_in_another(running: Running) -> None:
    flow = concurrent(human("clerk", role="clerk"), sequential(gives("a", 1), gives("b", 2)), resolve=merge())
    run = await running.begin(flow)
    [question] = await running.questions(run)
    assert len(await running.events(run, "scope")) == 1
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).output == {"clerk": {"proceed": True}, "sequential": 2}


async def test_a_vote_that_settles_nothing_is_escalated_with_all_sides(running: Running) -> None:
    flow = concurrent(gives("a", 1), gives("b", 2), resolve=resolvers.unanimous())
    ended = await running.run(flow)
    assert (ended.status, ended.output) == ("escalated", {"a": 1, "b": 2})


async def test_the_first_to_complete_ends_it_for_the_others(running: Running) -> None:
    flow = concurrent(human("clerk", role="clerk"), gives("a", 1), resolve=resolvers.first())
    assert (await running.run(flow)).output == 1


async def test_a_person_judges_what_the_branches_do_not_agree_on(running: Running) -> None:
    judge = human("chief", role="chief")
    run = await running.begin(concurrent(gives("a", 1), gives("b", 2), resolve=resolvers.judge(judge)))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True, "note": "the second"})
    assert (await running.ended(run)).output == {"proceed": True, "note": "the second"}
