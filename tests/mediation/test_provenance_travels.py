"""Whatever a value goes through, it gets no more trusted; nothing but a recorded approval lets it pass."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.mediation.support.letters import ASKS, DRESS, GOOD, WAYS, letters, read_page, sent

from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, parked, reply, until
from ripieno import Context, Host, Workflow, function, human, sequential, subworkflow, tool
from ripieno.journal.records import RunFilter
from ripieno.kernel import commands
from ripieno.kernel.forks import fork
from ripieno.model.event import Event
from ripieno.model.provenance import Traced
from ripieno.model.value import decode

OTHER: Final = "treasurer-herself@house.example"
FLOWS: Final = st.lists(
    st.tuples(st.sampled_from(sorted(WAYS)), st.sampled_from(sorted(DRESS))), min_size=1, max_size=3
)
JOURNEYS: Final = st.lists(st.sampled_from(["restart", "fork"]), max_size=2)


async def travelled(host: Host, run: str, where: str) -> str:
    """Take a run that waits on a way of its own: give the run that goes on."""
    if where != "fork":
        return run
    row = await host.store.run(run)
    copy = (await fork(host.store, host.clock, row, by=OPERATOR, at=row.head_seq)).id
    host.ring()
    await asked(host, copy, "last")
    await parked(host, copy)
    return copy


async def written(home: Path, workflow: Workflow, journey: list[str], answer: Any) -> list[Traced]:
    """Run a flow with what happens to its run; give what was found about each of its letters."""
    gate = gate_of(home / "policies", asks=ASKS)
    found: list[Traced] = []
    run = ""
    for where in ["start", *journey]:
        async with governed(home / "home", gate, workflow) as host:
            if not run:
                run = await begin(host, workflow, {"topic": "the address book"})
                await asked(host, run, "last")
                await parked(host, run)
            run = await travelled(host, run, where)
            found.append(await sent(host, run, 1))
    async with governed(home / "home", gate, workflow) as host:
        await reply(host, await asked(host, run, "last"), answer, by=EVE)
        await reply(host, await asked(host, run, "tool/2"), YES, by=EVE)  # one approval is for one letter
        assert (await ended(host, run)).status in {"complete", "partial"}
        found += [await sent(host, run, number) for number in (1, 2)]
        intents = [one for one in await events(host, run, "intent") if one.body["tool"] == "send"]
        approved = (
            [EVE.id] if "arguments" not in answer else None
        )  # what they put there nobody has to approve
        assert [one.body.get("approved") for one in intents] == [approved, [EVE.id]]
    return found


@settings(max_examples=12)
@given(FLOWS, JOURNEYS)
@example([("by code", "as it is")], ["restart"])
async def test_nothing_that_a_value_goes_through_makes_it_more_trusted(
    flow: list[tuple[str, str]], journey: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as home:
        found = await written(Path(home), letters(*flow), journey, YES)
    for one in found:
        assert (one.provenance["to"], one.sources[-1], one.shown[-1]) == ("untrusted",) * 3


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_alone_keeps_what_nobody_answers_for_untrusted(tmp_path: Path, way: str) -> None:
    for one in await written(tmp_path, letters((way, "upper case")), ["fork"], YES):
        assert one.provenance["to"] == "untrusted"


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_keeps_what_the_house_answers_for_as_it_is(tmp_path: Path, way: str) -> None:
    """Else all would be untrusted for nothing; what an agent makes up is its own."""
    workflow = letters((way, "as it is"), trust="trusted")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", asks=ASKS), workflow) as host:
        run = await begin(host, workflow, {})
        assert (await ended(host, run)).status in {"complete", "partial"}
        found = await sent(host, run, 1)
    own = {"model"} if way == "by an agent whose calls are kept short" else set[str]()
    assert found.provenance["to"] in {"trusted", "vouched", *own}


async def test_what_an_approver_puts_in_its_place_is_theirs_from_then_on(tmp_path: Path) -> None:
    answer = {**YES, "arguments": {"to": OTHER}}
    first, changed, again = await written(tmp_path, letters(("by code", "as it is")), [], answer)
    assert (first.provenance["to"], changed.provenance["to"]) == ("untrusted", "trusted")
    assert again.provenance["to"] == "untrusted"


def unpay(to: str) -> str:
    """Take a payment back."""
    return f"back from {to}"


@tool(name="pay", effect="write", on_uncertain="retry", undo=unpay)
def pay(to: str) -> str:
    """Pay somebody."""
    return f"paid {to}"


async def test_what_takes_back_what_a_child_run_did_is_no_more_trusted_than_that_was(tmp_path: Path) -> None:
    """That child may have given nothing to the run around it, which then knows nothing of what it read."""

    @function(name="within", pure=True)
    async def within(input: Any, context: Context) -> str:  # noqa: A002 - the name of the parameter
        del input
        await context.use(read_page)
        await context.use(pay, to=GOOD)
        return "done"

    child = subworkflow(Workflow("child", sequential(within)), name="child")
    workflow = Workflow("payables", sequential(child, human("clerk", role="treasurer")))
    policies = gate_of(tmp_path / "policies", own=UNDOING)
    async with governed(tmp_path / "home", policies, workflow) as host:
        run = await begin(host, workflow, {"who": GOOD})
        await asked(host, run, "clerk")
        row = await host.store.run(run)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)

        async def denied() -> Event | None:
            kept = await host.store.runs(RunFilter(tenant=row.tenant))
            found = [event for one in kept for event in await events(host, one.id, "denied")]
            return found[0] if found else None

        refused = await until(denied)
        found = Traced.read(decode(host.store.payload(refused.stream, refused.body["traced"])))
    assert found.provenance == {"to": "untrusted"}


UNDOING: Final = """
@id("nothing-untrusted-is-taken-back")
forbid (principal, action == Action::"tool.undo", resource)
unless { context has sources && !context.sources.contains("untrusted") };
"""
