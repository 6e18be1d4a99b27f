"""What policy says of every act: it stands in the log, it is asked right before the act, and denials hold."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.golden import Golden, export
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    heard,
    opened,
    parked,
    reply,
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
from ripieno.kernel.emergency import break_glass
from ripieno.kernel.operators import answer_instead, pause
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.errors import InputError, NotAllowedError, RefusedError
from ripieno.model.gate import SHUT, Action, Decision, Gate
from ripieno.model.principal import Principal
from ripieno.participants.function import Function

YES = {"proceed": True}
NO = {"proceed": False, "note": "not this week"}
BOB, EVE, MAX = (
    Principal("person", name, roles=frozenset({"treasurer", "boss"})) for name in ("bob", "eve", "max")
)

ASK = """
@id("ask-the-treasurer")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"book");
"""
ASK_THE_BOSS = ASK.replace("treasurer", "boss")
FORBID = """
@id("nothing-is-booked")
@reason("the system is closed")
forbid (principal, action == Action::"tool.call", resource == Tool::"book");
"""


def gate_of(folder: Path, **files: str) -> PolicyGate:
    """Give the gate under the shipped packs and these policies of one's own."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.cedar").write_text(text, "utf-8")
    return PolicyGate(load_library(folder))


def booking(system: Elsewhere, **how: Any) -> Workflow:
    return Workflow("bookings", sequential(uses(tool(system.book, **how), what="visit")))


@asynccontextmanager
async def governed(
    home: Path, gate: Gate, *workflows: Workflow, clock: HandClock | None = None
) -> AsyncGenerator[Host]:
    async with opened(home, SqliteStore) as store:
        store.gate = gate
        async with serving(home, *workflows, clock=clock, store=store) as host:
            yield host


async def denials(host: Host, tenant: str = "default") -> list[Mapping[str, Any]]:
    """Give what was denied outside of runs."""
    stream = await host.store.tenant_stream(tenant)
    assert stream is not None
    return [event.body for event in await host.store.events(stream) if event.kind == "act.denied"]


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
    assert kinds[-4:] == ["result", "denied", "scope", "scope"] or kinds.count("denied") == 1


# -- approvals -----------------------------------------------------------------------------------------


async def test_a_policy_asks_for_an_approval_that_nobody_gives_to_what_is_for_them(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow, by=BOB)
        question = await asked(host, run)
        await parked(host, run)
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await reply(host, question, YES, by=BOB)
        with pytest.raises(NotAllowedError, match="role 'treasurer'"):
            await reply(host, question, YES, by=ADA)
        await reply(host, question, YES, by=EVE)
        outcome = await ended(host, run)
        [proposed] = await events(host, run, "proposed")
        [intent] = await events(host, run, "intent")
    assert (outcome.status, len(system.calls)) == ("complete", 1)
    assert (proposed.body["policies"], intent.body["approved"]) == (["ask-the-treasurer"], [EVE.id])
    assert "ask-the-treasurer" in intent.body["policies"]


async def test_who_is_asked_may_say_no(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), NO, by=EVE)
        outcome = await ended(host, run)
    assert (outcome.status, system.calls) == ("escalated", [])
    assert "not this week" in (outcome.reason or "")


async def test_two_of_a_role_are_two_people(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    two = ASK.replace("role:treasurer", "2 of role:treasurer")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=two), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run, "approval/1"), YES, by=EVE)
        second = await asked(host, run, "approval/2")
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await reply(host, second, YES, by=EVE)
        await reply(host, second, YES, by=BOB)
        outcome = await ended(host, run)
        [intent] = await events(host, run, "intent")
    assert (outcome.status, intent.body["approved"]) == ("complete", [EVE.id, BOB.id])


async def test_who_edits_what_is_proposed_proposes_it_and_others_approve(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        await reply(
            host,
            await asked(host, run, "approval/1"),
            {"proceed": True, "arguments": {"what": "bed"}},
            by=EVE,
        )
        second = await asked(host, run, "approval/2")
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await reply(host, second, YES, by=EVE)
        await reply(host, second, YES, by=BOB)
        outcome = await ended(host, run)
    assert outcome.output == "bed #1"


async def test_whoever_is_asked_then_is_asked_once_the_first_has_not_answered(tmp_path: Path) -> None:
    late = ASK.replace("role:treasurer", "role:treasurer, due 1h, then role:boss")
    system, clock = Elsewhere(), HandClock()
    workflow = booking(system)
    gate = gate_of(tmp_path / "policies", ask=late)
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await asked(host, run, "approval/1")
        await turned(host, clock, run, 3601)
        second = await asked(host, run, "approval/2")
        assert second.role == "boss"
        await turned(host, clock, run, 3601)
        outcome = await ended(host, run)
    assert (outcome.status, system.calls) == ("escalated", [])
    assert "nobody approved it in time" in (outcome.reason or "")


async def test_an_approval_is_void_when_other_policies_ask(tmp_path: Path) -> None:
    """Across a restart: approved under one set of policies, claimed under another."""
    system = Elsewhere()
    workflow = booking(system)
    folder, home = tmp_path / "policies", tmp_path / "home"
    async with governed(home, gate_of(folder, ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with governed(home, gate_of(folder, ask=ASK)) as host:  # which does not serve it
        await reply(host, question, YES, by=EVE)
    async with governed(home, gate_of(folder, ask=ASK_THE_BOSS), workflow) as host:
        second = await asked(host, run, "approval/2")
        assert (second.role, system.calls) == ("boss", [])
        await reply(host, second, YES, by=BOB)
        outcome = await ended(host, run)
        [intent] = await events(host, run, "intent")
    assert (outcome.status, intent.body["approved"]) == ("complete", [BOB.id])
    assert "policy" in intent.body, "it was decided under other policies than the run began under"


async def test_what_was_approved_and_is_forbidden_now_is_not_done(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    folder, home = tmp_path / "policies", tmp_path / "home"
    async with governed(home, gate_of(folder, ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        host.store.gate = gate_of(folder, ask=FORBID)
        await reply(host, question, YES, by=EVE)
        outcome = await ended(host, run)
        await heard(host, run, 1, "answered")
    assert (outcome.status, system.calls) == ("escalated", [])


async def test_a_participant_may_have_to_be_approved_before_it_works(tmp_path: Path) -> None:
    ask = """
@id("desk-is-opened")
@approval("role:treasurer")
forbid (principal, action == Action::"participant.work", resource == Participant::"bookings/desk");
"""
    system = Elsewhere()
    workflow = booking(system)
    home, gate = tmp_path / "home", gate_of(tmp_path / "policies", ask=ask)
    async with governed(home, gate, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run, "desk@1/approval/1")
        await parked(host, run)
        assert system.calls == []
    async with governed(home, gate, workflow) as host:  # it is asked once, across restarts
        await reply(host, question, YES, by=EVE)
        outcome = await ended(host, run)
        assert len(await events(host, run, "asked")) == 1
    assert (outcome.status, len(system.calls)) == ("complete", 1)


async def test_a_participant_that_is_not_approved_does_not_work(tmp_path: Path) -> None:
    ask = """
@id("desk-is-opened")
@approval("role:treasurer, due 1h")
forbid (principal, action == Action::"participant.work", resource == Participant::"bookings/desk");
"""
    system, clock = Elsewhere(), HandClock()
    workflow = booking(system)
    gate = gate_of(tmp_path / "policies", ask=ask)
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        refused = await begin(host, workflow)
        await reply(host, await asked(host, refused), NO, by=EVE)
        assert "not this week" in str((await ended(host, refused)).reason)
        late = await begin(host, workflow)
        await asked(host, late)
        await turned(host, clock, late, 3601)
        assert "nobody approved it in time" in str((await ended(host, late)).reason)
    assert system.calls == []


async def test_who_started_a_run_answers_nothing_in_anothers_stead(tmp_path: Path) -> None:
    workflow = booking(Elsewhere())
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow, by=OPERATOR)
        question = await asked(host, run)
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await answer_instead(
                host.store, host.clock, question, by=OPERATOR, value=YES, reason="they are away"
            )


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


class Turning:
    """A gate whose policies are others from the second decision about a call on."""

    def __init__(self, first: PolicyGate, then: PolicyGate) -> None:
        self._gates = [first, then]

    @property
    def version(self) -> str:
        return self._gates[0].version

    def decide(self, action: Action) -> Decision:
        decision = self._gates[0].decide(action)
        if action.kind == "tool.call" and len(self._gates) > 1:
            self._gates.pop(0)
        return decision


async def test_policies_that_ask_by_the_time_of_the_claim_are_heeded(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    gate = Turning(gate_of(tmp_path / "free"), gate_of(tmp_path / "policies", ask=ASK))
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        assert system.calls == []
        await reply(host, question, YES, by=EVE)
        outcome = await ended(host, run)
    assert (outcome.status, len(system.calls)) == ("complete", 1)


async def test_in_an_emergency_a_role_made_for_it_approves_and_that_is_in_the_log_for_review(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    two = ASK.replace("role:treasurer", "2 of role:treasurer")
    workflow = booking(system)
    medic = Principal("person", "medic", roles=frozenset({"break-glass"}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=two), workflow) as host:
        run = await begin(host, workflow, by=medic)
        own = await asked(host, run)
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await break_glass(host.store, host.clock, own, by=medic, reason="mine")
        run = await begin(host, workflow)
        question = await asked(host, run)
        with pytest.raises(InputError, match="needs a reason"):
            await break_glass(host.store, host.clock, question, by=medic, reason=" ")
        with pytest.raises(NotAllowedError, match="may not answer"):
            await break_glass(host.store, host.clock, question, by=ADA, reason="I want to")
        await break_glass(host.store, host.clock, question, by=medic, reason="the ward is on fire")
        outcome = await ended(host, run)
        with pytest.raises(RefusedError):
            await break_glass(host.store, host.clock, question, by=medic, reason="once more")
        stream = await host.store.tenant_stream("default")
        assert stream is not None
        [used] = [event for event in await host.store.events(stream) if event.kind == "emergency"]
    assert (outcome.status, len(system.calls)) == ("complete", 1)
    assert (used.body["by"], used.body["run"]) == (medic.id, run)


async def test_a_task_that_is_no_approval_is_not_passed_by_breaking_the_glass(host: Host) -> None:
    run = await begin(host, Workflow("asks", sequential(human("clerk", role="clerk"))))
    question = await asked(host, run)
    with pytest.raises(RefusedError, match="no approval that a policy asks for"):
        await break_glass(host.store, host.clock, question, by=OPERATOR, reason="they are slow")
