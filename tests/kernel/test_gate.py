"""What policy says of every act: it stands in the log, it is asked right before the act, and denials hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.golden import Golden, export
from kernel.scenarios.governed import (
    FORBID,
    booking,
    denials,
    gate_of,
    governed,
)
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    begin,
    ended,
    events,
    opened,
    parked,
    serving,
    turned,
)
from ripieno import (
    Context,
    Host,
    ToolError,
    Workflow,
    hand_over,
    handoff,
    human,
    sequential,
    subworkflow,
    tool,
)
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.commands import cancel
from ripieno.kernel.operators import pause
from ripieno.model.errors import NotAllowedError
from ripieno.model.gate import SHUT
from ripieno.participants.function import Function

# -- decisions in the log ------------------------------------------------------------------------------


async def test_each_act_names_the_policies_that_let_it_happen(host: Host) -> None:
    run = await begin(host, booking(Elsewhere()))
    await ended(host, run)
    found = {event.kind: event.body for event in await events(host, run)}
    assert found["run.started"]["policies"] == ["runs-are-started"]
    assert found["intent"]["policies"] == ["tools-are-called"]
    assert found["scope"]["policies"] == ["participants-work"]
    assert len(found["run.started"]["policy"]) == 16
    assert "policy" not in found["intent"], "under the policies that the run began under"


async def test_without_a_gate_nothing_starts(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        store.gate = SHUT
        async with serving(tmp_path, store=store) as host:
            with pytest.raises(NotAllowedError, match="no gate decides"):
                await begin(host, booking(Elsewhere()))


async def test_a_start_and_a_command_that_are_denied_are_in_the_tenants_log(tmp_path: Path) -> None:
    closed = """
@id("closed")
forbid (principal, action == Action::"run.start", resource == Workflow::"bookings");
"""
    workflow = Workflow("asks", sequential(human("clerk", role="clerk")))
    gate = gate_of(tmp_path / "policies", closed=closed)
    async with governed(tmp_path / "home", gate, workflow) as host:
        with pytest.raises(NotAllowedError, match="may not start bookings: forbidden by closed"):
            await begin(host, booking(Elsewhere()))
        run = await begin(host, workflow)
        await parked(host, run)
        with pytest.raises(NotAllowedError, match="role 'operator'"):
            await cancel(host.store, host.clock, await host.store.run(run), by=ADA)
        first, second = await denials(host)
    assert (first["act"], first["subject"], first["policies"]) == (
        "run.start",
        "workflow:bookings",
        ["closed"],
    )
    assert (second["verb"], second["subject"], second["by"]) == ("cancel", f"run:{run}", ADA.id)


# -- denials -------------------------------------------------------------------------------------------


async def test_a_call_that_is_denied_is_recorded_and_never_made(tmp_path: Path) -> None:
    system, heard_of = Elsewhere(), list[str]()

    async def tries(given: object, context: Context) -> str:
        del given
        try:
            await context.use(booked, what="visit")
        except ToolError as error:
            heard_of.append(error.code)
            await context.sleep(60)  # so that it is replayed
            return "did without"
        return "booked"

    booked = tool(system.book)
    workflow = Workflow("bookings", sequential(Function(tries, name="tries", pure=True)))
    gate, clock = gate_of(tmp_path / "policies", forbid=FORBID), HandClock()
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, 61)
        outcome = await ended(host, run)
        [denied] = await events(host, run, "denied")
    assert (outcome.output, system.calls, heard_of) == ("did without", [], ["denied", "denied"])
    assert denied.body["policies"] == ["nothing-is-booked"]
    assert (denied.body["tool"], denied.body["effect"]) == ("book", "write")


async def test_an_uncaught_denial_leaves_the_case_to_people(tmp_path: Path) -> None:
    workflow = booking(Elsewhere())
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", forbid=FORBID), workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "escalated"
    assert "book: forbidden by nothing-is-booked" in (outcome.reason or "")
    assert "the system is closed" in (outcome.reason or "")


async def test_a_participant_that_may_not_work_does_not(tmp_path: Path) -> None:
    idle = """
@id("desk-is-idle")
forbid (principal, action == Action::"participant.work", resource == Participant::"bookings/desk");
"""
    system = Elsewhere()
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", idle=idle), workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        [denied] = await events(host, run, "denied")
    assert (outcome.status, system.calls) == ("escalated", [])
    assert denied.path == "sequential@1/desk@1/denied"


async def test_a_hand_over_that_is_denied_ends_the_handoff_as_escalated(tmp_path: Path) -> None:
    kept = """
@id("billing-takes-nothing")
forbid (principal, action == Action::"handoff", resource == Participant::"desk/billing");
"""

    def triage(given: object) -> object:
        del given
        return hand_over("billing", because="an invoice")

    def billing(given: object) -> str:
        return f"paid {given}"

    pattern = handoff(
        Function(triage, name="triage", pure=True),
        Function(billing, name="billing", pure=True),
        edges={"triage": ["billing"]},
    )
    workflow = Workflow("desk", pattern)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", kept=kept), workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
    assert outcome.status == "escalated"
    assert "billing-takes-nothing" in (outcome.reason or "")


async def test_what_is_known_of_a_participant_is_known_whatever_was_decided_about_it_before(
    tmp_path: Path,
) -> None:
    """That somebody is handed a case comes first, and says nothing of what they are."""
    worked = list[str]()
    rule = """
@id("functions-do-no-billing")
forbid (principal, action == Action::"participant.work", resource == Participant::"desk/billing")
when { resource has kind && resource.kind == "function" };
"""

    def triage(given: object) -> object:
        del given
        return hand_over("billing", because="an invoice")

    def billing(given: object) -> str:
        worked.append("billing")
        return f"paid {given}"

    pattern = handoff(
        Function(triage, name="triage", pure=True),
        Function(billing, name="billing", pure=True),
        edges={"triage": ["billing"]},
    )
    workflow = Workflow("desk", pattern)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", rule=rule), workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert worked == []
    assert "functions-do-no-billing" in (outcome.reason or "")


async def test_a_child_run_that_may_not_start_is_not_made(tmp_path: Path) -> None:
    closed = """
@id("closed")
forbid (principal, action == Action::"run.start", resource == Workflow::"bookings");
"""
    system = Elsewhere()
    parent = Workflow("parents", sequential(subworkflow(booking(system))))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", closed=closed), parent) as host:
        outcome = await ended(host, await begin(host, parent))
    assert (outcome.status, system.calls) == ("escalated", [])


async def test_a_second_attempt_is_decided_anew(tmp_path: Path) -> None:
    system = Elsewhere()
    folder, home = tmp_path / "policies", tmp_path / "home"

    async def close() -> None:
        assert served is not None
        served.store.gate = gate_of(folder, forbid=FORBID)
        msg = "try again"
        raise ToolError(msg)

    served: Host | None = None
    system.before.append(close)
    workflow = booking(system)
    async with governed(home, gate_of(folder), workflow) as host:
        served = host
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        kinds = [event.kind for event in await events(host, run)]
    assert (outcome.status, len(system.calls)) == ("escalated", 1)
    assert (kinds.count("intent"), kinds.count("denied")) == (1, 1)


async def test_an_operator_whom_policy_forbids_a_command_does_not_give_it(tmp_path: Path) -> None:
    hold = """
@id("nothing-is-paused")
forbid (principal, action == Action::"run.command", resource) when { context.verb == "pause" };
"""
    workflow = Workflow("asks", sequential(human("clerk", role="clerk")))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", hold=hold), workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        with pytest.raises(NotAllowedError, match="op may not pause a run: forbidden by nothing-is-paused"):
            await pause(host.store, host.clock, await host.store.run(run), by=OPERATOR)


async def test_a_denial_that_was_recorded_is_read_wherever_its_process_dies(tmp_path: Path) -> None:
    """Cut right behind the denial: of a call, of a second attempt, of a visit."""
    system, folder = Elsewhere(), tmp_path / "policies"
    idle = FORBID.replace("tool.call", "participant.work").replace(
        'Tool::"book"', 'Participant::"bookings/desk"'
    )
    for name, policies, calls in (("call", FORBID, 0), ("visit", idle, 0)):
        workflow, home = booking(system), tmp_path / name
        async with governed(home, gate_of(folder, forbid=policies), workflow) as host:
            run = await begin(host, workflow)
            reason = (await ended(host, run)).reason
            [denied] = await events(host, run, "denied")
            golden = Golden.read(await export(host.store, run))
        (folder / "forbid.cedar").unlink()  # so that it would pass now
        async with governed(tmp_path / f"{name} cut", gate_of(folder), workflow) as host:
            row = await golden.restore(host.store, host.clock, workflow.version, events=denied.seq)
            host.ring()
            outcome = await ended(host, row.id)
            assert (outcome.status, outcome.reason, len(system.calls)) == ("escalated", reason, calls)


async def test_a_denied_second_attempt_is_read_on_replay(tmp_path: Path) -> None:
    system, folder = Elsewhere(), tmp_path / "policies"
    served: list[Host] = []

    async def close() -> None:
        served[0].store.gate = gate_of(folder, forbid=FORBID)
        msg = "try again"
        raise ToolError(msg)

    system.before.append(close)
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(folder), workflow) as host:
        served.append(host)
        run = await begin(host, workflow)
        reason = (await ended(host, run)).reason
        [denied] = await events(host, run, "denied")
        golden = Golden.read(await export(host.store, run))
    (folder / "forbid.cedar").unlink()
    async with governed(tmp_path / "cut", gate_of(folder), workflow) as host:
        row = await golden.restore(host.store, host.clock, workflow.version, events=denied.seq)
        host.ring()
        outcome = await ended(host, row.id)
    assert (outcome.status, outcome.reason, len(system.calls)) == ("escalated", reason, 1)


async def test_nobody_acts_in_the_name_of_a_visit_that_is_over(tmp_path: Path) -> None:
    """Who keeps another's context would act with its rights: policy lets `other` book nothing."""
    system, kept = Elsewhere(), list[Context]()
    booked = tool(system.book)

    async def desk(given: object, context: Context) -> str:
        kept.append(context)
        return str(given)

    async def other(given: object, context: Context) -> str:
        del given
        assert context is not kept[0]
        return str(await kept[0].use(booked, what="visit"))

    workflow = Workflow(
        "bookings",
        sequential(Function(desk, name="desk", pure=True), Function(other, name="other", pure=True)),
    )
    forbid = FORBID.replace("(principal,", '(principal == Service::"other",')
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", forbid=forbid), workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "x"))
    assert (outcome.status, system.calls) == ("failed", [])
    assert "this visit is over" in (outcome.reason or "")
