"""Agents of LangGraph and the Microsoft Agent Framework in a workflow; their models say what a test says.

In an environment of their own, with the frameworks as they are published: `make frameworks`.
"""

# the frameworks are not where types are checked, and so nothing of theirs is known there
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
)
from agent_framework import (
    tool as af_tool,
)
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool as lc_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import create_react_agent

from ripieno import Limits, Outcome, Workflow, human, open_host, tool
from ripieno.cli.importing import import_agent
from ripieno.cli.options import Options
from ripieno.journal.records import RunFilter
from ripieno.kernel import commands
from ripieno.kernel.host import Host
from ripieno.model.principal import Principal
from ripieno.participants.frameworks import agent_framework_agent, langgraph_agent
from ripieno.workflows.load import load_workflow

ME = Principal("person", "me", every_role=True)
BOOKED: list[str] = []
ASKED: list[Any] = []
SCRIPT: list[Any] = []
"""What the models say next: `(tool, arguments)` or a text; an exception is raised."""


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in (BOOKED, ASKED, SCRIPT):
        one.clear()
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "data"))


def said() -> Any:
    found = SCRIPT.pop(0)
    if isinstance(found, BaseException):
        raise found
    return found


@tool(effect="write", on_uncertain="retry")
def book(ward: str) -> str:
    """Book a bed on a ward."""
    BOOKED.append(ward)
    return f"bed on {ward}"


# -- LangGraph -------------------------------------------------------------------------------------------


class Scripted(BaseChatModel):
    """Says what the script says."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self.bind(tools=[one.name for one in tools], **kwargs)

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        ASKED.append([message.content for message in messages])
        found = said()
        calls = (
            [] if isinstance(found, str) else [{"id": f"c{len(ASKED)}", "name": found[0], "args": found[1]}]
        )
        usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
        text = found if isinstance(found, str) else ""
        message = AIMessage(text, tool_calls=calls, usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


def react(model: Any, tools: list[Any]) -> Any:
    return create_react_agent(model, tools)


def keeps(model: Any, tools: list[Any]) -> Any:
    return create_react_agent(model, tools, checkpointer=InMemorySaver())


@lc_tool
def register(ward: str) -> str:
    """Register somebody on a ward."""
    BOOKED.append(f"register {ward}")
    return "registered"


def of_langgraph(*tools: Any, build: Any = react, **settings: Any) -> Any:
    return langgraph_agent(
        "triage", build, model=Scripted(), tools=tools, model_name="scripted:one", **settings
    )


# -- the Agent Framework ---------------------------------------------------------------------------------


class ScriptedClient(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """Says what the script says."""

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **kwargs: Any) -> Any:
        async def answer() -> ChatResponse:
            ASKED.append([json.dumps(message.to_dict(), default=str) for message in messages])
            found = said()
            if isinstance(found, str):
                contents = [Content.from_text(found)]
            else:
                contents = [Content.from_function_call(f"c{len(ASKED)}", found[0], arguments=found[1])]
            usage = {"input_token_count": 5, "output_token_count": 2, "total_token_count": 7}
            return ChatResponse(messages=[Message(role="assistant", contents=contents)], usage_details=usage)

        return answer()


@af_tool
def enrol(ward: str) -> str:
    """Enrol somebody on a ward."""
    BOOKED.append(f"enrol {ward}")
    return "enrolled"


def made() -> Agent:
    return Agent(ScriptedClient(), instructions="place people", tools=[enrol])


def of_framework(*tools: Any, **settings: Any) -> Any:
    return agent_framework_agent("triage", made, tools=tools, model_name="scripted:one", **settings)


BOTH = pytest.mark.parametrize("agent", [of_langgraph, of_framework], ids=["langgraph", "agent-framework"])


async def of(host: Host, kind: str, run: str) -> list[Any]:
    return [event for event in await host.store.events(run) if event.kind == kind]


async def ran(workflow: Workflow, given: Any = "where?") -> tuple[Outcome, dict[str, list[Any]]]:
    async with open_host() as host:
        outcome = await workflow.run(given, principal=ME)
        [row] = await host.store.runs(RunFilter())
        return outcome, {kind: await of(host, kind, row.id) for kind in ("intent", "result", "denied")}


@BOTH
async def test_each_request_and_each_call_is_a_step_through_the_gate(agent: Any) -> None:
    SCRIPT.extend([("book", {"ward": "west"}), "on west"])
    outcome, events = await ran(Workflow("care", agent(book)))
    assert (outcome.status, outcome.output, BOOKED) == ("complete", "on west", ["west"]), outcome.reason
    assert [one.body["tool"] for one in events["intent"]] == ["scripted:one", "book", "scripted:one"]
    assert [one.body.get("spent") for one in events["result"]] == [
        {"model_calls": 1, "tokens": 7},
        None,
        {"model_calls": 1, "tokens": 7},
    ]
    assert any("bed on west" in one for one in ASKED[1]), "what the tool gave came back to the model"


@pytest.mark.parametrize(
    ("agent", "own", "name"),
    [
        (lambda: of_langgraph(register), "register", "triage.register"),
        (of_framework, "enrol", "triage.enrol"),
    ],
    ids=["langgraph", "agent-framework"],
)
async def test_a_tool_that_the_framework_brings_is_governed_as_one_that_writes(
    agent: Any, own: str, name: str
) -> None:
    SCRIPT.extend([(own, {"ward": "east"}), "done"])
    outcome, events = await ran(Workflow("care", agent()))
    assert (outcome.output, BOOKED) == ("done", [f"{own} east"]), outcome.reason
    [call] = [one.body for one in events["intent"] if one.body["tool"] == name]
    assert (call["effect"], call["on_uncertain"]) == ("write", "ask")


@BOTH
async def test_in_a_shadow_nothing_is_done(agent: Any) -> None:
    SCRIPT.extend([("book", {"ward": "west"}), "on west"])
    workflow = Workflow("care", agent(book).mode("shadow", human("clerk", role="clerk")))
    async with open_host() as host:
        handle = await workflow.start("where?", principal=ME)
        row = await question_of(host, handle.run)
        await commands.answer(host.store, host.clock, row, by=ME, value={"output": "east"})
        host.ring()
        outcome = await handle.outcome()
    assert (outcome.output, BOOKED) == ("east", [])


async def question_of(host: Host, run: str) -> Any:
    async with asyncio.timeout(20):
        while not (rows := [one for one in await host.store.questions(run=run) if one.state == "open"]):  # noqa: ASYNC110 - it is on disk
            await asyncio.sleep(0.01)
    return rows[0]


@BOTH
async def test_a_run_that_waits_goes_on_in_another_process_and_asks_nothing_again(agent: Any) -> None:
    SCRIPT.extend([("book", {"ward": "west"}), "on west"])
    workflow = Workflow("care", agent(book).mode("suggest", human("clerk", role="clerk")))
    async with open_host() as host:
        handle = await workflow.start("where?", principal=ME)
        await question_of(host, handle.run)
        await host.rest(handle.run)
    assert (len(ASKED), BOOKED) == (1, [])
    async with open_host() as host:
        host.register(workflow)
        for _ in range(2):  # the booking, and then the whole
            row = await question_of(host, handle.run)
            await commands.answer(host.store, host.clock, row, by=ME, value={"proceed": True})
            host.ring()
            await host.rest(handle.run)
        outcome = await handle.outcome()
    assert (outcome.output, BOOKED, len(ASKED)) == ("on west", ["west"], 2)


@BOTH
async def test_a_model_is_asked_no_oftener_than_it_may_be(agent: Any) -> None:
    SCRIPT.extend([("book", {"ward": f"w{n}"}) for n in range(9)])
    outcome, _ = await ran(Workflow("care", agent(book, requests=3)))
    assert outcome.status == "failed"
    assert "3 times" in (outcome.reason or "")
    assert len(ASKED) == 3


@BOTH
async def test_what_it_spends_counts_against_limits(agent: Any) -> None:
    SCRIPT.extend([("book", {"ward": f"w{n}"}) for n in range(9)])
    workflow = Workflow("care", agent(book), limits=Limits(tokens=10))
    outcome, _ = await ran(workflow)
    assert outcome.status in ("partial", "escalated")
    assert len(ASKED) <= 2


async def test_a_graph_that_keeps_checkpoints_is_refused() -> None:
    outcome, _ = await ran(Workflow("care", of_langgraph(build=keeps)))
    assert outcome.status == "failed"
    assert "checkpoints" in (outcome.reason or "")


# -- bringing them under control -------------------------------------------------------------------------


MODULE = """
from test_frameworks import Scripted, ScriptedClient, enrol, react, register, Agent
graph = react(Scripted(), [register])
agent = Agent(ScriptedClient(), instructions="place people", tools=[enrol])
"""


@pytest.mark.parametrize(
    ("what", "tool_", "beyond"),
    [
        ("graph", "register", "register: its graph calls it itself"),
        ("agent", "enrol", "what its functions reach by themselves, once they are called"),
    ],
)
async def test_an_object_is_wrapped_and_in_a_shadow_at_first(  # noqa: PLR0917 - pytest gives them
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    tool_: str,
    beyond: str,
) -> None:
    module = f"ward_{what}"
    (tmp_path / f"{module}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    options = Options(output="json")
    await asyncio.to_thread(
        import_agent, f"{module}:{what}", role="clerk", name=f"{what}-one", options=options
    )
    found = json.loads(capsys.readouterr().out)
    assert found["can"] == [f"call {tool_}"]
    assert beyond in found["beyond_the_gate"]
    workflow = load_workflow(str(tmp_path / f"{what}-one.yaml"))
    SCRIPT.extend([(tool_, {"ward": "west"}), "done"])
    async with open_host() as host:
        handle = await workflow.start("where?", principal=ME)
        row = await question_of(host, handle.run)
        await commands.answer(host.store, host.clock, row, by=ME, value={"output": "east"})
        host.ring()
        outcome = await handle.outcome()
    assert (outcome.output, BOOKED) == ("east", [])
