"""Approvals that policies ask for: of exactly what was proposed, by those named, by nobody for themselves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import (
    ASK,
    ASK_THE_BOSS,
    BOB,
    EVE,
    FORBID,
    NO,
    YES,
    booking,
    gate_of,
    governed,
)
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    heard,
    parked,
    reply,
    turned,
)
from ripieno import (
    Host,
    Workflow,
    human,
    sequential,
)
from ripieno.kernel.commands import answer
from ripieno.kernel.emergency import break_glass, emergencies, review
from ripieno.kernel.operators import answer_instead
from ripieno.mediation.policy import PolicyGate
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.principal import Principal
from ripieno.model.provenance import RunLog, Tracer

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

    def traces(self, action: Action) -> frozenset[Tracing]:
        return self._gates[0].traces(action)

    def tracer(self, log: RunLog, run: str) -> Tracer:
        return self._gates[0].tracer(log, run)


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
        assert (outcome.status, len(system.calls)) == ("complete", 1)
        with pytest.raises(RefusedError):
            await break_glass(host.store, host.clock, question, by=medic, reason="once more")
        stream = await host.store.tenant_stream("default")
        assert stream is not None
        [used] = [event for event in await host.store.events(stream) if event.kind == "emergency"]
        auditor = Principal("person", "auditor", roles=frozenset({"auditor"}))
        task = f"t-{question.number}"
        [open_] = await emergencies(host.store, "default")
        assert (open_.by, open_.reason, open_.reviewed_by) == (medic.id, "the ward is on fire", None)
        for who, why in (
            (replace(medic, roles=frozenset({"auditor"})), "somebody else reviews it"),
            (OPERATOR, "somebody else reviews it"),
            (ADA, "may not review"),
        ):
            with pytest.raises(NotAllowedError, match=why):
                await review(host.store, task, by=who, said="fine")
        with pytest.raises(InputError, match="what it came to"):
            await review(host.store, task, by=auditor, said=" ")
        await review(host.store, task, by=auditor, said="it was right")
        [closed] = await emergencies(host.store, "default")
        assert (closed.reviewed_by, closed.review) == (auditor.id, "it was right")
        with pytest.raises(RefusedError, match="was reviewed by person:auditor"):
            await review(host.store, task, by=auditor, said="again")
        with pytest.raises(NotFoundError, match="nobody has broken the glass"):
            await review(host.store, "t-999", by=auditor, said="fine")
    assert (used.body["by"], used.body["run"]) == (medic.id, run)


async def test_of_two_who_approve_at_once_in_two_processes_one_counts_and_the_other_is_asked_next(
    tmp_path: Path,
) -> None:
    system, home = Elsewhere(), tmp_path / "home"
    workflow = booking(system)
    gate = gate_of(tmp_path / "policies", ask=ASK.replace("role:treasurer", "2 of role:treasurer"))
    async with governed(home, gate, workflow) as host, governed(home, gate) as other:
        run = await begin(host, workflow)
        question = await asked(host, run)
        said = await asyncio.gather(
            reply(host, question, YES, by=BOB), reply(other, question, YES, by=EVE), return_exceptions=True
        )
        [late] = [one for one in said if one is not None]
        assert isinstance(late, RefusedError)
        second = await asked(host, run, "approval/2")
        assert system.calls == [], "one of two is not enough"
        first, rest = (BOB, EVE) if said[0] is None else (EVE, BOB)
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await reply(other, second, YES, by=first)
        await reply(other, second, YES, by=rest)
        assert (await ended(host, run)).status == "complete"
        [intent] = await events(host, run, "intent")
    assert set(intent.body["approved"]) == {BOB.id, EVE.id}
    assert len(system.calls) == 1


async def test_an_approval_that_comes_when_its_time_has_passed_does_not_count(tmp_path: Path) -> None:
    """Though nobody has noticed yet that it has: the clock alone decides."""
    system, clock = Elsewhere(), HandClock()
    workflow = booking(system)
    gate = gate_of(tmp_path / "policies", ask=ASK.replace("role:treasurer", "role:treasurer, due 1h"))
    medic = Principal("person", "medic", roles=frozenset({"break-glass"}))
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        clock.turn(3600)
        with pytest.raises(RefusedError, match="was to be approved by"):
            await answer(host.store, clock, question, by=BOB, value=YES)
        with pytest.raises(RefusedError, match="was to be approved by"):
            await break_glass(host.store, clock, question, by=medic, reason="late")
        host.ring()
        outcome = await ended(host, run)
    assert (outcome.status, system.calls) == ("escalated", [])


async def test_a_task_that_is_no_approval_is_not_passed_by_breaking_the_glass(host: Host) -> None:
    run = await begin(host, Workflow("asks", sequential(human("clerk", role="clerk"))))
    question = await asked(host, run)
    with pytest.raises(RefusedError, match="no approval that a policy asks for"):
        await break_glass(host.store, host.clock, question, by=OPERATOR, reason="they are slow")
