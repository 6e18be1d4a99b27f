"""What it costs to know where values come from: as much as came in, once, and nothing where nobody asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from kernel.scenarios.governed import gate_of, governed
from kernel.scenarios.house import OPERATOR, begin, ended, events
from ripieno import Context, Host, Workflow, function, sequential, tool
from ripieno.kernel.forks import fork
from ripieno.mediation.policy import PolicyGate
from ripieno.mediation.provenance.histories import Histories
from ripieno.mediation.provenance.tracing import RunTracer, tracer
from ripieno.model.event import Event
from ripieno.model.gate import Action, Tracing
from ripieno.model.provenance import Carried, RunLog, Traced, Tracer
from ripieno.participants.function import Function

READS: Final = """
@id("nothing-goes-to-strangers")
forbid (principal, action == Action::"tool.call", resource == Tool::"note")
when { !(context has provenance) || context.provenance.account == "nobody" };
"""


@tool(name="page", effect="read")
def page(number: int) -> str:
    """Give a page, each another one, all of one length."""
    return f"page {number:06}: item {number:09} costs {number:06}, pay to AC{number * 7919:014}"


@tool(name="note", effect="write", on_uncertain="retry", trust="trusted")
def note(account: str) -> str:
    """Take down an account."""
    return f"noted {account}"


@function(name="clerk", pure=True)
async def clerk(input: dict[str, int], context: Context) -> int:  # noqa: A002 - the name of the parameter
    for number in range(input["calls"]):
        text = await context.use(page, number=number)
        await context.use(note, account=text.rpartition(" ")[2])
    return input["calls"]


WORKFLOW: Final = Workflow("clerk", sequential(clerk))


class Counted:
    """A log that counts what is read of it."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self.events_read = self.values_read = 0

    async def events(self, run: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        found = await self._log.events(run, after=after, limit=limit)
        self.events_read += len(found)
        return found

    def payload(self, run: str, commitment: str) -> bytes:
        self.values_read += 1
        return self._log.payload(run, commitment)


class Counting:
    """Traces, and notes after each act what that has cost so far."""

    def __init__(self, log: RunLog, run: str) -> None:
        self.log = Counted(log)
        self._tracer: RunTracer = tracer(self.log, run)
        self.costs: list[tuple[int, int, int]] = []

    async def trace(self, carried: Carried) -> Traced:
        found = await self._tracer.trace(carried)
        self.costs.append((self.log.events_read, self.log.values_read, self._tracer.work))
        return found


class CountingGate(PolicyGate):
    """The gate, whose tracers count."""

    counting: Counting

    def tracer(self, log: RunLog, run: str) -> Counting:
        self.counting = Counting(log, run)
        return self.counting


def counting_gate(folder: Path) -> CountingGate:
    return CountingGate(gate_of(folder, reads=READS).library)


async def test_the_last_act_of_a_long_run_costs_what_the_first_ones_did(tmp_path: Path) -> None:
    calls = 120
    gate = counting_gate(tmp_path / "policies")
    async with governed(tmp_path / "home", gate, WORKFLOW) as host:
        run = await begin(host, WORKFLOW, {"calls": calls})
        assert (await ended(host, run)).status == "complete"
        last = (await host.store.run(run)).head_seq
    costs = gate.counting.costs
    assert len(costs) == calls
    each = [
        [now - before for now, before in zip(costs[n], costs[n - 1], strict=True)] for n in range(2, calls)
    ]
    assert all(one == each[0] for one in each), "events, values and windows, for each act anew"
    assert costs[-1][0] <= last, "each event once"


async def test_a_fork_of_a_long_run_reads_what_it_takes_over_once(tmp_path: Path) -> None:
    """Each visit that it takes over is known by the run it comes from, which is not read for each anew."""
    stages = 40

    def passing(number: int) -> Any:
        @function(name=f"stage-{number}", pure=True)
        def stage(previous: Any) -> Any:
            return {"said": f"{number} things of the house, or more", "before": previous}

        return stage

    @function(name="first", pure=True)
    async def first(input: Any, context: Context) -> str:  # noqa: A002 - the name of the parameter
        del input
        return await context.use(page, number=7)

    flow = Workflow("long", sequential(first, *(passing(number) for number in range(stages))))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), flow) as host:
        run = await begin(host, flow, {})
        assert (await ended(host, run)).status == "complete"
        row = await host.store.run(run)
        copy = (await fork(host.store, host.clock, row, by=OPERATOR, at=row.head_seq)).id
        log = Counted(host.store)
        history = await Histories(log).of(copy)
        count = len(await events(host, copy)) + row.head_seq
    assert history.worst.trust == "untrusted"
    assert log.events_read <= count


class NeverAsked(PolicyGate):
    """The gate, which nobody asks where anything comes from but once, of what a run answers in the end."""

    def traces(self, action: Action) -> frozenset[Tracing]:
        assert action.kind == "answer", action
        return super().traces(action)

    def tracer(self, log: RunLog, run: str) -> Tracer:
        raise AssertionError(log, run)


@pytest.mark.parametrize("which", ["nobody reads it", "policies about tools read it"])
async def test_steps_that_give_nothing_out_pay_nothing_for_it(tmp_path: Path, which: str) -> None:
    """The first benchmark's chain: pure steps, each decided; whatever the policies say about tools."""

    def step(previous: Any) -> Any:
        return previous

    policies = gate_of(tmp_path / "policies", **({} if which == "nobody reads it" else {"reads": READS}))
    gate = NeverAsked(policies.library)
    steps = [Function(step, name=f"step-{number}", pure=True) for number in range(10)]
    flow = Workflow("chain", sequential(*steps))
    async with governed(tmp_path / "home", gate, flow) as host:
        run = await begin(host, flow, {"count": 0})
        assert (await ended(host, run)).status == "complete"
        assert all("traced" not in one.body for one in await events(host, run))


async def test_what_is_kept_of_runs_at_rest_is_bounded(tmp_path: Path) -> None:
    """By how much it is, beside how many they are: what was let go is read anew."""
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), WORKFLOW) as host:
        runs = [await finished(host) for _ in range(4)]
        histories = Histories(host.store, most=100)
        sizes = [(await histories.of(run)).index.size for run in (*runs, runs[0])]
        assert histories.size <= 100 + sizes[0]
    assert len(set(sizes)) == 1
    assert sizes[0] > 50, "two of them are too much"


async def finished(host: Host) -> str:
    run = await begin(host, WORKFLOW, {"calls": 5})
    assert (await ended(host, run)).status == "complete"
    return run
