"""What a call is given and gives has to pass its checks: once judged, recorded, and read on replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    parked,
    reply,
    resting,
    serving,
    turned,
)
from kernel.support.ruled import Under
from ripieno import (
    Context,
    Function,
    InvalidError,
    InvalidResultError,
    Outcome,
    Task,
    ToolError,
    Workflow,
    escalate,
    on_arguments,
    on_result,
    repair,
    single_agent,
    tool,
    use_tool,
)
from ripieno.connectors.tool import Tool
from ripieno.kernel.commands import asked_for, cancel
from ripieno.kernel.forks import fork
from ripieno.mediation.validation import Check
from ripieno.model.effect_rule import WITHHELD, approved
from ripieno.model.value import decode

SCHEMA = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 10}}}


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


def using(one: Tool, *, rule: Any = None, wait: bool = False, **arguments: Any) -> Workflow:
    """Give a workflow that makes one call and tells what came of it."""

    async def use(given: object, context: Context) -> object:
        del given
        try:
            said = await context.use(one, **arguments)
        except (ToolError, InvalidResultError) as error:
            said = [error.code, error.message]
        if wait:
            await context.sleep(60)
        return said

    desk = Function(use, name="desk", pure=True)
    if rule is None:
        return Workflow("checked", desk)

    return Workflow("checked", Ruled(desk, rule))


async def gave(tmp_path: Path, workflow: Workflow) -> Any:
    async with serving(tmp_path, workflow) as host:
        return (await ended(host, await begin(host, workflow))).output


def counting(seen: list[Any], says: object = None) -> Any:
    def look(value: Any) -> object:
        seen.append(value)
        return says

    return look


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (on_arguments("amount <= 10"), "amount <= 10 does not hold"),
        (on_arguments("amount <= limit"), "'limit' is not defined"),
        (on_arguments("amount"), "amount does not hold"),
        (on_arguments(SCHEMA), "amount: 30 is greater than the maximum of 10"),
        (on_arguments(ranges={"amount": (0, 10)}), "amount has to be between 0 and 10, found 30"),
        (on_arguments(ranges={"amount": (None, 10), "to": (1, None)}), "to has to be at least 1, found 'a'"),
        (on_arguments(ranges={"other.field": (None, 10)}), "other.field has to be at most 10, found None"),
        (on_arguments(forbids=["^30$", "x"]), r"holds what must not appear: ^30$"),
        (on_arguments(max_bytes=10), "has 22 bytes, at most 10 are allowed"),
        (on_arguments(lambda given: given["amount"] < 10), "does not hold"),
        (on_arguments(lambda given: f"{given['to']} gets too much"), "a gets too much"),
        (on_arguments(lambda given: given["amount"] / 0), "could not be checked: ZeroDivisionError"),
        (on_arguments("amount <= 10", says="ask the treasurer"), "pay: ask the treasurer"),
    ],
)
async def test_a_call_whose_arguments_do_not_pass_is_not_made(
    tmp_path: Path, check: Check, said: str
) -> None:
    payments = Payments()
    workflow = using(payments.tool(check), amount=30, to="a")
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        code, message = (await ended(host, run)).output
        assert code == InvalidError.code
        assert said in message
        [event] = await events(host, run, "checked")
        assert (event.body["verdict"], event.body["failed"], event.body["of"]) == (
            "rejected",
            [0],
            "arguments",
        )
        assert decode(host.store.payload(run, event.body["arguments"])) == {"amount": 30, "to": "a"}
        assert await events(host, run, "intent") == []
    assert payments.paid == []


async def test_what_passes_is_made_and_all_that_does_not_is_told_at_once(tmp_path: Path) -> None:
    async def asynchronous(given: Any) -> bool:
        return given["amount"] > 0

    payments = Payments()
    checks = [
        on_arguments("amount < 10 and value.to == 'a'"),
        on_arguments(ranges={"amount": (0, 10)}),
        on_arguments(forbids=["secret"]),
        on_arguments(max_bytes=100),
        on_arguments(asynchronous),
        on_result("paid == 5"),
    ]
    assert await gave(tmp_path / "a", using(payments.tool(*checks), amount=5, to="a")) == {
        "paid": 5,
        "to": "a",
    }
    _, message = await gave(tmp_path / "b", using(payments.tool(*checks), amount=-5, to="secret"))
    assert message.count("; ") == 3
    assert payments.paid == [5]


async def test_a_verdict_is_read_on_replay_and_no_check_is_asked_again(tmp_path: Path) -> None:
    seen: list[Any] = []
    payments, clock = Payments(), HandClock()
    checks = [on_arguments(counting(seen)), on_result(counting(seen))]
    workflow = using(payments.tool(*checks), wait=True, amount=5)
    for turn in range(2):
        async with serving(tmp_path, workflow, clock=clock) as host:
            if turn == 0:
                run = await begin(host, workflow)
                await parked(host, run)
            else:
                await turned(host, clock, run, 61)  # pyright: ignore[reportPossiblyUnboundVariable] - of the first turn
                assert (await ended(host, run)).output == {"paid": 5, "to": "a"}  # pyright: ignore[reportPossiblyUnboundVariable]
    assert seen == [{"amount": 5}, {"paid": 5, "to": "a"}]
    assert payments.paid == [5]


async def test_a_result_that_does_not_pass_stands_as_what_happened_and_is_not_used(tmp_path: Path) -> None:
    payments = Payments()
    workflow = using(payments.tool(on_result("paid < 3", says="too much")), amount=5)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        said = (await ended(host, run)).output
        [result] = await events(host, run, "result")
        assert decode(host.store.payload(run, result.body["output"])) == {"paid": 5, "to": "a"}
    assert said == ["invalid_result", "pay: it took effect, and what it gave cannot be used: too much"]
    reading = using(payments.tool(on_result("paid < 3"), effect="read"), amount=5)
    assert "pay: what it gave cannot be used" in (await gave(tmp_path / "read", reading))[1]


@pytest.mark.parametrize(
    ("answer", "said", "paid"),
    [
        ({"proceed": True}, {"paid": 30, "to": "a"}, [30]),
        ({"proceed": True, "arguments": {"amount": 7}}, {"paid": 7, "to": "a"}, [7]),
        ({"proceed": False, "note": "no"}, ["rejected", "pay: rejected by person:op: no"], []),
    ],
)
async def test_a_person_decides_about_arguments_that_do_not_pass(
    tmp_path: Path, answer: Any, said: Any, paid: list[int]
) -> None:
    payments = Payments()
    workflow = using(payments.tool(on_arguments("amount < 10", otherwise=escalate("treasurer"))), amount=30)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        question = await asked(host, run)
        assert question.role == "treasurer"
        assert "amount < 10 does not hold" in str(asked_for(host.store, question).about)
        await reply(host, question, answer)
        assert (await ended(host, run)).output == said
    assert payments.paid == paid


async def test_what_a_person_puts_in_place_is_checked_again(tmp_path: Path) -> None:
    payments = Payments()
    workflow = using(payments.tool(on_arguments("amount < 10", otherwise=escalate("treasurer"))), amount=30)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        for amount in (20, 6):
            await parked(host, run)
            await reply(host, await asked(host, run), {"proceed": True, "arguments": {"amount": amount}})
        assert (await ended(host, run)).output == {"paid": 6, "to": "a"}
        verdicts = [event.body["verdict"] for event in await events(host, run, "checked")]
    assert verdicts == ["escalated", "escalated", "passed"]


async def test_nobody_deciding_in_time_is_a_no(tmp_path: Path) -> None:
    payments, clock = Payments(), HandClock()
    check = on_arguments("amount < 10", otherwise=escalate("treasurer", due="1h"))
    workflow = using(payments.tool(check), amount=30)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await turned(host, clock, run, 3601)
        code, message = (await ended(host, run)).output
    assert code == "rejected"
    assert "treasurer did not answer in time; amount < 10 does not hold" in message


@pytest.mark.parametrize(("proceed", "code"), [(True, None), (False, "invalid_result")])
async def test_a_person_decides_about_a_result_that_does_not_pass(
    tmp_path: Path, *, proceed: bool, code: str | None
) -> None:
    payments = Payments()
    workflow = using(payments.tool(on_result("paid < 3", otherwise=escalate("treasurer"))), amount=30)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await reply(host, await asked(host, run), {"proceed": proceed})
        said = (await ended(host, run)).output
    assert (said == {"paid": 30, "to": "a"}) if code is None else said[0] == code


async def test_arguments_that_an_approver_edits_are_checked_again(tmp_path: Path) -> None:
    payments = Payments()
    workflow = using(payments.tool(on_arguments("amount < 10")), rule=approved("clerk"), amount=5)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await reply(host, await asked(host, run), {"proceed": True, "arguments": {"amount": 50}})
        assert (await ended(host, run)).output == ["invalid", "pay: amount < 10 does not hold"]
    assert payments.paid == []


async def test_checks_come_before_anybody_is_asked_to_approve(tmp_path: Path) -> None:
    payments = Payments()
    workflow = using(payments.tool(on_arguments("amount < 10")), rule=approved("clerk"), amount=50)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).output[0] == "invalid"
        assert await events(host, run, "asked") == []


async def test_a_shadow_asks_nobody_about_what_does_not_pass(tmp_path: Path) -> None:
    payments = Payments()
    check = on_arguments("amount < 10", otherwise=escalate("treasurer"))
    workflow = using(payments.tool(check), rule=WITHHELD, amount=30)
    assert (await gave(tmp_path / "arguments", workflow))[0] == "invalid"
    result = on_result("paid < 3", otherwise=escalate("treasurer"))
    workflow = using(payments.tool(result, effect="read"), rule=WITHHELD, amount=30)
    assert (await gave(tmp_path / "result", workflow))[0] == "invalid_result"


async def test_of_several_rules_the_gravest_decides(tmp_path: Path) -> None:
    payments = Payments()
    checks = [
        on_arguments("amount < 1", otherwise=escalate("treasurer")),
        on_arguments("amount < 2", otherwise=repair()),
        on_arguments("amount < 3"),
    ]
    workflow = using(payments.tool(*checks), amount=30)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        [event] = await events(host, run, "checked")
    assert (event.body["verdict"], event.body["by"], event.body["failed"]) == ("rejected", 2, [0, 1, 2])


async def test_a_fork_takes_verdicts_over_and_asks_anew_about_what_was_let_pass_and_not_done(
    tmp_path: Path,
) -> None:
    payments, clock = Payments(), HandClock()
    seen: list[Any] = []
    check = on_arguments(counting(seen, "look at it"), otherwise=escalate("treasurer"))
    workflow = using(payments.tool(check), wait=True, rule=approved("clerk"), amount=5)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await reply(host, await asked(host, run), {"proceed": True})
        await parked(host, run)
        assert (await asked(host, run)).role == "clerk"
        row = await fork(host.store, clock, await host.store.run(run), by=OPERATOR)
        host.ring()
        await parked(host, row.id)
        assert (await asked(host, row.id)).role == "treasurer"
    assert len(seen) == 1
    assert payments.paid == []


def agent_of(given: list[Any], seen: list[Any]) -> Function:
    """Give an agent that asks for one call after another, and then tells the last it saw."""

    def agent(turn: Any) -> Any:
        seen.extend(turn["results"])
        more = turn["round"] <= len(given)
        return use_tool("pay", given[turn["round"] - 1]) if more else turn["results"]

    return Function(agent, pure=True)


async def test_an_agent_repairs_what_does_not_pass(tmp_path: Path) -> None:
    payments = Payments()
    seen: list[Any] = []
    pays = payments.tool(on_arguments("amount < 10", otherwise=repair(2)))
    flow = single_agent(agent_of([{"amount": 30}, {"amount": 20}, {"amount": 5}], seen), tools=[pays])
    outcome = await gave(tmp_path, Workflow("agents", flow))
    assert [one["result"]["error"] for one in seen[:2]] == ["invalid", "invalid"]
    assert seen[0]["result"]["message"] == "pay: amount < 10 does not hold"
    assert outcome[0]["result"] == {"paid": 5, "to": "a"}
    assert payments.paid == [5]


@pytest.mark.parametrize(
    "check", [on_arguments("amount < 10", otherwise=repair(1)), on_result("paid < 1", otherwise=repair(1))]
)
async def test_an_agent_that_repairs_nothing_comes_to_an_end(tmp_path: Path, check: Check) -> None:
    payments = Payments()
    seen: list[Any] = []
    flow = single_agent(agent_of([{"amount": 30 + n} for n in range(9)], seen), tools=[payments.tool(check)])
    async with serving(tmp_path, workflow := Workflow("agents", flow)) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "partial"
    assert outcome.reason == "calls of pay do not pass its checks, repaired 1 times"
    assert len(seen) == 1


async def test_an_agent_is_told_of_what_is_rejected_and_may_go_another_way(tmp_path: Path) -> None:
    payments = Payments()
    seen: list[Any] = []
    flow = single_agent(
        agent_of([{"amount": 30}], seen), tools=[payments.tool(on_arguments("amount < 10"))], mistakes=0
    )
    outcome = await gave(tmp_path, Workflow("agents", flow))
    assert outcome[0]["error"] is True
    assert outcome[0]["result"]["error"] == "invalid"


async def test_code_that_asks_for_something_else_than_was_judged_blocks_the_run(tmp_path: Path) -> None:
    amounts = [30]
    pays = Payments().tool(on_arguments("amount < 10", otherwise=escalate("treasurer")))

    async def use(given: object, context: Context) -> object:
        del given
        return await context.use(pays, amount=amounts[0])

    workflow = Workflow("checked", Function(use, name="desk", pure=True))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    amounts[0] = 40
    async with serving(tmp_path, workflow) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        row = await resting(host, run)
    assert row.status == "blocked"
    assert "/checked/1: other arguments were judged (event" in str(row.detail)


async def test_an_undo_whose_arguments_do_not_pass_is_left_to_a_person(tmp_path: Path) -> None:
    taken_back: list[int] = []

    def put_back(amount: int) -> None:
        taken_back.append(amount)

    payments = Payments()
    undo = tool(put_back, check=[on_arguments("amount < 3")])
    workflow = using(payments.tool(undo=undo), wait=True, amount=5)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR, undo=True)
        question = await asked(host, run)
        assert "put_back: amount < 3 does not hold" in str(asked_for(host.store, question).about)
        await reply(host, question, {"undone": True})
        assert "undone by hand: pay" in str((await ended(host, run)).reason)
    assert taken_back == []
