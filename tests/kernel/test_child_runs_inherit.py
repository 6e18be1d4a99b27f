"""What a child run has from its parent, what forks and retries make of it, and code that asks for another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import (
    OPERATOR,
    begin,
    cancel,
    ended,
    events,
    opened,
    parked,
    reply,
    resting,
    serving,
    until,
)
from kernel.scenarios.parents import YES, Slow, asking, child_of, double, doubling, question_of, sound
from ripieno import (
    WITHHELD,
    Calendar,
    Call,
    Context,
    Cost,
    Limits,
    Outcome,
    Workflow,
    approved,
    function,
    human,
    sequential,
    subworkflow,
    tool,
)
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands, forks, operators, retries
from ripieno.kernel.host import Host
from ripieno.kernel.modes import set_mode_of_version
from ripieno.model.effect_rule import Approver, EffectRule
from ripieno.model.participant import Task
from ripieno.participants.base import BaseParticipant

# -- the rule for effects --------------------------------------------------------------------------------


class Under(BaseParticipant):
    """Lets another work under a rule for effects."""

    kind = "under"

    def __init__(self, inner: BaseParticipant, rule: EffectRule) -> None:
        super().__init__("under")
        self._inner, self._rule = inner, rule

    def describe(self) -> dict[str, Any]:
        return {}

    def children(self) -> list[BaseParticipant]:
        return [self._inner]

    async def act(self, task: Task, context: Context) -> Outcome:
        return await context.call(self._inner, task, effects=self._rule)


async def test_what_is_withheld_above_is_withheld_in_a_child_run(tmp_path: Path) -> None:
    slow = Slow()
    slow.go.set()
    workflow = Workflow("outer", Under(subworkflow(Workflow("inner", slow.uses())), WITHHELD))
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow))).status == "partial"
    assert slow.done == []
    assert sound(tmp_path)


async def test_what_has_to_be_approved_above_has_to_be_in_a_child_run(tmp_path: Path) -> None:
    slow = Slow()
    slow.go.set()
    workflow = Workflow("outer", Under(subworkflow(Workflow("inner", slow.uses())), approved("chief")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await question_of(host)
        assert (question.role, question.run) == ("chief", await child_of(host, run))
        assert slow.done == []
        fork = await forks.fork(host.store, host.clock, await host.store.run(question.run), by=OPERATOR)
        await cancel(host, fork.id)
        await reply(host, question, YES)
        assert (await ended(host, run)).status == "complete"
    assert slow.done == ["act"]


async def test_approvals_under_a_calendar_are_refused_for_a_child_run(tmp_path: Path) -> None:
    calendar = Calendar("night", hours={"mon-sun": "00:00-06:00"})
    rule = EffectRule(approvers=(Approver("chief", then=(Approver("boss", calendar=calendar),)),))
    workflow = Workflow("outer", Under(subworkflow(doubling), rule))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, 1))
    assert "boss approves effects under a calendar" in str(outcome.reason)
    chain = EffectRule(approvers=(Approver("chief", due=5.0, then=(Approver("boss"),)),))
    workflow = Workflow("outer", Under(subworkflow(doubling), chain))
    async with serving(tmp_path / "chain", workflow) as host:
        assert (await ended(host, await begin(host, workflow, 1))).status == "complete"


# -- forks, retries and other code -----------------------------------------------------------------------


async def test_a_fork_takes_over_what_a_child_found_and_a_fork_of_a_child_tells_nobody(
    tmp_path: Path,
) -> None:
    workflow = Workflow("outer", sequential(subworkflow(doubling), human("boss", role="boss")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 2)
        await question_of(host)
        child = await child_of(host, run)
        await parked(host, run)
        asked = next(event for event in await events(host, run, "answered"))
        fork = await forks.fork(host.store, host.clock, await host.store.run(run), by=OPERATOR, at=asked.seq)
        await until(lambda: waiting_for(host, fork.id))
        assert await events(host, fork.id, "asked") != []
        assert all("child" not in event.body for event in await events(host, fork.id, "asked"))
        other = await forks.fork(host.store, host.clock, await host.store.run(child), by=OPERATOR)
        assert (await ended(host, other.id)).output == {"doubled": 4}
    assert sound(tmp_path)


async def waiting_for(host: Host, run: str) -> QuestionRow | None:
    return next(iter(await host.store.questions(run=run)), None)


async def test_a_retry_runs_a_child_again_that_failed(tmp_path: Path) -> None:
    works: list[bool] = []

    @function(pure=True)
    def tries() -> str:
        if not works:
            raise ValueError
        return "done"

    workflow = Workflow("outer", sequential(double, subworkflow(Workflow("inner", tries))))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        assert (await ended(host, run)).status == "failed"
        works.append(True)
        again = await retries.retry(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        outcome = await ended(host, again.id)
    assert (outcome.status, outcome.output) == ("complete", "done")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (lambda: Workflow("outer", subworkflow(Workflow("others", double), "asking")), "one of others"),
        (
            lambda: Workflow("outer", subworkflow(asking, input="turn")),
            "began a run of asking with another input",
        ),
    ],
    ids=["another workflow", "another input"],
)
async def test_code_that_asks_for_another_child_blocks_the_run(
    tmp_path: Path, other: Callable[[], Workflow], says: str
) -> None:
    before, after = Workflow("outer", subworkflow(asking)), other()
    async with serving(tmp_path, before) as host:
        run = await begin(host, before, 1)
        question = await question_of(host)
        await parked(host, run)
    async with serving(tmp_path, asking, after) as host:
        await host.enter(after, OPERATOR)
        await host.store.declare_compatible("default", before.version, after.version, "test")
        await reply(host, question, YES)

        async def blocked() -> str | None:
            row = await host.store.run(run)
            return row.detail if row.status == "blocked" else None

        assert says in await until(blocked)


async def test_a_parent_that_is_gone_from_its_wait_hears_no_more(tmp_path: Path) -> None:
    """A child is cancelled that has ended meanwhile: its last words are on their way."""
    workflow = Workflow("outer", subworkflow(asking))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        question = await question_of(host)
        await parked(host, run)
        await operators.pause(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await reply(host, question, YES)
        await ended(host, question.run)
        await commands.cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == "cancelled"
        assert (await resting(host, question.run)).status == "complete"
    assert sound(tmp_path)


async def test_what_a_child_spent_counts_though_it_ends_without_its_code(tmp_path: Path) -> None:
    @tool(effect="read", cost=Cost(tokens=9))
    def think(call: Call) -> None:
        call.spent(tokens=4)

    @function(pure=True)
    async def thinks(context: Context) -> None:
        await context.use(think)
        await context.spend(tokens=2)

    inner = Workflow("inner", sequential(thinks, human("clerk", role="clerk")))
    workflow = Workflow("outer", subworkflow(inner, allowance=Limits(tokens=20)), limits=Limits(tokens=30))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await question_of(host)
        await parked(host, question.run)
        taken = await host.store.acquire(question.run)
        assert taken is not None
        await host.store.release(taken.lease, "blocked", "its code is gone")
        await cancel(host, question.run)
        assert (await ended(host, run)).status == "escalated"
        [whole] = [event for event in await events(host, run, "scope") if "/" not in event.path]
        assert whole.body["spent"] == {"tokens": 6}


async def test_the_modes_of_a_child_are_those_set_for_its_version(tmp_path: Path) -> None:
    inner = Workflow("inner", sequential(double.mode("auto", human("clerk", role="clerk"))))
    workflow = Workflow("outer", subworkflow(inner))
    async with serving(tmp_path, workflow) as host:
        await host.enter(workflow, OPERATOR)
        [version] = await host.store.versions("default", "inner")
        await set_mode_of_version(host.store, version, "double", "manual", by=OPERATOR)
        run = await begin(host, workflow, 1)
        question = await question_of(host)
        assert question.run == await child_of(host, run)
        assert question.role == "clerk"


async def test_nobody_is_told_where_nobody_waits(tmp_path: Path) -> None:
    """The wait is closed, as it is with a visit that has ended; the last words are dropped."""
    workflow = Workflow("outer", subworkflow(asking))
    async with opened(tmp_path, SqliteStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow, 1)
        question = await question_of(host)
        await parked(host, run)
        await parked(host, question.run)
        with closing(sqlite3.connect(store.path)) as disk:
            disk.execute("UPDATE questions SET state = 'closed' WHERE kind = 'child'")
            disk.commit()
        await reply(host, question, YES)
        assert (await ended(host, question.run)).status == "complete"
        row = await store.run(run)
        assert (row.wanted, row.status) == (0, "waiting")
