"""Requests to models and calls of agents meet the gate: by labels, by where values come from, by modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import asking
from tests.mediation.support.payables import EVIL, GOOD, MADE, PAYEES, payees, read_mail, traced, transfer

from kernel.scenarios.governed import EVE, NO, YES, gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, contents, ended, events, parked, reply, serving, snapshot
from patterns.running import Running
from providers.replies import Asked, Calls, Says, turns
from ripieno import Workflow, agent, human, sequential

OPERATORS = human("payer", role="operator")


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    MADE.clear()


def clerk(**settings: Any) -> Any:
    return agent("clerk", model="chat", tools=[read_mail, payees, transfer], **settings)


@pytest.mark.parametrize(
    ("recipient", "trust"),
    [(EVIL, "untrusted"), (GOOD, "trusted"), ("FR7630006000011234567890189", "model")],
)
async def test_a_value_from_a_hijacked_result_meets_the_gate(
    tmp_path: Path, recipient: str, trust: str
) -> None:
    script = turns(
        Calls([("read_mail", {}), ("payees", {"name": "Blum & Co"})]),
        Calls([("transfer", {"recipient": recipient, "amount": 4711})]),
        Says("paid"),
    )
    workflow = Workflow("payables", clerk())
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with asking(script) as provider, governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow, "do the mail")
        if trust != "trusted":
            question = await asked(host, run)
            assert (question.role, MADE) == ("treasurer", [])
            await reply(host, question, NO, by=EVE)
        outcome = await ended(host, run)
        if trust == "trusted":
            assert (await traced(host, run)).provenance["recipient"] == "trusted"
    assert outcome.output == "paid"
    assert len(MADE) == (1 if trust == "trusted" else 0)
    assert ("rejected" in provider.asked[2].text) == (trust != "trusted")


async def test_what_a_model_makes_of_what_it_was_shown_is_as_little_trusted(tmp_path: Path) -> None:
    script = turns(Calls([("read_mail", {})]), Says("a summary of nothing that stands there"))
    later = agent("payer", model="chat", tools=[transfer], sees=["clerk"])

    def both(one: Asked) -> Any:
        if "clerk" in one.text:
            return turns(Calls([("transfer", {"recipient": EVIL, "amount": 1})]), Says("done"))(one)
        return script(one)

    workflow = Workflow("payables", sequential(clerk(), later))
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with asking(both), governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow, "do the mail")
        await reply(host, await asked(host, run), YES, by=EVE)
        await ended(host, run)
        found = await traced(host, run)
    assert found.provenance["recipient"] == "untrusted"
    assert "untrusted" in found.shown


@pytest.mark.parametrize("approved", [True, False])
async def test_a_model_that_is_not_approved_for_phi_is_not_shown_any(
    tmp_path: Path, *, approved: bool
) -> None:
    workflow = Workflow("care", agent("clerk", model="chat"), data=["phi"], policy="healthcare")
    said = {"approved_for": ["phi"]} if approved else {}
    gate = gate_of(tmp_path / "policies")
    async with (
        asking(turns(Says("noted")), chat=said) as provider,
        governed(tmp_path / "home", gate, workflow) as host,
    ):
        run = await begin(host, workflow, "a patient")
        outcome = await ended(host, run)
        denied = await events(host, run, "denied")
    assert outcome.status == ("complete" if approved else "escalated")
    assert len(provider.asked) == (1 if approved else 0)
    assert len(denied) == (0 if approved else 1)


READS = """
@id("models-see-nothing-untrusted")
forbid (principal, action == Action::"model.call", resource == Model::"openai:gpt-5-mini")
when { !(context has sources) || context.sources.contains("untrusted") };
"""


async def test_where_what_a_model_is_shown_comes_from_reaches_policy(tmp_path: Path) -> None:
    workflow = Workflow("payables", clerk())
    gate = gate_of(tmp_path / "policies", own=READS)
    async with (
        asking(turns(Calls([("read_mail", {})]), Says("read"))) as provider,
        governed(tmp_path / "home", gate, workflow) as host,
    ):
        run = await begin(host, workflow, "do the mail")
        outcome = await ended(host, run)
    assert outcome.status == "escalated"
    assert len(provider.asked) == 1, "it was asked once, and not shown the mail"


async def test_a_shadow_asks_its_model_and_changes_nothing(running: Running) -> None:
    script = turns(Calls([("transfer", {"recipient": GOOD, "amount": 1})]), Says("paid"))
    flow = clerk().mode("shadow", OPERATORS)
    async with asking(script) as provider:
        run = await running.begin(flow, "pay")
        [question] = await running.questions(run)
        await running.reply(question.row, {"output": "paid by hand"})
        outcome = await running.ended(run)
    assert (outcome.output, MADE, len(provider.asked)) == ("paid by hand", [], 2)
    assert "withheld" in provider.asked[1].text


async def test_a_suggestion_is_approved_effect_by_effect(running: Running) -> None:
    script = turns(Calls([("transfer", {"recipient": GOOD, "amount": 1})]), Says("paid"))
    flow = clerk().mode("suggest", OPERATORS)
    async with asking(script):
        run = await running.begin(flow, "pay")
        [question] = await running.questions(run)
        assert MADE == []
        await running.reply(question.row, {"proceed": True})
        [question] = await running.questions(run)
        await running.reply(question.row, {"proceed": True})
        outcome = await running.ended(run)
    assert (outcome.output, len(MADE)) == ("paid", 1)


# -- a process that ends -------------------------------------------------------------------------------


async def test_a_request_whose_answer_is_lost_is_made_again_at_once_and_no_other(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"

    def script(one: Asked) -> Any:
        if one.turn == 1 and not after.exists():
            snapshot(before, after)
        return turns(Calls([("payees", {"name": "Blum"})]), Says("done"))(one)

    workflow, clock = Workflow("payables", clerk()), HandClock()
    async with asking(script) as provider:
        async with serving(before, workflow, clock=clock) as host:
            run = await begin(host, workflow, "who?")
            await ended(host, run)
        provider.asked.clear()
        async with serving(after, workflow, clock=clock) as host:
            outcome = await ended(host, run)
            results = [one for one in await events(host, run, "result") if "/model/2" in one.path]
            assert contents(host, results[0], "error") == (
                "the process ended before it told what the model said"
            )
    assert outcome.output == "done"
    assert [one.turn for one in provider.asked] == [1]
    assert [(one.body["status"], one.body["how"]) for one in results] == [
        ("failed", "lost"),
        ("done", "called"),
    ]
    assert results[0].body["spent"]["model_calls"] == 1, "it may have been billed"


async def test_a_turn_that_waits_for_a_person_leaves_memory_and_goes_on_where_it_was(tmp_path: Path) -> None:
    script = turns(
        Calls([("payees", {"name": "Blum"})]),
        Calls([("transfer", {"recipient": EVIL, "amount": 1})]),
        Says("paid"),
    )
    workflow = Workflow("payables", clerk())
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with asking(script) as provider:
        async with governed(tmp_path / "home", gate, workflow) as host:
            run = await begin(host, workflow, "pay")
            await parked(host, run)
        async with governed(tmp_path / "home", gate, workflow) as host:
            await reply(host, await asked(host, run), YES, by=EVE)
            outcome = await ended(host, run)
    assert (outcome.output, len(MADE)) == ("paid", 1)
    assert [one.turn for one in provider.asked] == [0, 1, 2]
