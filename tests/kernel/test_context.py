"""What a participant may do through its context, and what it is told when it may not."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernel.scenarios.house import OPERATOR, asked, begin, ended, parked, reply, serving
from ripieno import Context, Host, Workflow, function, human, sequential, tool


@tool(effect="read")
async def look(n: int) -> int:
    await asyncio.sleep(0.01)
    return n


async def test_chance_is_the_same_on_every_replay(tmp_path: Path) -> None:
    drawn: list[float] = []

    @function(pure=True, version="1")
    async def draws(context: Context) -> float:
        number = context.random().random()
        drawn.append(number)
        await context.use(look, n=1)
        await context.sleep(0.02)
        return number

    workflow = Workflow("draw", sequential(draws, human("signs", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        question = await asked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, question, {"proceed": True})
        assert (await ended(host, run)).status == "complete"
    assert len(set(drawn)) == 1


async def test_a_participant_knows_its_run_its_path_and_for_whom_it_acts(host: Host) -> None:
    @function(pure=True, version="1")
    async def tells(context: Context) -> list[str]:
        return [context.run, context.path, context.principal.id, context.principal.tenant]

    run = await begin(host, Workflow("tell", tells))
    assert (await ended(host, run)).output == [run, "tells@1", OPERATOR.id, "default"]


async def test_two_acts_at_once_are_refused_with_what_to_use_instead(host: Host) -> None:
    @function(pure=True, version="1")
    async def hurries(context: Context) -> list[int]:
        return list(await asyncio.gather(context.use(look, n=1), context.use(look, n=2)))

    outcome = await ended(host, await begin(host, Workflow("hurry", hurries)))
    assert outcome.status == "failed"
    assert "context.branches()" in str(outcome.reason)
