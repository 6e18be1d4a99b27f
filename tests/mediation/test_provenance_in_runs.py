"""Where the values of acts come from, in real runs: found where a policy reads it, recorded, asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.mediation.support.payables import (
    EVIL,
    GOOD,
    MADE,
    PAYEES,
    again,
    agent_of,
    approve,
    book,
    folder,
    inbox,
    paid,
    payee_in,
    pays,
    traced,
    transfer,
)

from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, contents, ended, events, parked, reply
from ripieno import (
    Context,
    Outcome,
    Task,
    Workflow,
    function,
    group_chat,
    human,
    rounds,
    sequential,
    subworkflow,
    use_tool,
)
from ripieno.kernel.forks import fork
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant


@pytest.mark.parametrize(
    ("recipient", "trust"),
    [
        (EVIL, "untrusted"),
        (EVIL.lower(), "untrusted"),
        ("GB33-BUKB-2020-1555-5555-55", "untrusted"),
        (GOOD, "trusted"),
        ("FR7630006000011234567890189", "model"),
    ],
)
async def test_an_argument_of_an_agent_is_as_trusted_as_where_it_comes_from(
    tmp_path: Path, recipient: str, trust: str
) -> None:
    MADE.clear()
    clerk = agent_of(
        [use_tool("read_mail"), use_tool("payees", {"name": "Blum & Co"})],
        use_tool("transfer", {"recipient": recipient, "amount": 4711}),
        "done",
    )
    workflow = Workflow("payables", clerk)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", payees=PAYEES), workflow) as host:
        run = await begin(host, workflow, {"text": "do the mail"})
        if trust != "trusted":
            question = await asked(host, run)
            assert not MADE
            await reply(host, question, YES, by=EVE)
        outcome = await ended(host, run)
        found = await traced(host, run)
    assert (outcome.status, MADE) == ("complete", [{"recipient": recipient, "amount": 4711}])
    assert found.provenance["recipient"] == trust
    assert found.provenance["amount"] == "model"  # too short to be told from chance


async def test_code_gives_on_what_it_read(tmp_path: Path) -> None:
    @function(pure=True)
    async def pay(input: dict[str, Any], context: Context) -> str:  # noqa: A002 - the name of the parameter
        return await context.use(transfer, recipient=input["recipient"], amount=input["amount"])

    found = await paid(tmp_path, Workflow("payables", sequential(pay)), {"recipient": EVIL, "amount": 5})
    assert found.provenance == {"recipient": "trusted", "amount": "trusted"}
    assert (found.sources, found.shown) == (("trusted",), ("trusted",))


async def test_an_input_from_outside_is_untrusted_where_the_workflow_says_so(tmp_path: Path) -> None:
    @function(pure=True)
    async def pay(input: dict[str, Any], context: Context) -> str:  # noqa: A002 - the name of the parameter
        return await context.use(transfer, recipient=input["recipient"], amount=input["amount"])

    workflow = Workflow("payables", sequential(pay), input_trust="untrusted", data=["financial"])
    found = await paid(tmp_path, workflow, {"recipient": EVIL, "amount": 5})
    assert found.provenance == {"recipient": "untrusted", "amount": "untrusted"}
    assert found.labels == ("financial",)


async def test_what_participants_pass_on_keeps_its_source_and_the_rest_the_least_trusted_of_what_they_read(
    tmp_path: Path,
) -> None:
    found = await paid(tmp_path, Workflow("payables", sequential(inbox, again, pays())))
    assert found.provenance == {"recipient": "untrusted", "amount": "untrusted"}
    found = await paid(folder(tmp_path, "2"), Workflow("payables", sequential(book, again, pays())))
    assert found.provenance == {"recipient": "trusted", "amount": "trusted"}


async def test_what_an_undeclared_function_brings_is_untrusted_and_what_it_gives_back_is_as_it_was(
    tmp_path: Path,
) -> None:
    @function(name="fetch")
    def fetch(input: Any) -> Any:  # noqa: A002 - the name of the parameter
        return {"account": EVIL, "given": input}

    @function(name="fetch", trust="trusted")
    def known(input: Any) -> Any:  # noqa: A002 - the name of the parameter
        return {"account": EVIL, "given": input}

    @function(name="fetch", trust="trusted")
    def echo(previous: Any) -> Any:
        return {"account": payee_in(previous)}

    for number, (stages, trust) in enumerate(
        [((fetch, pays()), "untrusted"), ((known, pays()), "trusted"), ((inbox, echo, pays()), "untrusted")]
    ):
        found = await paid(folder(tmp_path, str(number)), Workflow("payables", sequential(*stages)))
        assert found.provenance["recipient"] == trust, number


@pytest.mark.parametrize(("before", "trust"), [(inbox, "untrusted"), (book, "trusted")], ids=["mail", "book"])
async def test_a_speaker_in_a_chat_gives_on_what_its_turn_shows_it(
    tmp_path: Path, before: Any, trust: str
) -> None:
    @function(name="payer", pure=True)
    async def payer(turn: dict[str, Any], context: Context) -> str:
        return await context.use(transfer, recipient=payee_in(turn), amount=20)

    workflow = Workflow("payables", group_chat(before, payer, until=rounds(1)))
    found = await paid(tmp_path, workflow, ends="partial")
    assert found.provenance == {"recipient": trust, "amount": trust}


class Remembering(BaseParticipant):
    """Reads what its task does not hold: the input that was there before another took its place."""

    kind = "remembering"

    def __init__(self, inner: BaseParticipant | None = None) -> None:
        super().__init__("outer" if inner else "inner")
        self.inner = inner
        self.first: Value | None = None

    def children(self) -> Sequence[BaseParticipant]:
        return () if self.inner is None else (self.inner,)

    def describe(self) -> dict[str, Any]:
        return {}

    def reads(self, task: Task) -> Mapping[str, str]:
        return {"input": task.input.ref if self.first is None else self.first.ref}

    async def act(self, task: Task, context: Context) -> Outcome:
        if self.inner is None:
            assert self.first is not None
            paying = await context.use(transfer, recipient=payee_in(self.first.decode()), amount=20)
            return Outcome("complete", paying)
        assert isinstance(self.inner, Remembering)
        self.inner.first = task.input
        return await context.call(self.inner, replace(task, input=context.value({"nothing": "of it"})))


async def test_what_is_read_and_stands_in_no_task_is_known_by_where_it_is_stored(tmp_path: Path) -> None:
    workflow = Workflow("payables", Remembering(Remembering()), input_trust="untrusted")
    found = await paid(tmp_path, workflow, {"account": EVIL})
    assert found.provenance["recipient"] == "untrusted"
    assert found.provenance["amount"] == "untrusted"  # matches nothing: as the least trusted that was read


async def test_what_a_person_says_is_theirs(tmp_path: Path) -> None:
    clerk = human("clerk", role="treasurer", form={"type": "object"})
    workflow = Workflow("payables", sequential(inbox, clerk, pays()))
    gate = gate_of(tmp_path / "policies", payees=PAYEES.replace('!= "trusted"', '== "untrusted"'))
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"iban": EVIL}, by=EVE)
        assert (await ended(host, run)).status == "complete"
        found = await traced(host, run)
    assert found.provenance["recipient"] == "vouched"
    by = {one["what"] for one in found.document["from"]["recipient"]["by"]}
    assert by >= {"tool read_mail", f"answer of {EVE.id}"}


async def test_what_an_approver_leaves_as_it_was_is_not_theirs(tmp_path: Path) -> None:
    """Else whoever changes the amount would vouch for the payee."""
    policies = (
        PAYEES
        + """
@id("two-see-it")
@approval("2 of role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"transfer");
"""
    )
    workflow = Workflow("payables", sequential(inbox, pays()))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", payees=policies), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        edit = {**YES, "arguments": {"recipient": EVIL, "amount": 31415926535}}
        await reply(host, question, edit, by=EVE)
        await asked(host, run, "approval/2")
        about = contents(host, (await events(host, run, "asked"))[-1], "content")["about"]
        found = await traced(host, run, "proposed")
    assert found.provenance == {"recipient": "untrusted", "amount": "trusted"}
    assert about["sources"]["recipient"].startswith(
        "untrusted: tool read_mail (untrusted), step sequential@1/"
    )
    assert f"answer of {EVE.id} (trusted)" in about["sources"]["amount"]


async def test_labels_go_into_child_runs_and_come_back(tmp_path: Path) -> None:
    inner = Workflow("inner", sequential(again, name="within"))
    outer = Workflow("outer", sequential(inbox, subworkflow(inner, input="previous"), pays()))
    assert (await paid(tmp_path, outer)).provenance["recipient"] == "untrusted"
    safe = Workflow("outer", sequential(book, subworkflow(inner, input="previous"), pays()))
    assert (await paid(folder(tmp_path, "2"), safe)).provenance["recipient"] == "trusted"


async def test_a_child_run_knows_where_its_input_came_from(tmp_path: Path) -> None:
    inner = Workflow("inner", sequential(pay_input, name="within"))
    outer = Workflow("outer", sequential(inbox, subworkflow(inner, input="previous")))
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with governed(tmp_path / "home", gate, outer) as host:
        run = await begin(host, outer)
        await approve(host, run)
        [child] = [one for one in await events(host, run, "asked") if "child" in one.body]
        found = await traced(host, child.body["child"])
    assert found.provenance["recipient"] == "untrusted"
    [by] = found.document["from"]["recipient"]["by"]
    assert by["what"] == f"input from run {run[-6:]}"


@function(name="pay_input", pure=True)
async def pay_input(input: Any, context: Context) -> str:  # noqa: A002 - the name of the parameter
    return await context.use(transfer, recipient=payee_in(input), amount=20)


@pytest.mark.parametrize("value", [None, {"other": "input"}], ids=["the same input", "another input"])
async def test_a_fork_takes_labels_over(tmp_path: Path, value: Any) -> None:
    workflow = Workflow("payables", sequential(inbox, again, pays()))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", payees=PAYEES), workflow) as host:
        run = await begin(host, workflow, {"text": "the first input"})
        await asked(host, run)
        await parked(host, run)
        first = await host.store.run(run)
        row = await fork(host.store, host.clock, first, by=OPERATOR, at=first.head_seq, value=value)
        host.ring()
        question = await asked(host, row.id)
        imported = await events(host, row.id, "imported")
        await reply(host, question, YES, by=EVE)
        await ended(host, row.id)
        found = await traced(host, row.id)
    assert imported
    assert found.provenance == {"recipient": "untrusted", "amount": "untrusted"}


async def test_a_restart_changes_nothing_and_what_was_recorded_is_read(tmp_path: Path) -> None:
    workflow = Workflow("payables", sequential(inbox, again, pays()))
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with governed(tmp_path / "home", gate, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await parked(host, run)
        before = await traced(host, run, "proposed")
    async with governed(tmp_path / "home", gate, workflow) as host:
        await reply(host, await asked(host, run), YES, by=EVE)
        await ended(host, run)
        after = await traced(host, run)
    assert before.document == after.document
