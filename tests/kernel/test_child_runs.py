"""A workflow as a participant: a run of its own, that is awaited, and cancelled with its parent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    begin,
    cancel,
    ended,
    events,
    parked,
    reply,
    serving,
)
from kernel.scenarios.parents import YES, asking, child_of, double, doubling, question_of, sound
from ripieno import (
    Context,
    Outcome,
    Workflow,
    function,
    map_over,
    sequential,
    subworkflow,
)
from ripieno.kernel import operators
from ripieno.model.errors import DefinitionError

# -- one run within another ------------------------------------------------------------------------------


async def test_a_child_run_waits_for_days_and_its_parent_with_it_whoever_serves_them(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("outer", sequential(double, subworkflow(asking, input="input")))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, 21)
        question = await question_of(host)
        child = await child_of(host, run)
        await parked(host, child)
        await parked(host, run)
        assert question.run == child
        assert (await host.store.run(child)).parent == run
        assert await host.store.questions(run=run) == []
    clock.turn(86_400 * 9)
    async with serving(tmp_path, asking, clock=clock) as host:  # where nobody knows of the parent
        await reply(host, question, YES)
        assert (await ended(host, child)).status == "complete"
    async with serving(tmp_path, workflow, clock=clock) as host:
        outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("complete", YES)
        assert outcome.confidence is not None
        assert outcome.confidence.method == "decided by person:op"
    assert sound(tmp_path)


async def test_a_hundred_child_runs_of_a_map_each_give_their_own(tmp_path: Path) -> None:
    workflow = Workflow("outer", map_over("numbers", subworkflow(doubling), width=50))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, {"numbers": list(range(100))}))
    assert outcome.output == [{"doubled": number * 2} for number in range(100)]


async def test_workflows_stand_eight_deep_and_no_deeper(tmp_path: Path) -> None:
    workflow = doubling
    for depth in range(7):
        workflow = Workflow(f"around-{depth}", subworkflow(workflow))
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow, 4))).output == {"doubled": 8}
    with pytest.raises(DefinitionError, match="others within others 8 deep already"):
        subworkflow(workflow)


@pytest.mark.parametrize(
    ("given", "received"),
    [("previous", {"doubled": 6}), ("double", {"doubled": 6}), ("input", 3), ("turn", None)],
)
async def test_a_child_run_is_given_what_is_declared(tmp_path: Path, given: str, received: object) -> None:
    @function(pure=True)
    def echo(input: Any) -> Any:  # noqa: A002
        return {"given": input}

    workflow = Workflow("outer", sequential(double, subworkflow(Workflow("echoing", echo), input=given)))
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow, 3))).output == {"given": received}


# -- what becomes of it ----------------------------------------------------------------------------------


async def test_the_end_of_a_child_that_failed_is_that_of_its_visit(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(doubling))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, {"no": "number"}))
    assert outcome.status == "failed"
    assert "TypeError" in str(outcome.reason)


async def test_a_child_that_somebody_cancels_escalates_its_visit(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(asking))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        await question_of(host)
        child = await child_of(host, run)
        await cancel(host, child, reason="a mistake")
        outcome = await ended(host, run)
    why = f"run {child[-6:]} was cancelled by person:op: a mistake"
    assert (outcome.status, outcome.reason) == ("escalated", why)


async def test_a_workflow_that_is_drained_starts_no_child_run(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(doubling))
    async with serving(tmp_path, workflow) as host:
        await operators.drain(host.store, "doubling", by=OPERATOR, reason="broken")
        run = await begin(host, workflow, 1)
        outcome = await ended(host, run)
        assert outcome.status == "failed"
        assert "broken" in str(outcome.reason)
    assert sound(tmp_path)


async def test_an_input_that_a_workflow_refuses_starts_no_child_run(tmp_path: Path) -> None:
    inner = Workflow("inner", double, check_input={"type": "string"})
    workflow = Workflow("outer", subworkflow(inner))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        assert (await ended(host, run)).status == "failed"
        assert await events(host, run, "asked") == []


async def test_a_workflow_that_is_no_part_of_the_definition_is_not_run(tmp_path: Path) -> None:
    @function(pure=True)
    async def improvises(context: Context) -> Outcome:
        return await context.run_workflow(doubling, context.value(1))

    workflow = Workflow("outer", improvises)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert "workflow 'doubling' is not part of 'outer'" in str(outcome.reason)
