"""Which part of an answer nobody answers for, as it is told at the terminal."""

from __future__ import annotations

from tests.mediation.test_answers_from_sources import PRAISE, run_of, travel

from cli.conftest import Cli
from kernel.scenarios.governed import gate_of, governed
from kernel.scenarios.house import OPERATOR
from ripieno.mediation.policy.past import acts_of
from ripieno.model.value import decode
from ripieno.retention.erasing import erase


async def test_the_answer_and_its_way_are_told_at_the_terminal_until_it_is_erased(cli: Cli) -> None:
    workflow = travel({"hotel": PRAISE}, policy="strict")
    async with governed(cli.home, gate_of(cli.folder / "policies"), workflow) as host:
        run, _ = await run_of(host, workflow)
        found = await host.store.events(run)
        acts = list(acts_of(found, {}, lambda ref: decode(host.store.payload(run, ref))))
        assert acts[-1].action.kind == "answer"
    shown = cli.ok("runs", "show", run).out
    assert "answer output.hotel is untrusted: tool reviews (untrusted)" in " ".join(shown.split())
    why = cli.ok("runs", "why", run, "answer", "output.hotel").out
    assert "tool reviews (untrusted)" in why
    async with governed(cli.home, gate_of(cli.folder / "policies"), workflow) as host:
        await erase(host.store, await host.store.run(run), by=OPERATOR, reason="asked for")
    assert "answer output" not in cli.ok("runs", "show", run).out
