"""Ways round the gate that code within the house could try: none widens what a call or a participant may."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.governed import FORBID, booking, gate_of, governed
from kernel.scenarios.house import ADA, begin, ended, events
from ripieno import Call, Context, Workflow, sequential, tool
from ripieno.model.errors import DefinitionError, InputError, NotFoundError, RefusedError
from ripieno.model.limits import Limits
from ripieno.model.principal import Principal
from ripieno.participants.function import Function
from ripieno.workflows.load import load_workflow

# -- what a tool is given -------------------------------------------------------------------------------


async def test_a_call_that_is_kept_is_good_for_nothing_in_another(tmp_path: Path) -> None:
    """What a tool is told of its call spends nothing of a later one, and names no later act."""
    kept = list[Call]()

    @tool
    def first(call: Call) -> str:
        kept.append(call)
        return "done"

    @tool
    def second(call: Call) -> str:
        kept[0].spent(tokens=1_000_000)
        kept.append(call)
        return "done"

    async def desk(given: object, context: Context) -> str:
        await context.use(first)
        await context.use(second)
        return str(given)

    limited = Workflow(
        "bookings", sequential(Function(desk, name="desk", pure=True)), limits=Limits(tokens=10)
    )
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), limited) as host:
        run = await begin(host, limited, "x")
        outcome = await ended(host, run)
        paths = [event.path for event in await events(host, run, "intent")]
    assert outcome.status == "complete"
    assert [one.path for one in kept] == paths
    assert len({one.key for one in kept}) == 2
    with pytest.raises(AttributeError):
        kept[0].path = "elsewhere"  # type: ignore[misc] - it is refused


async def test_a_tool_has_nothing_by_which_it_could_have_another_called(tmp_path: Path) -> None:
    """It is told of its call and given its arguments: from neither does anything lead to gate or store."""
    seen = list[object]()

    @tool
    def look(what: str, call: Call) -> str:
        seen.extend([what, *(getattr(call, name) for name in dir(call) if not name.startswith("__"))])
        return "done"

    workflow = Workflow("bookings", sequential(uses(look, what="x")))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        await ended(host, await begin(host, workflow))
    modules = {type(one).__module__.partition(".")[2] for one in seen}
    assert not any(name.startswith(("kernel", "journal", "mediation")) for name in modules), modules


# -- who a participant says it is -----------------------------------------------------------------------


class Disguised(Function):
    """Says of itself what it likes, anew whenever it is asked."""

    says: str = "function"

    @property
    def kind(self) -> str:
        return self.says


@pytest.mark.parametrize("kind", ["human", "system", "person", "", "agent\n", "single_agent", "Agent::x"])
async def test_a_participant_that_lies_about_its_kind_is_never_a_person_nor_the_system(
    tmp_path: Path, kind: str
) -> None:
    """Policy speaks of whoever acts within a run as a service or an agent, never as anybody else."""
    system = Elsewhere()
    booked = tool(system.book)

    async def desk(given: object, context: Context) -> str:
        del given
        return str(await context.use(booked, what="visit"))

    liar = Disguised(desk, name="desk", pure=True)
    liar.says = kind
    workflow = Workflow("bookings", sequential(liar))
    forbid = "".join(
        f'@id("no-{one}") forbid (principal is {one}, action == Action::"tool.call", resource is Tool);'
        for one in ("Agent", "Service")
    )
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", forbid=forbid), workflow) as host:
        outcome = await ended(host, await begin(host, workflow, by=ADA))
    assert (outcome.status == "complete", system.calls) == (False, [])


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "person:ada",
        "@op",
        "",
        " desk",
        "d\u0435sk",
        "desk\u200b",
        "d\nsk",
        "..",
        "desk/tool/1",
        "x" * 300,
    ],
    ids=ascii,
)
def test_a_participant_with_a_name_that_looks_like_another_is_refused(name: str) -> None:
    with pytest.raises((DefinitionError, InputError)):
        Workflow("bookings", sequential(Function(str, name=name, pure=True)))


# -- files of workflows -----------------------------------------------------------------------------------

FLOW = """workflow: bookings
policy: strict
participants: {ask: {human: {role: clerk}}}
flow: {sequential: [ask]}
"""


@pytest.mark.parametrize(
    "more",
    [
        "policy: standard\n",
        '"policy": standard\n',
        '"pol\\u0069cy": standard\n',
        "? policy\n: standard\n",
        "!!str policy: standard\n",
        "Policy: standard\n",
        "p\u043elicy: standard\n",
        "policy : standard\n",
    ],
    ids=ascii,
)
def test_a_workflow_has_one_pack(tmp_path: Path, more: str) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW + more, "utf-8")
    with pytest.raises(DefinitionError):
        load_workflow(str(tmp_path / "flow.yaml"))


@pytest.mark.parametrize("before", [True, False], ids=["before it", "after it"])
def test_what_is_merged_from_elsewhere_takes_no_packs_place(tmp_path: Path, before: bool) -> None:  # noqa: FBT001 - drawn by its name
    merged = "<<: {policy: standard}\n"
    (tmp_path / "flow.yaml").write_text(merged + FLOW if before else FLOW + merged, "utf-8")
    assert load_workflow(str(tmp_path / "flow.yaml")).policy == "strict"


# -- two tenants ------------------------------------------------------------------------------------------


async def test_two_tenants_with_the_same_names_for_everything_meet_nowhere(tmp_path: Path) -> None:
    """The same run keys, principals and workflow: each has a run of its own, and policy knows them apart."""
    system = Elsewhere()
    workflow = booking(system)
    forbid = FORBID.rstrip().removesuffix(";") + ' when { principal.tenant == "south" };'
    north, south = (Principal("person", "ada", tenant, every_role=True) for tenant in ("north", "south"))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", forbid=forbid), workflow) as host:
        one, other = [
            (await host.start(workflow, None, principal=by, key="case-1")).row for by in (north, south)
        ]
        assert one.id != other.id
        outcomes = [await ended(host, row.id) for row in (one, other)]
        with pytest.raises((NotFoundError, RefusedError)):
            await host.store.run("case-1")
    assert [outcome.status == "complete" for outcome in outcomes] == [True, False]
    assert [call.run for call in system.calls] == [one.id]
