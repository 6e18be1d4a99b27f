"""Decide, validate, approve: what policy denies is judged by nobody, and what is approved has passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.governed import gate_of, governed
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving
from kernel.support.ruled import Under
from ripieno import Context, Function, Outcome, Task, ToolError, Workflow, escalate, on_arguments, tool
from ripieno.connectors.tool import Tool
from ripieno.mediation.policy import PolicyGate
from ripieno.mediation.validation import Check
from ripieno.model.effect_rule import EffectRule, approved
from ripieno.model.errors import NotAllowedError
from ripieno.model.principal import Principal
from ripieno.model.question import Question

NOTHING_ABOVE = """
@id("nothing-above-100")
forbid (principal, action == Action::"tool.call", resource == Tool::"pay")
when { context has arguments && context.arguments has amount && context.arguments.amount > 100 };
"""
CLERKS = """
@id("clerks-approve")
@approval("role:clerk")
forbid (principal, action == Action::"tool.call", resource == Tool::"pay");
"""
BEN, EVE = (Principal("person", name, roles=frozenset({"clerk", "treasurer"})) for name in ("ben", "eve"))


class Payments:
    """Pays, and counts."""

    def __init__(self) -> None:
        self.paid: list[int] = []

    def pay(self, amount: int, to: str = "a") -> dict[str, Any]:
        self.paid.append(amount)
        return {"paid": amount, "to": to}

    def tool(self, *checks: Check, **settings: Any) -> Tool:
        return tool(self.pay, check=checks, **settings)


class Ruled(Under):
    """Lets a participant work under a rule, and gives what it gave."""

    async def act(self, task: Task, context: Context) -> Outcome:
        return await context.call(self.participant, task, effects=self.rule)


def using(one: Tool, *, rule: Any = None, **arguments: Any) -> Workflow:
    """Give a workflow that makes one call and tells what came of it."""

    async def use(given: object, context: Context) -> object:
        del given
        try:
            return await context.use(one, **arguments)
        except ToolError as error:
            return [error.code, error.message]

    desk = Function(use, name="desk", pure=True)
    return Workflow("checked", desk if rule is None else Ruled(desk, rule))


def counting(seen: list[Any]) -> Any:
    def look(value: Any) -> object:
        seen.append(value)
        return "look at it"

    return look


async def denied(tmp_path: Path, workflow: Workflow, gate: PolicyGate) -> list[str]:
    """Run what is denied, over and over again, and give what stands in the log of it."""
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).output[0] == "denied"
        return [event.kind for event in await events(host, run) if event.path.find("/tool/1") >= 0]


@pytest.mark.parametrize(
    "rule", [None, approved("clerk")], ids=["on its own", "under a rule that asks for approval"]
)
async def test_what_policy_denies_is_judged_by_no_check_and_shown_to_nobody(
    tmp_path: Path, rule: EffectRule | None
) -> None:
    payments, seen = Payments(), list[Any]()
    check = on_arguments(counting(seen), otherwise=escalate("treasurer"))
    workflow = using(payments.tool(check), rule=rule, amount=500)
    gate = gate_of(tmp_path / "policies", above=NOTHING_ABOVE)
    assert await denied(tmp_path, workflow, gate) == ["denied"]
    assert (seen, payments.paid) == ([], [])


async def test_what_policy_denies_is_not_shown_to_whom_a_rule_names(tmp_path: Path) -> None:
    payments = Payments()
    workflow = using(payments.tool(), rule=approved("clerk"), amount=500)
    gate = gate_of(tmp_path / "policies", above=NOTHING_ABOVE)
    assert await denied(tmp_path, workflow, gate) == ["denied"]


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_what_is_put_in_place_of_what_does_not_pass_is_decided_about_before_it_is_judged(
    tmp_path: Path, *, restarted: bool
) -> None:
    payments, seen = Payments(), list[Any]()
    check = on_arguments(counting(seen), otherwise=escalate("treasurer"))
    workflow = using(payments.tool(check), amount=50)
    gate = gate_of(tmp_path / "policies", above=NOTHING_ABOVE)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        if not restarted:
            await reply(host, question, {"proceed": True, "arguments": {"amount": 500}})
            assert (await ended(host, run)).output[0] == "denied"
    if restarted:
        async with governed(tmp_path / "home", gate, workflow) as host:
            await reply(host, question, {"proceed": True, "arguments": {"amount": 500}})
            assert (await ended(host, run)).output[0] == "denied"
            assert len(await events(host, run, "checked")) == 1
    assert [one["amount"] for one in seen] == [50], "what is denied was never judged"
    assert payments.paid == []


async def test_an_edit_by_an_approver_is_decided_about_before_the_next_one_sees_it(tmp_path: Path) -> None:
    payments = Payments()
    workflow = using(payments.tool(), rule=approved("clerk").within(approved("treasurer")), amount=50)
    gate = gate_of(tmp_path / "policies", above=NOTHING_ABOVE)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True, "arguments": {"amount": 500}})
        assert (await ended(host, run)).output[0] == "denied"
        assert len(await events(host, run, "asked")) == 1
    assert payments.paid == []


async def test_who_puts_other_arguments_in_place_proposes_them_and_others_approve(tmp_path: Path) -> None:
    payments = Payments()
    check = on_arguments("amount < 10", otherwise=escalate("treasurer"))
    workflow = using(payments.tool(check), amount=50)
    gate = gate_of(tmp_path / "policies", clerks=CLERKS)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True, "arguments": {"amount": 5}}, by=EVE)
        approval = await asked(host, run, "approval/1")
        with pytest.raises(NotAllowedError, match="cannot approve it"):
            await reply(host, approval, {"proceed": True}, by=EVE)
        await reply(host, approval, {"proceed": True}, by=BEN)
        await ended(host, run)
        [proposed] = await events(host, run, "proposed")
    assert proposed.body["edited_by"] == EVE.id
    assert payments.paid == [5]


async def test_who_approved_what_was_changed_once_more_is_asked_again(tmp_path: Path) -> None:
    payments = Payments()
    check = on_arguments("amount < 10", otherwise=escalate("treasurer"))
    workflow = using(payments.tool(check), rule=approved("clerk"), amount=5)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True, "arguments": {"amount": 50}}, by=BEN)
        await reply(
            host, await asked(host, run, "ask"), {"proceed": True, "arguments": {"amount": 7}}, by=EVE
        )
        second = await asked(host, run, "approval/2")
        assert payments.paid == []
        await reply(host, second, {"proceed": True}, by=BEN)
        await ended(host, run)
    assert payments.paid == [7]


async def test_what_was_denied_under_a_rule_stays_so_after_a_restart_whatever_policies_say_then(
    tmp_path: Path,
) -> None:
    payments = Payments()
    one = payments.tool()

    async def use(given: object, context: Context) -> object:
        del given
        try:
            return await context.use(one, amount=500)
        except ToolError as error:
            await context.ask(Question("clerk", "what now?", {"type": "object"}))
            return [error.code, error.message]

    workflow = Workflow("checked", Ruled(Function(use, name="desk", pure=True), approved("clerk")))
    gate = gate_of(tmp_path / "policies", above=NOTHING_ABOVE)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run, "ask")
        await parked(host, run)
    async with governed(tmp_path / "home", gate_of(tmp_path / "others"), workflow) as host:
        await reply(host, question, {}, by=BEN)
        code, message = (await ended(host, run)).output
        assert len(await events(host, run, "denied")) == 1
    assert (code, payments.paid) == ("denied", [])
    assert "forbidden by nothing-above-100" in message
