"""Several models in order: who is asked next, who is left alone, and what a project declares of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import asking

from patterns.running import Running
from providers.replies import Asked, Broken, Reply, Says
from ripieno import agent
from ripieno.model.errors import DefinitionError, SettingsError
from ripieno.participants.llm.models import MODELS, in_project
from ripieno.resilience.policy import Breaker, RateLimit, Retry
from ripieno.workflows.load import load_text

TWO: Mapping[str, Any] = {"chat": {"model": "first"}, "responses": {"model": "second", "api": "chat"}}
SPENT = Broken(400, "You have reached your specified API usage limits. You will regain access on 2099-01-01")
SLOW_DOWN = Broken(429, "slow down", headers={"retry-after": "600"})


def by_model(**replies: Reply) -> Callable[[Asked], Reply]:
    return lambda asked: replies[asked.model]


def sage(**more: Any) -> Any:
    return agent("sage", model=["chat", "responses"], **more)


async def states(running: Running) -> list[tuple[str, str, Any]]:
    stream = await running.host.store.tenant_stream("default")
    found = await running.host.store.events(stream)
    return [
        (event.kind, event.body["target"], event.body.get("failure"))
        for event in found
        if event.kind.startswith("breaker.")
    ]


async def test_the_next_model_answers_and_the_first_is_left_alone_as_it_asked(
    running: Running,
) -> None:
    async with asking(by_model(first=SLOW_DOWN, second=Says("hello")), **TWO) as provider:
        runs = [await running.begin(sage(), "hi") for _ in range(2)]
        assert [(await running.ended(run)).output for run in runs] == ["hello", "hello"]
        await running.run(sage(), "hi")
        choices = await running.events(runs[0], "choice")
    assert [asked.model for asked in provider.asked].count("second") == 3
    assert [asked.model for asked in provider.asked][-1:] == ["second"]
    assert {event.body["chosen"] for event in choices} == {"responses"}
    assert (await states(running))[0] == ("breaker.opened", "openai:first", "rate_limited")


async def test_a_model_that_was_asked_second_and_failed_is_left_alone_as_well(running: Running) -> None:
    async with asking(by_model(first=SLOW_DOWN, second=SLOW_DOWN), **TWO) as provider:
        patient = await running.begin(sage(), "hi")
        assert await running.rests(patient) == "waiting", "the last one is waited for, at no cost"
    assert [asked.model for asked in provider.asked] == ["first", "second"]
    assert [state[1] for state in await states(running)] == ["openai:first", "openai:second"]


async def test_a_budget_that_is_spent_is_told_as_400_cools_and_asks_nobody_else(running: Running) -> None:
    async with asking(by_model(first=SPENT, second=Says("hello")), **TWO) as provider:
        outcomes = [await running.run(sage(), "hi") for _ in range(2)]
    assert [(one.status, one.failure) for one in outcomes] == [("failed", "budget_exhausted")] * 2
    assert [asked.model for asked in provider.asked] == ["first"], "the second run does not even ask"
    assert await states(running) == [("breaker.opened", "openai:first", "budget_exhausted")]


async def test_a_budget_that_is_spent_is_passed_on_where_that_is_declared(running: Running) -> None:
    async with asking(by_model(first=SPENT, second=Says("hello")), **TWO):
        assert (await running.run(sage(fall_back_on=["budget_exhausted"]), "hi")).output == "hello"


def test_what_is_declared_stands_in_the_definition_in_both_forms() -> None:
    document = sage(fall_back_on=["timeout"]).describe()["agent"]
    assert document == {"model": ["chat", "responses"], "fall_back_on": ["timeout"]}
    text = (
        "workflow: ask\nparticipants: {sage: {agent: {model: [chat, responses], fall_back_on: [timeout]}}}\n"
        "flow: sage\n"
    )
    (found,) = [one for one in load_text(text, folder=Path()).workflow.everyone() if one.name == "sage"]
    assert found.describe()["agent"] == document
    for wrong in ([], ["chat", "chat"]):
        with pytest.raises(DefinitionError, match="several to be asked in order"):
            agent("sage", model=wrong)


PROJECT = """
[resilience.openai]
limits = [{requests = 500, tokens = 200000}]
timeouts = {first_byte = "20s"}

[models."openai:gpt-5".resilience]
retry = {attempts = 5}
limits = [{tokens = 1000}]

[models.house]
provider = "openai"
model = "gpt-5-mini"
"""


def test_a_project_declares_it_of_models_and_providers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ripieno.toml").write_text(PROJECT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    MODELS.declare(None)
    shared = RateLimit(requests=500, tokens=200_000)
    found = MODELS.find("openai:gpt-5").resilience
    assert (found.system, found.target, found.retry) == ("openai", "openai:gpt-5", Retry(attempts=5))
    assert found.limits == (shared, RateLimit(tokens=1000, of="target"))
    assert found.breaker == Breaker(at_once=("auth", "budget_exhausted"))
    for name, target in (("house", "openai:gpt-5-mini"), ("openai:gpt-4", "openai:gpt-4")):
        found = MODELS.find(name).resilience
        assert (found.system, found.target, found.limits) == ("openai", target, (shared,))
    assert MODELS.find("anthropic:claude-sonnet-4-5").resilience.limits == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[resilience.opena]\n", "no provider of models is called 'opena'.*did you mean 'openai'"),
        ("[resilience.openai]\nretries = 3\n", "nothing is called 'retries'.*did you mean 'retry'"),
        ("[resilience.openai]\nretry = 3\n", "retry: expected a table, got 3"),
        ("[resilience.openai]\nlimits = 3\n", "limits: expected a list of tables"),
        ("[resilience.openai]\nbulkhead = {queue = 1}\n", "at_once"),
        ("[resilience.openai]\nretry = {attempts = 0}\n", "attempts must be a whole number from 1"),
        (
            '[models."openai:gpt-5".resilience]\nhedge = {after = "soon"}\n',
            "hedge: expected a duration",
        ),
        ("resilience = 3\n", "expected a table of providers"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "ripieno.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"ripieno.toml.*(?s:{said})"):
        in_project(tmp_path)
