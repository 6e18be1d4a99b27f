"""Any prefix of what a run recorded replays to what the run did next, and repeats nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from kernel.scenarios.hand_clock import HandClock
from kernel.support.random_workflows import LEAVES, Built, Node, build, nodes
from kernel.support.replayed import CapturingStore, differences, replay
from ripieno.kernel.commands import answer
from ripieno.kernel.host import Host
from ripieno.kernel.recording import ENDS
from ripieno.model.event import Event
from ripieno.model.principal import Principal
from ripieno.model.value import decode
from ripieno.workflows.workflow import Workflow

PATIENCE_SECONDS = 120
OPERATOR = Principal("person", "op", every_role=True)

inputs = strategies.lists(strategies.integers(min_value=-1, max_value=3), max_size=8)
"""What comes in from outside, one after another: an answer to one of the open questions, or -1 for time."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run at rest, in a store that from now on captures what is appended."""

    store: CapturingStore
    begun: int
    workflow: Workflow
    built: Built
    events: Sequence[Event]


@asynccontextmanager
async def recorded(node: Node, coming: Sequence[int]) -> AsyncGenerator[Recorded]:
    """Run a workflow and let come in what is to come; give it at rest."""
    workflow, built = build(node)
    clock = HandClock()
    begun = clock.now()
    with TemporaryDirectory() as home:
        store = CapturingStore(Path(home))
        await store.open()
        try:
            async with Host(store, clock=clock) as host:
                run = (await host.start(workflow, "given", principal=OPERATOR)).row.id
                async with asyncio.timeout(PATIENCE_SECONDS):
                    for choice in coming:
                        await host.rest(run)
                        await let_in(store, clock, run, choice)
                    await host.rest(run)
            yield Recorded(store, begun, workflow, built, await store.events(run))
        finally:
            await store.close()


async def let_in(store: CapturingStore, clock: HandClock, run: str, choice: int) -> None:
    asked = await store.questions(run=run)
    if choice >= 0 and asked:
        question = asked[choice % len(asked)]
        await answer(store, clock, question, by=OPERATOR, value={"proceed": choice != 3})
    elif (due := store.next_timer()) is not None:
        clock.turn((due - clock.now()) / 1_000_000)
        await store.fire_timers(clock.now())


async def every_prefix_goes_on_as_the_run_did(node: Node, coming: Sequence[int]) -> None:
    async with recorded(node, coming) as run:
        for length in range(1, len(run.events) + 1):
            if run.events[length - 1].kind == "run.ended":
                continue
            run.built.entered.clear()
            calls = run.built.calls
            async with asyncio.timeout(PATIENCE_SECONDS):
                execution, captured = await replay(run.store, run.begun, run.workflow, run.events, length)
            place = f"after {length} of {len(run.events)} events"
            assert execution.rest in ("ended", "parked"), f"{place}: {execution.rest}, {execution.detail}"
            assert differences(run.events, length, captured) == [], place
            ended = {event.path for event in run.events[:length] if event.kind in ENDS}
            assert [path for path in run.built.entered if within(path, ended)] == []
            claimed = [event for event in captured if event.kind == "intent"]
            assert run.built.calls - calls == len(claimed)


def within(path: str, ended: set[str]) -> bool:
    """Tell whether a visit, or one around it, had ended already."""
    parts = path.split("/")
    return any("/".join(parts[:count]) in ended for count in range(1, len(parts) + 1))


@pytest.mark.parametrize("around", ["sequential", "concurrent", "map", "loop"])
@pytest.mark.parametrize("leaf", sorted({*LEAVES, "race", "finish"}))
async def test_each_kind_replays_to_the_same_next_acts(leaf: str, around: str) -> None:
    waits = (Node("patient"), Node("sleep")) if leaf in {"race", "finish"} else ()
    node = Node(
        around,
        (Node(leaf, waits), Node("act")) if around in {"sequential", "concurrent"} else (Node(leaf, waits),),
    )
    await every_prefix_goes_on_as_the_run_did(node, [0, -1, 1, -1])


@settings(max_examples=50, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(nodes, inputs)
def test_any_recorded_prefix_replays_to_the_same_next_acts(node: Node, coming: list[int]) -> None:
    asyncio.run(every_prefix_goes_on_as_the_run_did(node, coming))


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_results_are_let_out_in_the_order_in_which_they_were_recorded(order: tuple[int, ...]) -> None:
    coming = [branch - sum(earlier < branch for earlier in order[:turn]) for turn, branch in enumerate(order)]
    node = Node("finish", (Node("ask"), Node("ask"), Node("ask")))
    async with recorded(node, coming) as run:
        assert output(run) == [f"ask{branch + 1}@1" for branch in order]
    await every_prefix_goes_on_as_the_run_did(node, coming)


@pytest.mark.parametrize(("coming", "status"), [([0, -1], "complete"), ([-1, 0], "failed")], ids=str)
async def test_a_race_of_an_answer_and_a_timeout_is_decided_once(coming: list[int], status: str) -> None:
    node = Node("patient")
    async with recorded(node, coming) as run:
        assert run.events[-1].body["outcome"]["status"] == status
    await every_prefix_goes_on_as_the_run_did(node, coming)


async def test_the_outcome_of_a_visit_stands_for_all_that_is_within_it() -> None:
    node = Node("sequential", (Node("act"), Node("map", (Node("choose"),)), Node("ask")))
    async with recorded(node, []) as run:
        run.built.entered.clear()
        execution, captured = await replay(run.store, run.begun, run.workflow, run.events, len(run.events))
        assert execution.rest == "parked"
        assert run.built.entered == []
        assert captured == []


def output(run: Recorded) -> object:
    """Give what a run ended with."""
    last = run.events[-1]
    return decode(run.store.payload(last.stream, last.body["outcome"]["output"]))
