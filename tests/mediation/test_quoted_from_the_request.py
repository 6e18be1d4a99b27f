"""What is too short to be told from chance is trusted where it is quoted from what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.mediation.support.payables import read_mail, traced

from kernel.scenarios.governed import NO, gate_of, governed
from kernel.scenarios.house import asked, begin, ended, reply, until
from ripieno import (
    Context,
    Host,
    InvalidError,
    Outcome,
    Tool,
    Workflow,
    function,
    quoted,
    sequential,
    single_agent,
    subworkflow,
    use_tool,
)
from ripieno.journal.records import QuestionRow
from ripieno.model.principal import Principal

ANN = Principal("person", "ann", roles=frozenset({"approver"}))
SENT: list[tuple[str, str]] = []
REQUEST = {"text": "Read the mail and tell Bob what Eve wants."}


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    SENT.clear()


async def send(to: str, text: str) -> str:
    """Send a message."""
    SENT.append((to, text))
    return "sent"


SEND = Tool(send, name="send", on_uncertain="retry", content=["text"])


def clerk(to: Any, text: Any = "a word", **declared: Any) -> Workflow:
    """Give a workflow in which an agent reads a mail and sends something to somebody."""
    turns: list[Any] = [use_tool("read_mail"), use_tool("send", {"to": to, "text": text})]

    @function(name="mind", pure=True)
    def mind(turn: dict[str, Any]) -> Any:
        return turns[turn["round"] - 1] if turn["round"] <= len(turns) else turn["results"][0]

    agent = single_agent(mind, tools=[read_mail, SEND], name="clerk")
    return Workflow("desk", agent, policy="strict", **declared)


async def waiting(host: Host) -> QuestionRow | None:
    """Give the task that waits for a person in whichever run."""
    found = [one for one in await host.store.questions(run=None) if one.kind == "task"]
    return found[0] if found else None


async def outcome_of(tmp_path: Path, workflow: Workflow, given: Any = REQUEST) -> Outcome:
    """Run it; nobody may be asked."""
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, given)
        assert await host.store.questions(run=run) == []
        return await ended(host, run)


async def test_a_name_that_the_request_holds_needs_nobodys_yes_once_it_is_quoted(tmp_path: Path) -> None:
    workflow = clerk({"quoted": "Bob"})
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, REQUEST)
        assert (await ended(host, run)).status == "complete"
        found = await traced(host, run, tool_name="send")
    assert SENT == [("Bob", "a word")]
    assert found.provenance == {"to": "trusted", "text": "model"}
    assert found.document["from"]["to"]["by"] == [
        {
            "how": "reference",
            "trust": "trusted",
            "what": "input by person:op",
            "run": run,
            "event": 1,
            "path": "",
        }
    ]


@pytest.mark.parametrize("to", ["Bob", {"quoted": "Bob", "as": "friend"}], ids=["not quoted", "no quotation"])
async def test_without_a_quotation_it_is_the_agents_own(tmp_path: Path, to: Any) -> None:
    workflow = clerk(to if isinstance(to, str) else "Bob", to if isinstance(to, dict) else "a word")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, REQUEST)
        if isinstance(to, str):
            await reply(host, await asked(host, run), NO, by=ANN)
        await ended(host, run)
    assert SENT == []


@pytest.mark.parametrize("to", ["Mallory", "bob", "Bo", "GB33BUKB20201555555555"])
async def test_what_the_request_does_not_hold_cannot_be_quoted(tmp_path: Path, to: str) -> None:
    outcome = await outcome_of(tmp_path, clerk({"quoted": to}))
    assert SENT == []
    assert outcome.output["error"] is True
    assert f"send: to: {to!r} does not stand in what the run was asked to do" in str(outcome.output)


async def test_a_request_that_nobody_answers_for_makes_nothing_trusted(tmp_path: Path) -> None:
    workflow = clerk({"quoted": "Bob"}, input_trust="untrusted")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, REQUEST)
        await reply(host, await asked(host, run), NO, by=ANN)
        await ended(host, run)
    assert SENT == []


async def test_nor_does_what_an_agent_gave_to_a_run_of_its_own(tmp_path: Path) -> None:
    """A child's request is as little trusted as what its parent put into it."""
    inner = clerk({"quoted": "Eve"})

    @function(name="outer", pure=True)
    async def outer(context: Context) -> Any:
        mail = await context.use(read_mail)
        return {"text": f"Tell Eve: {mail}"}

    workflow = Workflow("outer", sequential(outer, subworkflow(inner, input="previous")), policy="strict")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow, inner) as host:
        run = await begin(host, workflow, {"text": "go by the mail"})
        question = await until(lambda: waiting(host))
        assert question.run != run
        await reply(host, question, NO, by=ANN)
        await ended(host, run)
    assert SENT == []


async def test_what_an_approver_puts_in_its_place_is_theirs_and_no_quotation(tmp_path: Path) -> None:
    workflow = clerk({"quoted": "Bob"}, input_trust="untrusted")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, REQUEST)
        changed = {"proceed": True, "arguments": {"to": "Cleo Palmer", "text": "a word"}}
        await reply(host, await asked(host, run), changed, by=ANN)
        await ended(host, run)
        found = await traced(host, run, tool_name="send")
    assert SENT == [("Cleo Palmer", "a word")]
    assert found.provenance["to"] == "trusted"
    assert found.document["from"]["to"]["by"][0]["what"] == "answer of person:ann"


async def test_code_quotes_as_agents_do_and_hears_of_what_it_may_not(tmp_path: Path) -> None:
    heard: list[str] = []

    @function(name="tell", pure=True)
    async def tell(context: Context) -> str:
        await context.use(read_mail)
        try:
            await context.use(SEND, to=quoted("Mallory"), text="a word")
        except InvalidError as error:
            heard.append(error.message)
        return await context.use(SEND, to=quoted("Bob"), text="a word of thanks")

    outcome = await outcome_of(tmp_path, Workflow("desk", tell, policy="strict"))
    assert outcome.status == "complete"
    assert SENT == [("Bob", "a word of thanks")]
    assert heard == ["send: to: 'Mallory' does not stand in what the run was asked to do"]
