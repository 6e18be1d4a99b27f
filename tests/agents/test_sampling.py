"""A server that asks for an answer of a model has one of ours, as a step of the run, or is told that not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import asking
from tests.mediation.support.payables import EVIL, PAYEES, traced, transfer

from connectors.mcp_desk import Desk, at_work, offered, outcome_of
from connectors.mcp_installed import NODE, package
from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.house import asked, begin, ended, events, reply, serving
from providers.replies import Broken, Calls, Says, turns
from ripieno import Context, Function, Limits, Workflow, agent
from ripieno.connectors.mcp.connection import close_connections, connected
from ripieno.connectors.mcp.connector import McpConnector, write_approved
from ripieno.connectors.mcp.server import Elicitation, McpServer, Sampling
from ripieno.connectors.sampler import Samplers
from ripieno.model.errors import DefinitionError, ToolError

MODERN = pytest.mark.parametrize("modern", [True, False], ids=["2026-07-28", "2025-11-25"])
SAYS_FINE = turns(Says("fine", tokens=(40, 7)))


def desk_of(folder: Path, *tools: str, modern: bool = True, sampling: Sampling | None = None) -> Desk:
    sampled = sampling or Sampling(model="chat", max_tokens=20, repeat=True)
    desk = Desk(
        folder, *map(offered, tools), sampling=sampled, elicitation=Elicitation(role="clerk", repeat=True)
    )
    if modern:
        (desk.folder / "protocol.txt").write_text("2026-07-28")
    return desk


@MODERN
async def test_what_it_asks_of_a_model_is_a_step_of_the_run_between_two_calls(
    tmp_path: Path, *, modern: bool
) -> None:
    desk = desk_of(tmp_path, "asks_model", modern=modern)
    workflow = desk.using("asks_model")
    async with asking(SAYS_FINE) as provider, at_work(desk, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        acts = [one.path.partition("/")[2] for one in await events(host, run, "intent")]
        results = await events(host, run, "result")
    assert outcome.output == "gpt-5-mini-2026-01-01: fine (endTurn)"
    assert acts == ["tool/1", "model/1", "tool/2"]
    assert results[1].body["spent"] == {"model_calls": 1, "tokens": 47, "cost": 24}
    [one] = provider.asked
    assert ("Be brief." in one.text, "say hello" in one.text) == (True, True)
    assert one.body["max_completion_tokens"] == 20, "the server asked for 50"


async def test_a_server_as_others_write_it_has_its_answer(tmp_path: Path) -> None:
    server = McpServer(
        name="everything",
        command=[NODE, package("server-everything"), "stdio"],
        sampling=Sampling(model="ollama", repeat=True),
    )
    file = tmp_path / "approved.json"
    async with connected(server) as connection:
        write_approved(file, (await connection.listing()).tools)
    one = McpConnector("everything", server, approved=file).tool("trigger-sampling-request")

    async def act(given: object, context: Context) -> object:
        del given
        return await context.use(one, prompt="what is left", maxTokens=30)

    workflow = Workflow("sampling", Function(act, name="desk", pure=True))
    async with asking(SAYS_FINE) as provider, serving(tmp_path / "home", workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    await close_connections()
    assert outcome.ok, outcome.reason
    assert '"text": "fine"' in outcome.output
    [asked_for] = provider.asked
    assert "context: what is left" in asked_for.text
    assert (asked_for.body["max_completion_tokens"], asked_for.body["temperature"]) == (30, 0.7)


async def test_what_a_model_of_ours_said_comes_back_from_the_server_untrusted(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "asks_model")
    tool = desk.connector().tool("asks_model")
    script = turns(
        Calls([(tool.offered_as, {"text": "whom"})]),
        Calls([("transfer", {"recipient": EVIL, "amount": 1})]),
        Says("paid"),
    )
    workflow = Workflow("payables", agent("clerk", model="chat", tools=[tool, transfer]))
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with (
        asking(lambda one: Says(EVIL) if "Be brief." in one.text else script(one)) as provider,
        governed(desk.home, gate, workflow) as host,
    ):
        run = await begin(host, workflow, "do the mail")
        await reply(host, await asked(host, run), YES, by=EVE)
        outcome = await ended(host, run)
        found = await traced(host, run)
    await close_connections()
    assert outcome.output == "paid", outcome.reason
    assert [len(one.tools) for one in provider.asked] == [2, 0, 2, 2], "no server is lent our tools"
    assert found.provenance["recipient"] == "untrusted"
    assert "desk.asks_model" in str(found.document["from"]["recipient"])


async def test_a_model_and_a_person_that_are_asked_in_one_go_both_answer(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "asks_both")
    workflow = desk.using("asks_both")
    async with asking(SAYS_FINE), at_work(desk, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True, "answer": {"name": "Dora"}})
        assert (await ended(host, run)).output == "Dora: fine"


ASKS_FIRST = """
@id("what-a-server-asks-of-a-model-is-seen-first")
@approval("role:treasurer")
forbid (principal, action == Action::"model.call", resource == Model::"openai:gpt-5-mini")
when { !(context has sources) || context.sources.contains("untrusted") };
"""


@pytest.mark.parametrize("approval", [True, False], ids=["asked", "denied"])
async def test_policy_decides_by_where_the_prompt_comes_from(tmp_path: Path, *, approval: bool) -> None:
    desk = desk_of(tmp_path, "asks_model")
    workflow = desk.using("asks_model")
    rule = ASKS_FIRST if approval else ASKS_FIRST.replace('@approval("role:treasurer")', "")
    gate = gate_of(tmp_path / "policies", own=rule)
    async with asking(SAYS_FINE) as provider, governed(desk.home, gate, workflow) as host:
        run = await begin(host, workflow)
        if approval:
            question = await asked(host, run)
            assert (question.role, provider.asked) == ("treasurer", [])
            await reply(host, question, YES, by=EVE)
        outcome = await ended(host, run)
    await close_connections()
    assert len(provider.asked) == (1 if approval else 0)
    if approval:
        assert "fine" in outcome.output
    else:
        assert "what-a-server-asks-of-a-model-is-seen-first" in str(outcome.reason)
        assert len(desk.asked_for("tools/call")) == 1, "it is not called again in vain"


async def test_a_budget_without_room_for_it_ends_the_run_and_no_model_is_asked(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "asks_model")
    one = desk.connector().tool("asks_model")

    async def act(given: object, context: Context) -> object:
        del given
        return await context.use(one, text="hello")

    workflow = Workflow("using", Function(act, name="desk", pure=True), limits=Limits(tokens=100))
    async with asking(SAYS_FINE) as provider, at_work(desk, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.status == "partial"
    assert "tokens" in str(outcome.reason)
    assert provider.asked == []


async def test_what_a_model_cannot_say_fails_the_call_as_any_request_does(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "asks_model")
    async with asking(turns(Broken(400, "no"))) as provider:
        outcome, _ = await outcome_of(desk, desk.using("asks_model"))
    assert outcome.status == "failed"
    assert "openai:gpt-5-mini" in str(outcome.reason)
    assert len(provider.asked) == 1


async def test_a_model_that_there_is_not_is_named(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "asks_model", sampling=Sampling(model="nobody"))
    outcome, _ = await outcome_of(desk, desk.using("asks_model"))
    assert "'nobody'" in str(outcome.reason)


@MODERN
@pytest.mark.parametrize(
    ("misdeed", "said"),
    [
        ("samples_with_tools", "a model that calls tools"),
        ("samples_at_length", "bytes, and may have 1,000"),
        ("samples_in_vain", "more than the 2 answers of a model that it may have"),
    ],
)
async def test_what_it_may_not_ask_for_is_refused(
    tmp_path: Path, misdeed: str, said: str, *, modern: bool
) -> None:
    sampling = Sampling(model="chat", times=2, max_bytes=1000, repeat=True)
    desk = desk_of(tmp_path, misdeed, modern=modern, sampling=sampling)
    async with asking(SAYS_FINE) as provider:
        outcome, _ = await outcome_of(desk, desk.using(misdeed))
    assert outcome.status == "failed"
    assert said in str(outcome.reason)
    assert len(provider.asked) == (2 if misdeed == "samples_in_vain" else 0)


async def test_a_write_is_not_made_again_with_an_answer_unless_the_project_says_so(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "asks_model", modern=False, sampling=Sampling(model="chat"))
    async with asking(SAYS_FINE) as provider:
        outcome, _ = await outcome_of(desk, desk.using("asks_model"))
        assert "is not made again" in str(outcome.reason)
        assert provider.asked == []
        again = desk.using("asks_model", "read")
        assert "fine" in (await outcome_of(desk, again))[0].output


async def test_undeclared_no_model_is_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, offered("asks_model"))
    (desk.folder / "protocol.txt").write_text("2026-07-28")
    outcome, _ = await outcome_of(desk, desk.using("asks_model"))
    assert "it asks for an answer of a model, and none is configured for it" in str(outcome.reason)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": ""}, "expected a model"),
        ({"model": "chat", "times": 0}, "times must be at least 1"),
        ({"model": "chat", "max_tokens": "many"}, "max_tokens must be at least 1, got 'many'"),
        ({"model": "chat", "timeout": "soon"}, "soon"),
        ({"models": "chat"}, "models"),
    ],
)
def test_what_is_declared_wrongly_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        McpServer.read("desk", {"command": ["desk"], "sampling": settings})


def test_the_model_is_part_of_what_runs_are_pinned_to() -> None:
    server = McpServer.read("desk", {"command": ["desk"], "sampling": {"model": "chat"}})
    assert server.describe()["sampling"] == {"model": "chat", "max_tokens": 1000}


def test_a_program_that_asks_no_models_says_so() -> None:
    with pytest.raises(ToolError, match="nothing that asks models is loaded"):
        _ = Samplers().known
