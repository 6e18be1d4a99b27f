"""Agents speak with each provider through its real client, over its real wire format."""

from __future__ import annotations

from typing import Any

import pytest
from asking import LOCAL, asking
from pydantic import BaseModel

from patterns.running import Running
from providers.replies import Asked, Broken, Calls, Cut, Refuses, Reply, Says, Thinks, turns
from ripieno import agent, tool

EVERY = pytest.mark.parametrize("model", LOCAL)


class Finding(BaseModel):
    """What was found."""

    item: str
    total: int


@tool(effect="read")
def price(of: str) -> int:
    """Look up what something costs, in dollars."""
    return len(of)


def buyer(model: str, **settings: Any) -> Any:
    return agent("buyer", model=model, instructions="Buy.", tools=[price], **settings)


@EVERY
async def test_calls_side_by_side_and_an_answer_in_a_form(running: Running, model: str) -> None:
    script = turns(
        Calls([("price", {"of": "tea"}), ("price", {"of": "coffee"})], text="Looking."),
        Calls([("final_result", {"item": "tea", "total": 3})]),
    )
    async with asking(script) as provider:
        run = await running.begin(buyer(model, output=Finding), "what is cheaper?")
        outcome = await running.ended(run)
        results = [one for one in await running.events(run, "result") if "/model/" in one.path]
    assert outcome.output == {"item": "tea", "total": 3}
    first, second = provider.asked
    assert (first.turn, second.turn) == (0, 1)
    assert set(first.tools) == {"price", "final_result"}
    assert "Buy." in first.text
    assert "what is cheaper?" in first.text
    assert "3" in second.text
    assert "6" in second.text
    known_by = {"bedrock": "Credential=AKIAONLYFORTESTS", "vertex": "Bearer of-vertex"}
    assert known_by.get(model, "sk-only-for-tests") in first.key
    assert [one.body["noted"]["input"] for one in results] == [100, 100]
    prices = "project" if model == "ollama" else "genai-prices"
    assert all(one.body["noted"]["price"].startswith(prices) for one in results)
    assert all(one.body["spent"]["cost"] > 0 for one in results)
    assert (
        first.body.get("max_tokens") or first.body.get("max_completion_tokens") or "8192" in str(first.body)
    )


@pytest.mark.parametrize("model", [one for one in LOCAL if one != "mistral"])  # whose thoughts differ in form
async def test_the_exact_model_and_its_thoughts_are_recorded(running: Running, model: str) -> None:
    async with asking(turns(Thinks("It is tea.", Says("tea")))):
        run = await running.begin(buyer(model), "what?")
        outcome = await running.ended(run)
        [result] = [one for one in await running.events(run, "result") if "/model/" in one.path]
    assert outcome.output == "tea"
    whole = str(running.host.store.payload(run, result.body["output"]))
    assert "It is tea." in whole
    assert result.body["noted"]["model"].startswith(LOCAL[model]["model"][:9])
    assert result.body["noted"]["finish"] == "stop"


@EVERY
@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Broken(429, "slow down", headers={"retry-after": "0"}), "rate_limited"),
        (Broken(500), "server"),
        (Cut(), "connection"),
    ],
    ids=["429", "500", "cut"],
)
async def test_what_fails_in_passing_is_tried_again(
    running: Running, model: str, reply: Reply, failure: str
) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> Reply:
        seen.append(asked)
        return reply if len(seen) == 1 else Says("tea")

    async with asking(script):
        run = await running.begin(buyer(model), "what?")
        outcome = await running.ended(run)
        first, *_ = [one for one in await running.events(run, "result") if "/model/" in one.path]
    assert (outcome.output, len(seen)) == ("tea", 2), "the client itself tries nothing again"
    known = "unknown" if model == "bedrock" and failure == "connection" else failure  # botocore does not say
    assert (first.body["status"], first.body["failure"]) == ("failed", known)


@EVERY
async def test_a_request_that_is_wrong_is_not_repeated(running: Running, model: str) -> None:
    async with asking(turns(Broken(400, "no such thing"))) as provider:
        outcome = await running.run(buyer(model), "what?")
    assert (outcome.status, len(provider.asked)) == ("failed", 1)
    assert "no such thing" in str(outcome.reason)


@EVERY
async def test_a_refusal_fails(running: Running, model: str) -> None:
    async with asking(turns(Refuses("I will not."))):
        outcome = await running.run(buyer(model, output=Finding), "what?")
    assert outcome.status == "failed"


@EVERY
async def test_what_is_no_json_is_tried_again_and_then_fails(running: Running, model: str) -> None:
    async with asking(turns(Broken(200, body="<html>busy</html>"))):
        outcome = await running.run(buyer(model), "what?")
    assert outcome.status == "failed"
