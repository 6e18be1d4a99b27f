"""What policies read of the arguments of an act: trust, classes of data, fields, and what is not known."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.mediation.support.payables import (
    EVIL,
    GOOD,
    PAYEES,
    inbox,
    paid,
    payee_in,
    pays,
    read_mail,
    traced,
    transfer,
)

from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, parked, reply, until
from ripieno import (
    Context,
    Host,
    Workflow,
    function,
    human,
    sequential,
    single_agent,
    tool,
    use_tool,
)
from ripieno.kernel import commands
from ripieno.mediation.policy import PolicyGate
from ripieno.model.event import Event
from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.provenance import RunLog, Traced, Tracer
from ripieno.model.value import decode


async def test_a_trusted_tool_that_echoes_what_it_is_given_launders_nothing(tmp_path: Path) -> None:
    @tool(name="normalise", effect="read", trust="trusted")
    def normalise(account: str) -> dict[str, str]:
        return {"account": account.replace(" ", ""), "checked": "by the house's own rules"}

    @function(name="look", pure=True)
    async def look(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
        del input
        return await context.use(normalise, account=payee_in(await context.use(read_mail)))

    assert (await paid(tmp_path, Workflow("payables", sequential(look, pays())))).provenance["recipient"] == (
        "untrusted"
    )


async def test_nothing_is_looked_for_where_no_policy_reads_it(tmp_path: Path) -> None:
    workflow = Workflow("payables", sequential(inbox, pays()))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        assert all("traced" not in one.body for one in await events(host, run))
        [given] = [one.body["given"] for one in await events(host, run, "run.started")]
        results = {one.path: one.body.get("trust") for one in await events(host, run, "result")}
    assert given == {"trust": "trusted"}
    assert set(results.values()) == {None}


async def test_what_a_source_is_declared_as_stands_with_its_result(tmp_path: Path) -> None:
    @tool(name="chart", effect="read", trust="trusted", data=["phi", "pii"])
    def chart() -> str:
        return "lupus erythematosus"

    @function(name="read", pure=True)
    async def read(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
        del input
        return await context.use(chart)

    workflow = Workflow("care", sequential(read))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        [result] = await events(host, run, "result")
    assert (result.body["trust"], result.body["data"]) == ("trusted", ["phi", "pii"])


LABELS = """
@id("phi-leaves-by-nobody")
forbid (principal, action == Action::"tool.call", resource == Tool::"post")
when { context.labels.contains("phi") || context.labels.contains("secret") };
"""


@tool(name="post", effect="write", on_uncertain="retry")
def post(text: str) -> str:
    """Send something out."""
    return f"sent {text}"


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        ("LUPUS-erythematosus", True),
        ("the key is AKIAIOSFODNN7EXAMPLE", True),
        ("MRN: 00482913", True),
        ("nothing that matters to anybody", False),
    ],
)
async def test_classes_of_data_are_found_by_source_and_by_detector(
    tmp_path: Path, said: str, *, denied: bool
) -> None:
    @tool(name="chart", effect="read", trust="trusted", data=["phi"])
    def chart() -> str:
        return "diagnosis: lupus erythematosus"

    @function(name="tell", pure=True)
    def tell(turn: dict[str, Any]) -> Any:
        says: list[Any] = [use_tool("chart"), use_tool("post", {"text": said}), "done"]
        return says[turn["round"] - 1]

    workflow = Workflow("care", single_agent(tell, tools=[chart, post], name="nurse"))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", labels=LABELS), workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        refused = [one.body["tool"] for one in await events(host, run, "denied")]
    assert refused == (["post"] if denied else [])


async def test_a_short_value_has_a_source_where_it_is_passed_by_reference(tmp_path: Path) -> None:
    @function(name="four", pure=True)
    async def four(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
        del input
        await context.use(read_mail)
        number = context.value(4711)
        return await context.use(transfer, recipient=GOOD, amount=number)

    found = await paid(tmp_path, Workflow("payables", sequential(four)), 4711)
    assert found.provenance["amount"] == "trusted"
    assert found.document["from"]["amount"]["by"][0]["how"] == "reference"
    assert found.provenance["recipient"] == "untrusted"  # whoever has read the mail may have it from there


async def test_an_account_in_two_arguments_is_known_by_both(tmp_path: Path) -> None:
    policies = """
@id("no-stranger-is-paid")
forbid (principal, action == Action::"tool.call", resource == Tool::"split")
when { !(context has sources) || context.sources.contains("untrusted") };
"""

    @tool(name="split", effect="write", on_uncertain="retry")
    def split(bank: str, account: str, amount: int) -> str:
        return f"{amount} to {bank}{account}"

    @function(name="mind", pure=True)
    def mind(turn: dict[str, Any]) -> Any:
        says: list[Any] = [
            use_tool("read_mail"),
            use_tool("split", {"bank": EVIL[:7], "account": EVIL[7:], "amount": 4711}),
            "done",
        ]
        return says[turn["round"] - 1]

    workflow = Workflow("payables", single_agent(mind, tools=[read_mail, split], name="clerk"))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", own=policies), workflow) as host:
        run = await begin(host, workflow, {})
        await ended(host, run)
        [denied] = await events(host, run, "denied")
        found = Traced.read(decode(host.store.payload(run, denied.body["traced"])))
    assert found.provenance == {"bank": "untrusted", "account": "untrusted", "amount": "model"}
    assert found.for_people()["bank"].endswith("with those beside it")


async def test_what_is_too_long_to_be_looked_through_is_as_all_that_came_in(tmp_path: Path) -> None:
    @function(name="order", pure=True)
    async def order(input: dict[str, Any], context: Context) -> Any:  # noqa: A002 - the name of the parameter
        await context.use(read_mail)
        return await context.use(transfer, recipient=input["recipient"] * 20_000, amount=20)

    workflow = Workflow("payables", sequential(order))
    found = await paid(tmp_path, workflow, {"recipient": GOOD})
    assert found.provenance["recipient"] == "untrusted"
    assert "not looked through" in found.for_people()["recipient"]


async def test_a_field_of_an_argument_is_known_by_itself(tmp_path: Path) -> None:
    policies = """
@id("nested")
forbid (principal, action == Action::"tool.call", resource == Tool::"order")
when { !(context has provenance) || context.provenance.to.iban != "trusted" };
"""

    @tool(name="order", effect="write", on_uncertain="retry")
    def order(to: dict[str, str], lines: list[str]) -> str:
        return f"ordered of {to}: {lines}"

    @function(name="buy", pure=True)
    async def buy(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
        mail = await context.use(read_mail)
        return await context.use(order, to={"iban": input["iban"], "note": mail}, lines=[input["iban"], mail])

    workflow = Workflow("orders", sequential(buy))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", own=policies), workflow) as host:
        run = await begin(host, workflow, {"iban": GOOD})
        outcome = await ended(host, run)
        found = await traced(host, run, tool_name="order")
    assert outcome.status == "complete"
    assert found.provenance == {"to": {"iban": "trusted", "note": "untrusted"}, "lines": "untrusted"}


async def test_what_cannot_be_read_any_more_may_have_been_anything(tmp_path: Path) -> None:
    workflow = Workflow("payables", sequential(inbox, human("clerk", role="treasurer"), pays_good))
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow, {"name": "the first input of all"})
        await asked(host, run)
        await parked(host, run)
        [started] = await events(host, run, "run.started")
    with closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite")) as store, store:
        store.execute("DELETE FROM payloads WHERE hex(commitment) = ?", (started.body["input"].upper(),))
    async with governed(tmp_path / "home", gate, workflow) as host:
        await reply(host, await asked(host, run), YES, by=EVE)
        await asked(host, run, "approval")
        found = await traced(host, run, "proposed")
    assert found.provenance == {"recipient": "untrusted", "amount": "untrusted"}


@function(name="pay", pure=True)
async def pays_good(clerk: Any, context: Context) -> str:
    del clerk
    return await context.use(transfer, recipient=GOOD, amount=20)


async def test_policies_that_read_it_by_the_time_of_the_claim_are_heeded(tmp_path: Path) -> None:
    """What was not looked for is not known: it is looked for then, never let pass."""
    workflow = Workflow("payables", sequential(inbox, pays()))
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    free = gate_of(tmp_path / "none")
    async with governed(tmp_path / "home", Turning(free, gate), workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        found = await traced(host, run, "proposed")
    assert found.provenance["recipient"] == "untrusted"


class Turning:
    """Lets the first transfer be decided by one gate, and all after it by another."""

    def __init__(self, first: PolicyGate, then: PolicyGate) -> None:
        self._now, self._then = first, then

    @property
    def version(self) -> str:
        return self._now.version

    def decide(self, action: Action) -> Decision:
        decision = self._now.decide(action)
        if action.subject.name == "transfer":
            self._now = self._then
        return decision

    def traces(self, action: Action) -> frozenset[Tracing]:
        return self._now.traces(action)

    def tracer(self, log: RunLog, run: str) -> Tracer:
        return self._then.tracer(log, run)


def unpay(recipient: str, amount: int) -> str:
    """Take a payment back."""
    return f"{amount} back from {recipient}"


async def test_what_takes_back_is_as_little_trusted_as_anything_that_came_in(tmp_path: Path) -> None:
    policies = """
@id("nothing-untrusted-is-taken-back")
forbid (principal, action == Action::"tool.undo", resource)
unless { context has sources && !context.sources.contains("untrusted") };
"""

    @tool(name="pay", effect="write", on_uncertain="retry", undo=unpay)
    def pay(recipient: str, amount: int) -> str:
        return f"{amount} to {recipient}"

    @function(name="pays", pure=True)
    async def pays_it(input: Any, context: Context) -> str:  # noqa: A002 - the name of the parameter
        del input
        await context.use(read_mail)
        return await context.use(pay, recipient=GOOD, amount=5)

    workflow = Workflow("payables", sequential(pays_it, human("clerk", role="treasurer")))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", own=policies), workflow) as host:
        run = await begin(host, workflow, {})
        await asked(host, run)
        row = await host.store.run(run)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)
        [denied] = await until(lambda: found_denied(host, run))
        found = Traced.read(decode(host.store.payload(run, denied.body["traced"])))
    assert found.provenance == {"recipient": "untrusted", "amount": "untrusted"}


async def found_denied(host: Host, run: str) -> list[Event] | None:
    return await events(host, run, "denied") or None
