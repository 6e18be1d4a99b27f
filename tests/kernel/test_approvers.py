"""Whose approval counts: those whom a policy asks, and those to whom they hand it on, each right once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, BOB, EVE, YES, booking, gate_of, governed
from kernel.scenarios.house import ADA, OPERATOR, asked, begin, ended, events, parked, reply
from ripieno import Host, Workflow, human, sequential
from ripieno.identity import administration
from ripieno.identity.api_keys import create_key
from ripieno.kernel import tasks
from ripieno.kernel.absences import set_absence
from ripieno.kernel.addressees import standings
from ripieno.kernel.commands import cancel
from ripieno.kernel.forks import fork
from ripieno.kernel.operators import answer_instead
from ripieno.model.errors import NotAllowedError
from ripieno.model.principal import Principal

OP = Principal("person", "op", roles=frozenset({"operator"}))
CARL, DAN = Principal("person", "carl"), Principal("person", "dan")
DESK = Principal("service", "desk", roles=frozenset({"operator"}))
TWO = ASK.replace("role:treasurer", "2 of role:treasurer")
BOB_HIMSELF = ASK.replace("role:treasurer", "person:bob")
HOUR = 3600 * 1_000_000


@pytest.fixture
def system() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def policies() -> str:
    return ASK


@pytest.fixture
async def house(tmp_path: Path, system: Elsewhere, policies: str) -> AsyncGenerator[Host]:
    gate = gate_of(tmp_path / "policies", ask=policies)
    async with governed(tmp_path / "home", gate, booking(system)) as host:
        yield host


async def test_approved_under_a_policy_that_was_changed_since_it_is_asked_about_anew(
    house: Host, system: Elsewhere, tmp_path: Path
) -> None:
    """Also where the changed policy asks the same role, so that the old approval would satisfy it."""
    run = await begin(house, booking(system))
    question = await asked(house, run, "approval/1")
    await parked(house, run)
    changed = ASK.replace("@approval", '@reason("as the auditors want it") @approval')
    house.store.gate = gate_of(tmp_path / "policies", ask=changed)
    await reply(house, question, YES, by=EVE)
    second = await asked(house, run, "approval/2")
    assert system.calls == []
    await reply(house, second, YES, by=BOB)
    assert (await ended(house, run)).status == "complete"
    [intent] = await events(house, run, "intent")
    assert intent.body["approved"] == [BOB.id]


async def test_whom_an_approval_is_for_hands_it_to_nobody(house: Host, system: Elsewhere) -> None:
    run = await begin(house, booking(system), by=EVE)
    question = await asked(house, run)
    with pytest.raises(NotAllowedError, match="cannot approve it"):
        await tasks.claim(house.store, house.clock, question, by=EVE)
    await tasks.claim(house.store, house.clock, question, by=BOB)
    await tasks.delegate(house.store, house.clock, question, by=BOB, to="eve")
    with pytest.raises(NotAllowedError, match="cannot approve it"):
        await tasks.delegate(house.store, house.clock, question, by=EVE, to="carl")
    with pytest.raises(NotAllowedError, match="cannot approve it"):
        await reply(house, question, YES, by=EVE)
    assert system.calls == []


async def test_who_holds_the_role_lets_another_approve_for_them(house: Host, system: Elsewhere) -> None:
    run = await begin(house, booking(system))
    question = await asked(house, run)
    await tasks.claim(house.store, house.clock, question, by=BOB)
    await tasks.delegate(house.store, house.clock, question, by=BOB, to="carl")
    await tasks.delegate(house.store, house.clock, question, by=CARL, to="dan")
    await reply(house, question, YES, by=DAN)
    assert (await ended(house, run)).status == "complete"


async def test_who_is_given_an_approval_by_others_has_to_be_meant_themselves(
    house: Host, system: Elsewhere
) -> None:
    run = await begin(house, booking(system))
    question = await asked(house, run)
    await tasks.reassign(house.store, house.clock, question, by=OP, to="carl", reason="Carl is quick")
    with pytest.raises(NotAllowedError, match="asks role:treasurer for this approval, and that is not"):
        await reply(house, question, YES, by=CARL)
    with pytest.raises(NotAllowedError, match="asks role:treasurer"):
        await tasks.delegate(house.store, house.clock, question, by=CARL, to="dan")
    await tasks.reassign(house.store, house.clock, question, by=OP, to="role:clinician", reason="or she")
    with pytest.raises(NotAllowedError, match="asks role:treasurer"):
        await reply(house, question, YES, by=ADA)
    assert system.calls == []
    await tasks.reassign(house.store, house.clock, question, by=OP, to="eve", reason="she is a treasurer")
    await reply(house, question, YES, by=EVE)
    assert (await ended(house, run)).status == "complete"


async def test_an_operator_approves_nothing_in_the_stead_of_those_whom_a_policy_asks(
    house: Host, system: Elsewhere
) -> None:
    run = await begin(house, booking(system), by=ADA)
    question = await asked(house, run)

    async def instead(by: Principal) -> None:
        await answer_instead(house.store, house.clock, question, by=by, value=YES, reason="they are away")

    with pytest.raises(NotAllowedError, match="asks role:treasurer") as refused:
        await instead(OP)
    assert "breaks the glass" in str(refused.value.remedy)
    await tasks.claim(house.store, house.clock, question, by=BOB)
    await tasks.delegate(house.store, house.clock, question, by=BOB, to="carl")
    with pytest.raises(NotAllowedError, match="asks role:treasurer"):
        await instead(OP)
    assert system.calls == []
    await instead(OPERATOR)  # who holds every role, the treasurer's among them
    assert (await ended(house, run)).status == "complete"


PAY = Principal("service", "pay", roles=frozenset({"treasurer", "operator"}))
SERVICES = """
@id("services-approve-too")
permit (principal is Service, action == Action::"task.answer", resource is Task);
"""


async def test_a_service_approves_nothing_unless_a_policy_permits_it(house: Host, system: Elsewhere) -> None:
    run = await begin(house, booking(system))
    question = await asked(house, run)
    for act in (
        reply(house, question, YES, by=PAY),
        tasks.claim(house.store, house.clock, question, by=PAY),
        tasks.reassign(house.store, house.clock, question, by=PAY, to="eve", reason="she is quick"),
        answer_instead(house.store, house.clock, question, by=PAY, value=YES, reason="they are away"),
    ):
        with pytest.raises(NotAllowedError, match="service:pay may not answer t-1"):
            await act
    assert system.calls == []
    await reply(house, question, YES, by=BOB)
    assert (await ended(house, run)).status == "complete"


async def test_a_service_answers_what_is_no_approval(tmp_path: Path) -> None:
    workflow = Workflow("asks", sequential(human("clerk", role="operator")))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), YES, by=PAY)
        assert (await ended(host, run)).status == "complete"


@pytest.mark.parametrize("policies", [ASK + SERVICES])
async def test_who_proposed_it_does_not_approve_it_by_a_service_of_theirs(
    house: Host, system: Elsewhere
) -> None:
    alice = Principal("person", "alice", roles=frozenset({"administrator"}))
    run = await begin(house, booking(system), by=alice)
    question = await asked(house, run)
    await create_key(house.store, house.clock, PAY.id, by=alice)
    with pytest.raises(NotAllowedError, match="person:alice proposed it"):
        await reply(house, question, YES, by=PAY)
    desk = replace(PAY, name="desk")
    await administration.grant(house.store, desk.id, ["treasurer"], by=alice)
    await create_key(house.store, house.clock, desk.id, by=OPERATOR)
    with pytest.raises(NotAllowedError, match="person:alice proposed it"):
        await reply(house, question, YES, by=desk)
    assert system.calls == []
    till = replace(PAY, name="till")
    await administration.grant(house.store, till.id, ["treasurer"], by=OPERATOR)
    await create_key(house.store, house.clock, till.id, by=OPERATOR)
    await reply(house, question, YES, by=till)
    assert (await ended(house, run)).status == "complete"


@pytest.mark.parametrize("policies", [ASK.replace("role:", "2 of role:") + SERVICES])
async def test_a_service_and_who_made_it_are_not_two_who_approve(house: Host, system: Elsewhere) -> None:
    alice = replace(BOB, name="alice")
    both = frozenset({"treasurer", "administrator"})
    till, desk = (replace(PAY, name=name, roles=both) for name in ("till", "desk"))
    for service, maker in ((till, alice.id), (desk, alice.id)):
        await administration.grant(house.store, service.id, both, by=OPERATOR)
        await create_key(house.store, house.clock, service.id, by=replace(OPERATOR, name=maker[7:]))
    run = await begin(house, booking(system), by=replace(OPERATOR, name="carl"))
    await reply(house, await asked(house, run), YES, by=till)
    second = await asked(house, run, "approval/2")
    for who in (alice, desk, till):  # its maker, another service of hers, itself
        with pytest.raises(NotAllowedError, match="has approved it"):
            await reply(house, second, YES, by=who)
    child = replace(PAY, name="child")
    await administration.grant(house.store, child.id, ["treasurer"], by=OPERATOR)
    await create_key(house.store, house.clock, child.id, by=desk)
    with pytest.raises(NotAllowedError, match="has approved it"):  # made by what she has made
        await reply(house, second, YES, by=child)
    assert system.calls == []
    await reply(house, second, YES, by=BOB)
    assert (await ended(house, run)).status == "complete"


async def test_nobody_stands_in_with_an_approval_but_by_the_word_of_who_is_away(
    house: Host, system: Elsewhere
) -> None:
    run = await begin(house, booking(system))
    question = await asked(house, run)
    await tasks.claim(house.store, house.clock, question, by=BOB)
    now = house.clock.now()

    async def away(by: Principal) -> None:
        await set_absence(
            house.store,
            house.clock,
            by=by,
            person="bob",
            substitute="carl",
            from_at=now,
            until_at=now + HOUR,
        )

    await away(OP)
    for attempt in (
        reply(house, question, YES, by=CARL),
        tasks.claim(house.store, house.clock, question, by=CARL),
    ):
        with pytest.raises(NotAllowedError):
            await attempt
    assert system.calls == []
    await away(BOB)
    await reply(house, question, YES, by=CARL)
    assert (await ended(house, run)).status == "complete"


@pytest.mark.parametrize("policies", [BOB_HIMSELF])
async def test_who_is_asked_by_name_approves_or_nobody_does(house: Host, system: Elsewhere) -> None:
    run = await begin(house, booking(system))
    question = await asked(house, run)
    await tasks.reassign(house.store, house.clock, question, by=BOB, to="carl", reason="he knows better")
    with pytest.raises(NotAllowedError, match="asks person:bob"):
        await reply(house, question, YES, by=CARL)
    await tasks.reassign(house.store, house.clock, question, by=CARL, to="bob", reason="he does not")
    await reply(house, question, YES, by=BOB)
    assert (await ended(house, run)).status == "complete"


@pytest.mark.parametrize("policies", [TWO])
async def test_one_treasurer_and_whom_they_let_approve_are_not_two(house: Host, system: Elsewhere) -> None:
    run = await begin(house, booking(system))
    first = await asked(house, run, "approval/1")
    await tasks.claim(house.store, house.clock, first, by=BOB)
    await tasks.delegate(house.store, house.clock, first, by=BOB, to="carl")
    await reply(house, first, YES, by=CARL)
    second = await asked(house, run, "approval/2")
    for who in (BOB, CARL):
        with pytest.raises(NotAllowedError):
            await reply(house, second, YES, by=who)
    assert system.calls == []
    await reply(house, second, YES, by=EVE)
    assert (await ended(house, run)).status == "complete"


async def test_the_pack_of_a_workflow_decides_about_its_runs_and_tasks_too(tmp_path: Path) -> None:
    own = tmp_path / "policies" / "own"
    own.mkdir(parents=True)
    (own / "pack.yaml").write_text("extends: [strict]\n", "utf-8")
    (own / "own.cedar").write_text(
        '@id("no-forks") forbid (principal, action == Action::"run.start", resource is Workflow)'
        ' when { context.verb == "fork" };\n'
        '@id("no-cancels") forbid (principal, action == Action::"run.command", resource is Run)'
        ' when { context.verb == "cancel" };',
        "utf-8",
    )
    workflow = Workflow("asks", sequential(human("clerk", role="operator")), policy="own")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        with pytest.raises(NotAllowedError, match="no-forks"):
            await fork(host.store, host.clock, row, by=OP)
        with pytest.raises(NotAllowedError, match="may not cancel a run: forbidden by no-cancels"):
            await cancel(host.store, host.clock, row, by=OP)
        question = await asked(host, run)
        with pytest.raises(NotAllowedError, match="only-people-answer"):
            await reply(host, question, {}, by=DESK)


async def test_an_approval_and_no_other_task_is_shown_to_whoever_may_pass_it_in_an_emergency(
    house: Host, system: Elsewhere
) -> None:
    run = await begin(house, booking(system))
    question = await asked(house, run, "approval/1")
    medic = Principal("person", "medic", roles=frozenset({"break-glass"}))
    task = replace(question, path="ask@1")
    for by, expected in ((medic, [True, False]), (EVE, [False, False])):
        found = await standings(house.store, [question, task], by, house.clock.now())
        assert [one.may_pass for one in found] == expected
