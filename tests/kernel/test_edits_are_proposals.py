"""Whoever puts other arguments in place proposes them: it is decided for them too, and others approve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.governed import ASK, BOB, EVE, YES, booking, gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, parked, reply, turned
from kernel.support.ruled import under
from ripieno import Host, Outcome, Workflow, escalate, on_arguments, tool
from ripieno.identity import administration
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.messages import send
from ripieno.kernel.operators import answer_instead
from ripieno.kernel.tasks import claim, delegate
from ripieno.model.effect_rule import approved
from ripieno.model.errors import NotAllowedError
from ripieno.model.principal import Principal

NOT_EVE = """
@id("not-eve")
forbid (principal == Person::"eve", action == Action::"tool.call", resource == Tool::"book");
"""
TREASURERS = """
@id("treasurers-book")
forbid (principal is Person, action == Action::"tool.call", resource == Tool::"book")
unless { principal in Role::"treasurer" };
"""
BEDS_ARE_ASKED = """
@id("beds-are-asked-for")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"book")
when { context has arguments && context.arguments has what && context.arguments.what == "bed" };
"""
BED, VISIT = ({"proceed": True, "arguments": {"what": what}} for what in ("bed", "visit"))
ANN = Principal("person", "ann", roles=frozenset({"treasurer"}))


def ruled(system: Elsewhere, **how: Any) -> Workflow:
    """Give a workflow whose rule, and no policy, has a treasurer approve."""
    return under(approved("treasurer"), uses(tool(system.book, **how), what="visit"))


def approvals(system: Elsewhere) -> dict[str, tuple[Workflow, dict[str, str]]]:
    """Give the ways by which somebody is asked, with the policies of each."""
    check = on_arguments("what != 'visit'", otherwise=escalate("treasurer"))
    return {
        "a rule": (ruled(system), {}),
        "a policy": (booking(system), {"ask": ASK}),
        "a check": (booking(system, check=[check]), {}),
    }


async def is_denied(host: Host, run: str, who: str = EVE.id) -> Outcome:
    """Look at what came of an edit by somebody whom policies let book nothing."""
    outcome = await ended(host, run)
    [denied] = await events(host, run, "denied")
    assert who in denied.body["editors"]
    assert await events(host, run, "intent") == []
    return outcome


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "across a restart"])
@pytest.mark.parametrize("way", ["a rule", "a policy", "a check"])
async def test_who_may_not_book_books_nothing_by_an_edit(
    tmp_path: Path, way: str, *, restarted: bool
) -> None:
    system = Elsewhere()
    workflow, policies = approvals(system)[way]
    gate, home = gate_of(tmp_path / "policies", eve=NOT_EVE, **policies), tmp_path / "home"
    async with governed(home, gate, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        if not restarted:
            await reply(host, question, BED, by=EVE)
            await is_denied(host, run)
    if restarted:
        async with governed(home, gate) as elsewhere:  # which does not serve it
            await reply(elsewhere, question, BED, by=EVE)
        async with governed(home, gate, workflow) as host:
            await is_denied(host, run)
            assert len(await events(host, run, "asked")) == 1, "nobody is shown what policy denies"
    assert system.calls == []


@pytest.mark.parametrize("way", ["a rule", "a check"])
async def test_who_may_book_edits_and_the_intent_names_them_as_who_proposed(tmp_path: Path, way: str) -> None:
    system = Elsewhere()
    workflow, policies = approvals(system)[way]
    gate = gate_of(tmp_path / "policies", eve=NOT_EVE, **policies)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), BED, by=BOB)
        await ended(host, run)
        [intent] = await events(host, run, "intent")
    assert list(system.booked.values()) == ["bed #1"]
    assert intent.body["editors"] == {BOB.id: {"roles": ["boss", "treasurer"]}}
    assert "approved" not in intent.body, "who proposes it has not approved it"


async def test_arguments_that_came_back_as_they_were_are_nobodys_edit(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = ruled(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", eve=NOT_EVE), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), VISIT, by=EVE)
        await ended(host, run)
        [intent] = await events(host, run, "intent")
    assert (intent.body["approved"], "editors" in intent.body) == ([EVE.id], False)


async def test_what_a_policy_asks_for_since_the_edit_is_approved_by_others(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = ruled(system)
    gate = gate_of(tmp_path / "policies", beds=BEDS_ARE_ASKED)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow, by=BOB)
        await reply(host, await asked(host, run), BED, by=EVE)
        second = await asked(host, run, "approval/2")
        assert system.calls == []
        for who in (EVE, BOB):
            with pytest.raises(NotAllowedError, match="cannot approve it"):
                await reply(host, second, YES, by=who)
        await reply(host, second, YES, by=ANN)
        await ended(host, run)
        [intent] = await events(host, run, "intent")
    assert (intent.body["approved"], [*intent.body["editors"]]) == ([ANN.id], [EVE.id])
    assert list(system.booked.values()) == ["bed #1"]


@pytest.mark.parametrize("forbidden", [False, True], ids=["let", "forbidden"])
async def test_below_what_a_policy_asks_for_the_decision_alone_suffices_with_the_editor(
    tmp_path: Path, *, forbidden: bool
) -> None:
    system = Elsewhere()
    workflow = booking(system)
    visits = BEDS_ARE_ASKED.replace('"bed"', '"visit"')
    gate = gate_of(tmp_path / "policies", visits=visits, eve=NOT_EVE if forbidden else "")
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), BED, by=EVE)
        if forbidden:
            await is_denied(host, run)
        else:
            await ended(host, run)
            [intent] = await events(host, run, "intent")
            assert [*intent.body["editors"]] == [EVE.id]
    assert list(system.booked.values()) == ([] if forbidden else ["bed #1"])


async def test_what_was_edited_and_approved_is_decided_for_the_editor_right_before_the_claim(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    workflow, folder, home = booking(system), tmp_path / "policies", tmp_path / "home"
    async with governed(home, gate_of(folder, ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), BED, by=EVE)
        second = await asked(host, run, "approval/2")
        await parked(host, run)
    async with governed(home, gate_of(folder)) as elsewhere:
        await reply(elsewhere, second, YES, by=BOB)
    async with governed(home, gate_of(folder, eve=NOT_EVE), workflow) as host:
        await is_denied(host, run)
    assert system.calls == []


@pytest.mark.parametrize("act", ["revoked", "suspended"])
async def test_the_editor_counts_with_what_they_hold_still(tmp_path: Path, act: str) -> None:
    system = Elsewhere()
    workflow, home = booking(system), tmp_path / "home"
    gate = gate_of(tmp_path / "policies", ask=ASK, treasurers=TREASURERS)
    async with governed(home, gate, workflow) as host:
        await administration.grant(host.store, EVE.id, ["treasurer"], by=OPERATOR)
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), BED, by=EVE)
        second = await asked(host, run, "approval/2")
        await parked(host, run)
        if act == "revoked":
            await administration.revoke(host.store, EVE.id, ["treasurer"], by=OPERATOR)
        else:
            await administration.suspend(host.store, EVE.id, by=OPERATOR, reason="gone")
        await reply(host, second, YES, by=BOB)
        await is_denied(host, run)
    assert system.calls == []


async def test_whom_no_directory_knows_edits_with_what_they_came_with(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow, home = ruled(system), tmp_path / "home"
    gate = gate_of(tmp_path / "policies", treasurers=TREASURERS)
    async with governed(home, gate, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with governed(home, gate) as elsewhere:
        await reply(elsewhere, question, BED, by=EVE)
    async with governed(home, gate, workflow) as host:
        await ended(host, run)
    assert list(system.booked.values()) == ["bed #1"]


async def test_an_edit_whose_answer_keeps_no_rights_is_decided_by_the_directory(tmp_path: Path) -> None:
    """As answers did before they kept them: somebody without an entry holds nothing then."""
    system = Elsewhere()
    workflow = ruled(system)
    gate = gate_of(tmp_path / "policies", treasurers=TREASURERS)
    async with governed(tmp_path / "home", gate, workflow) as host:
        await administration.grant(host.store, BOB.id, ["treasurer"], by=OPERATOR)
        for who in (EVE, BOB):
            run = await begin(host, workflow)
            await as_before(host, await asked(host, run), BED, by=who)
            await (is_denied if who is EVE else ended)(host, run)
    assert list(system.booked.values()) == ["bed #1"]
    with SqliteAudit(tmp_path / "home") as audit:
        said = verify(audit)
    assert (said.sound, said.unnamed) == (True, 2)
    assert "answers and commands that name no policies that let them: 2" in str(said)


async def as_before(host: Host, question: QuestionRow, value: object, *, by: Principal) -> None:
    """Answer a question with what answers held before."""
    await send(
        host.store,
        host.clock,
        question.run,
        by=by,
        kind="answer",
        said={"value": value},
        question=question,
        closes="answered",
    )


async def test_an_edit_in_anothers_stead_is_decided_for_both(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = ruled(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", eve=NOT_EVE), workflow) as host:
        run = await begin(host, workflow)
        held = await claim(host.store, host.clock, await asked(host, run), by=EVE)
        lent = await delegate(host.store, host.clock, held, by=EVE, to=BOB.id)
        await reply(host, lent, BED, by=BOB)
        outcome = await is_denied(host, run)
        [denied] = await events(host, run, "denied")
    assert ([*denied.body["editors"]], outcome.status) == ([BOB.id, EVE.id], "escalated")
    assert system.calls == []


async def test_an_operator_who_edits_in_anothers_stead_proposes_it(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = ruled(system)
    operator = Principal("person", "eve", roles=frozenset({"operator"}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", eve=NOT_EVE), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await answer_instead(host.store, host.clock, question, by=operator, value=BED, reason="in a hurry")
        await is_denied(host, run)
    assert system.calls == []


async def test_an_edit_that_nobody_else_approves_in_time_is_not_made(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    workflow = booking(system)
    gate = gate_of(tmp_path / "policies", ask=ASK.replace("role:treasurer", "role:treasurer, due 1h"))
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), BED, by=EVE)
        await asked(host, run, "approval/2")
        await turned(host, clock, run, 3601)
        outcome = await is_denied(host, run)
    assert "nobody approved it in time" in (outcome.reason or "")
    assert system.calls == []


async def test_an_edit_that_was_claimed_goes_on_whatever_policies_say_of_the_editor_since(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    system.after.append(cut)
    workflow, folder, home = ruled(system, on_uncertain="ask"), tmp_path / "policies", tmp_path / "home"
    async with governed(home, gate_of(folder), workflow) as host:
        run = await begin(host, workflow)
        await as_before(host, await asked(host, run), BED, by=EVE)
        await asked(host, run, "/uncertain/")
        await parked(host, run)
    async with governed(home, gate_of(folder, eve=NOT_EVE), workflow) as host:
        doubt = await asked(host, run, "/uncertain/")
        await reply(host, doubt, {"happened": True, "result": "bed #1"})
        assert (await ended(host, run)).output["gave"] == "bed #1"
        assert await events(host, run, "denied") == []
    assert len(system.calls) == 1


async def test_another_attempt_at_what_was_edited_is_decided_for_the_editor(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after.append(cut)
    workflow, folder, home = ruled(system, on_uncertain="ask"), tmp_path / "policies", tmp_path / "home"
    async with governed(home, gate_of(folder), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), BED, by=EVE)
        await asked(host, run, "/uncertain/")
        await parked(host, run)
    async with governed(home, gate_of(folder, eve=NOT_EVE), workflow) as host:
        await reply(host, await asked(host, run, "/uncertain/"), {"happened": False})
        outcome = await ended(host, run)
    assert (outcome.status, len(system.calls)) == ("escalated", 1)
