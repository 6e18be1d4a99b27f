"""What it takes to know where values come from: per call of a long run, and where nobody asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from harness.scenario import Figure, Scenario, main
from ripieno import Context, Workflow, function, sequential, tool
from ripieno.model.principal import Principal
from ripieno.workflows.embedded import open_host

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
@id("nothing-goes-to-strangers")
forbid (principal, action == Action::"tool.call", resource == Tool::"note")
when { !(context has provenance) || context.provenance.account == "nobody" };
"""
STARTED_BY = Principal("service", "bench")


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
async def clerk(input: dict[str, int], context: Context) -> list[float]:  # noqa: A002 - the name of the parameter
    """Read and write in turns; give the CPU time of each tenth of them."""
    tenth = input["calls"] // 10
    taken: list[float] = []
    began = time.process_time()
    for number in range(input["calls"]):
        text = await context.use(page, number=number)
        await context.use(note, account=text.rpartition(" ")[2], text=text)
        if (number + 1) % tenth == 0:
            taken.append((time.process_time() - began) / tenth * 1_000_000)
            began = time.process_time()
    return taken


async def tenths(folder: Path, calls: int, policy: str) -> list[float]:
    """Give the CPU time per pair of calls, in microseconds, of each tenth of a run."""
    policies = folder / "policies"
    policies.mkdir(parents=True)
    (policies / "own.cedar").write_text(policy, encoding="utf-8")
    workflow = Workflow("clerk", sequential(clerk))
    async with open_host(folder / "home") as host:
        await host.enter(workflow, STARTED_BY)
        started = await host.start(workflow, {"calls": calls}, principal=STARTED_BY)
        outcome = await host.outcome(started.row.id)
        found: Any = outcome.output
        if outcome.status != "complete":
            raise AssertionError(outcome.reason)
        return found


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - as scenarios are called
    """Measure a run whose policies ask where values come from, and one whose do not."""
    calls = 50 if quick else 1000
    asked = await tenths(folder / "asked", calls, POLICY)
    free = await tenths(folder / "free", calls, "")
    return [
        Figure(what=f"{calls} pairs of calls, nobody asks: per pair", value=sum(free) / 10, unit="us"),
        Figure(what="a policy asks: per pair", value=sum(asked) / 10, unit="us"),
        Figure(
            what="the last tenth against the second",
            value=asked[-1] / asked[1],
            unit="x",
            goal="linear: about 1x",
        ),
    ]


if __name__ == "__main__":
    main(Scenario(title="Provenance in a long run", measure=measure))
