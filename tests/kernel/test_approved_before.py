"""What was approved and has begun stands, whatever policies say by the time at which its run is woken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, ended, parked, reply, turned
from ripieno import Context, Workflow, hand_over, handoff, sequential, tool
from ripieno.participants.function import Function
from ripieno.patterns.base import Stage

ASKING: Final = """
@id("asked")
@approval("role:treasurer")
forbid (principal, action == Action::"{kind}", resource == {upon});
"""
LATER: Final[Mapping[str, str]] = {
    "as before": ASKING,
    "forbidden": ASKING.replace('@approval("role:treasurer")\n', ""),
    "another role is asked": ASKING.replace("treasurer", "boss"),
}
ACTS: Final = {
    "tool.call": 'Tool::"book"',
    "participant.work": 'Participant::"desks/desk"',
    "handoff": 'Participant::"desks/desk"',
}


def flow(kind: str, system: Elsewhere) -> Stage:
    """Do something that has to be approved, and rest a minute then."""
    book = tool(system.book)

    async def desk(given: object, context: Context) -> str:
        del given
        found = await context.use(book, what="visit")
        await context.sleep(60)
        return found

    def triage(given: object) -> object:
        del given
        return hand_over("desk", because="it is theirs")

    at_desk = Function(desk, name="desk", pure=True)
    if kind == "handoff":
        return handoff(Function(triage, name="triage", pure=True), at_desk, edges={"triage": ["desk"]})
    return sequential(at_desk)


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("kind", ACTS)
async def test_what_was_approved_and_has_begun_goes_on_under_other_policies(
    tmp_path: Path, kind: str, later: str
) -> None:
    system, clock, folder = Elsewhere(), HandClock(), tmp_path / "policies"
    workflow = Workflow("desks", flow(kind, system))
    first, then = (text.format(kind=kind, upon=ACTS[kind]) for text in (ASKING, LATER[later]))
    async with governed(tmp_path / "home", gate_of(folder, ask=first), workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), YES, by=EVE)
        await parked(host, run)
        assert len(system.calls) == 1
    async with governed(tmp_path / "home", gate_of(folder, ask=then), workflow, clock=clock) as host:
        await turned(host, clock, run, 61)
        outcome = await ended(host, run)
    assert (outcome.status, outcome.output) == ("complete", "visit #1")
    assert len(system.calls) == 1
