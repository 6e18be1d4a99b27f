"""What it takes to know where values come from: in long runs, and for steps about which nobody asks."""

from __future__ import annotations

import gc
import time
import tracemalloc
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from harness.ripieno_chain import chain
from harness.scenario import Figure, Scenario, main
from harness.shape import first_state
from ripieno import Context, Workflow, function, sequential, tool
from ripieno.mediation.provenance.histories import Histories
from ripieno.model.principal import Principal
from ripieno.workflows.embedded import open_host

if TYPE_CHECKING:
    from pathlib import Path

    from ripieno import Host
    from ripieno.mediation.provenance.tracing import RunTracer
    from ripieno.model.gate import Action, Decision, Gate, Tracing
    from ripieno.model.provenance import Carried, RunLog, Traced, Tracer
    from ripieno.workflows.workflow import Workflow as Flow

POLICY: Final = """
@id("nothing-goes-to-strangers")
forbid (principal, action == Action::"tool.call", resource == Tool::"note")
when { !(context has provenance) || context.provenance.account == "nobody" };
"""
STARTED_BY: Final = Principal("service", "bench")
TENTHS: Final = 10


@tool(name="page", effect="read")
async def page(number: int) -> str:
    """Give a page of some 400 characters, each another one."""
    words = " ".join(f"item {number * 31 + n} of the list costs {n * 7 + number}" for n in range(10))
    return f"page {number}: {words}; pay to AC{number * 7919:014}"


@tool(name="note", effect="write", on_uncertain="retry")
async def note(account: str, text: str) -> str:
    """Take down an account."""
    return f"{account}: {len(text)}"


@function(name="clerk", pure=True)
async def clerk(input: dict[str, int], context: Context) -> int:  # noqa: A002 - the name of the parameter
    """Read and write in turns."""
    for number in range(input["calls"]):
        text = await context.use(page, number=number)
        await context.use(note, account=text.rpartition(" ")[2], text=text)
    return input["calls"]


@dataclass
class Clocked:
    """A gate whose tracers are timed: each act by the CPU time of the thread and the windows it looked at."""

    gate: Gate
    taken: list[float] = field(default_factory=list[float])
    work: list[int] = field(default_factory=list[int])

    @property
    def version(self) -> str:
        """Give the gate's own."""
        return self.gate.version

    def decide(self, action: Action) -> Decision:
        """Decide as the gate does."""
        return self.gate.decide(action)

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Tell what the gate's policies read."""
        return self.gate.traces(action)

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Give the gate's tracer, timed."""
        found: Any = self.gate.tracer(log, run)
        return ClockedTracer(found, self)


@dataclass
class ClockedTracer:
    """Times each trace."""

    tracer: RunTracer
    into: Clocked

    async def trace(self, carried: Carried) -> Traced:
        """Trace, and note what it took."""
        work, began = self.tracer.work, time.thread_time()
        found = await self.tracer.trace(carried)
        self.into.taken.append((time.thread_time() - began) * 1_000_000)
        self.into.work.append(self.tracer.work - work)
        return found


async def through(host: Host, workflow: Flow, value: object, runs: int = 1) -> tuple[float, str]:
    """Give the CPU time of the process for some runs, and the last of them."""
    await host.enter(workflow, STARTED_BY)
    gc.collect()
    began = time.process_time()
    started = [await host.start(workflow, value, principal=STARTED_BY) for _ in range(runs)]
    for one in started:
        outcome = await host.outcome(one.row.id)
        if outcome.status != "complete":
            raise AssertionError(outcome.reason)
    return time.process_time() - began, started[-1].row.id


def home_of(folder: Path, policy: str) -> Path:
    """Give a data folder beside policies."""
    policies = folder / "policies"
    policies.mkdir(parents=True)
    (policies / "own.cedar").write_text(policy, encoding="utf-8")
    return folder / "home"


async def long_run(folder: Path, effects: int) -> list[Figure]:
    """Measure a run of so many effects, every second of which is traced."""
    workflow = Workflow("clerk", sequential(clerk))
    async with open_host(home_of(folder, POLICY)) as host:
        clocked = Clocked(host.store.gate)
        host.store.gate = clocked
        whole, run = await through(host, workflow, {"calls": effects // 2})
        tracemalloc.start()
        history = await Histories(host.store).of(run)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        read = sum(len(host.store.payload(run, ref)) for ref in history.values)
    tenth = len(clocked.taken) // TENTHS
    last, second = slice(-tenth, None), slice(tenth, 2 * tenth)
    of = f"{effects:,} effects"
    return [
        Figure(what=f"{of}: an effect, all in all", value=whole / effects * 1_000_000, unit="us"),
        Figure(what=f"{of}: to trace one, the middle", value=median(clocked.taken), unit="us"),
        Figure(
            what=f"{of}: windows looked at for one, the last tenth against the second",
            value=sum(clocked.work[last]) / sum(clocked.work[second]),
            unit="x",
            goal="1x",
        ),
        Figure(
            what=f"{of}: CPU time to trace one, the last tenth against the second",
            value=median(clocked.taken[last]) / median(clocked.taken[second]),
            unit="x",
            goal="at most 1.2x",
        ),
        Figure(what=f"{of}: memory of the index", value=held / 1_000_000, unit="MB"),
        Figure(what=f"{of}: that, by byte taken in", value=held / read, unit="x"),
    ]


async def pure_steps(folder: Path, runs: int, rounds: int) -> list[Figure]:
    """Measure the chain of the first benchmark, with policies that read it about tools and without."""
    workflow = chain(10)
    taken: dict[str, list[float]] = {"": [], POLICY: []}
    async with (
        open_host(home_of(folder / "free", "")) as free,
        open_host(home_of(folder / "asked", POLICY)) as asked,
    ):
        for _ in range(rounds):
            for policy, host in (("", free), (POLICY, asked)):
                used, _ = await through(host, workflow, first_state(0), runs)
                taken[policy].append(used / runs / 10 * 1_000_000)
    without, with_it = (median(one[1:]) for one in taken.values())  # the first warms it up
    return [
        Figure(what="a pure step, no policy reads it", value=without, unit="us"),
        Figure(
            what="a pure step, policies about tools read it: against that",
            value=with_it / without,
            unit="x",
            goal="1x",
        ),
    ]


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - as scenarios are called
    """Measure long runs whose policies ask where values come from, and steps about which they do not."""
    figures: list[Figure] = []
    for effects in (100,) if quick else (1_000, 10_000):
        figures += await long_run(folder / str(effects), effects)
    workflow = Workflow("clerk", sequential(clerk))
    calls = 50 if quick else 500
    async with open_host(home_of(folder / "nobody", "")) as host:
        whole, _ = await through(host, workflow, {"calls": calls})
    figures.append(
        Figure(what="an effect where nobody asks, all in all", value=whole / calls / 2 * 1_000_000, unit="us")
    )
    return figures + await pure_steps(folder / "pure", 10 if quick else 100, 3 if quick else 6)


if __name__ == "__main__":
    main(Scenario(title="Where values come from", measure=measure))
