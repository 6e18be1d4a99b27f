"""An LLM agent answers by its model and its tools; each request and each call is a step, made once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asking import asking
from pydantic import BaseModel
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage

from patterns.running import Running
from providers.replies import Asked, Broken, Calls, Cut, Refuses, Says, Thinks, turns
from ripieno import (
    Limits,
    Outcome,
    ToolError,
    Workflow,
    agent,
    judged_by,
    samples,
    sequential,
    tool,
)
from ripieno.connectors.tool import Tool
from ripieno.model.errors import DefinitionError
from ripieno.model.value import decode
from ripieno.workflows.load import load_text

made: list[str] = []


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    made.clear()


@tool(effect="read", attempts=1)
def price(of: str) -> int:
    """Look up what something costs, in dollars."""
    made.append(f"price {of}")
    if of == "nothing":
        msg = "not for sale"
        raise ToolError(msg)
    return len(of)


@tool(on_uncertain="retry")
def order(of: str, pieces: int = 1) -> dict[str, Any]:
    """Order so many pieces of something."""
    made.append(f"order {of} {pieces}")
    return {"of": of, "pieces": pieces}


class Finding(BaseModel):
    """What was found."""

    item: str
    total: int


def answer(**fields: Any) -> Calls:
    return Calls([("final_result", fields)])


def noted(events: list[Any]) -> list[dict[str, Any]]:
    return [event.body["noted"] for event in events if "/model/" in event.path]


async def test_text_is_answered_with_text(running: Running) -> None:
    async with asking(turns(Says("Forty-two."))) as provider:
        flow = agent("sage", model="chat", instructions="Be brief.")
        outcome = await running.run(flow, "What is six times seven?")
    assert (outcome.status, outcome.output) == ("complete", "Forty-two.")
    assert provider.asked[0].text.split("\n") == ["Be brief.", "What is six times seven?"]
    assert provider.asked[0].key == "Bearer sk-only-for-tests-0123456789"


async def test_calls_of_one_response_are_made_side_by_side_and_each_is_a_step(running: Running) -> None:
    script = turns(
        Calls([("price", {"of": "tea"}), ("price", {"of": "coffee"})]),
        Calls([("order", {"of": "tea", "pieces": 2})]),
        answer(item="tea", total=6),
    )
    flow = agent("buyer", model="chat", tools=[price, order], output=Finding)
    async with asking(script):
        run = await running.begin(flow, {"for": "breakfast"})
        outcome = await running.ended(run)
    assert outcome.output == {"item": "tea", "total": 6}
    assert sorted(made) == ["order tea 2", "price coffee", "price tea"]
    paths = [event.path for event in await running.events(run, "result")]
    assert sorted(paths) == [
        "buyer@1/model/1",
        "buyer@1/model/2",
        "buyer@1/model/3",
        "buyer@1/order@2-1/tool/1",
        "buyer@1/price@1-1/tool/1",
        "buyer@1/price@1-2/tool/1",
    ]


@pytest.mark.parametrize("ids", [("1", "1", "1"), ("", "", "1"), ("1#3", "1", "1")], ids=str)
async def test_calls_that_a_gateway_does_not_tell_apart_are(running: Running, ids: Any) -> None:
    def answers(messages: Any, info: Any) -> ModelResponse:
        del info
        if len(messages) == 1:
            items = ("tea", "ink", "paper")
            return ModelResponse(
                [ToolCallPart("price", {"of": of}, one) for of, one in zip(items, ids, strict=True)]
            )
        said = [part.content for part in messages[-1].parts]
        return ModelResponse([TextPart(str(said))])

    outcome = await running.run(agent("buyer", model=FunctionModel(answers), tools=[price]), "?")
    assert outcome.output == "[3, 3, 5]"
    assert sorted(made) == ["price ink", "price paper", "price tea"]


async def test_what_evaluation_needs_later_stands_in_the_log(running: Running) -> None:
    script = turns(Thinks("I should look.", Calls([("price", {"of": "tea"})], text="Looking.")), Says("3"))
    flow = Workflow("tested", agent("buyer", model="chat", tools=[price, order]), limits=Limits(cost_usd=1))
    async with asking(script, chat={"price": {"input": "1", "output": "10"}}):
        run = await running.begin(flow, "tea?")
        await running.ended(run)
    first, last = noted(await running.events(run, "result"))
    assert {**first, "took": 0} == {
        "model": "gpt-5-mini-2026-01-01",
        "response": "chatcmpl-0",
        "finish": "tool_call",
        "input": 100,
        "output": 20,
        "price": "project",
        "took": 0,
        "chosen": ["price"],
        "passed_over": ["order"],
    }
    assert last["passed_over"] == ["price", "order"]
    [spent, _] = [e.body["spent"] for e in await running.events(run, "result") if "/model/" in e.path]
    assert spent == {"model_calls": 1, "tokens": 120, "cost": 300}
    [said, _] = [e for e in await running.events(run, "result") if "/model/" in e.path]
    kinds = [part["part_kind"] for part in read(running, run, said.body["output"])["parts"]]
    assert kinds == ["thinking", "text", "tool-call"]
    asked = [e for e in await running.events(run, "intent") if "/model/" in e.path]
    offered = read(running, run, asked[0].body["toolset"])["tools"]
    assert [one["name"] for one in offered] == ["price", "order"]


def read(running: Running, run: str, ref: str) -> Any:
    return decode(running.host.store.payload(run, ref))


async def test_a_long_turn_keeps_each_message_once(running: Running) -> None:
    long = "x" * 3000
    script = turns(*[Calls([("price", {"of": long + str(n)})]) for n in range(8)], Says("done"))
    async with asking(script):
        run = await running.begin(agent("buyer", model="chat", tools=[price]), "go")
        await running.ended(run)
    asked = [e for e in await running.events(run, "intent") if "/model/" in e.path]
    sizes = [len(running.host.store.payload(run, str(e.body["prompt"]))) for e in asked]
    assert len(sizes) == 9
    assert max(sizes[1:]) < 1.2 * min(sizes[1:])
    assert len({e.body["toolset"] for e in asked}) == 1


async def test_an_agent_is_shown_the_stage_before_it(running: Running) -> None:
    def script(asked: Asked) -> Says:
        return Says("short" if "Shorten" in asked.text else "checked")

    first = agent("shorten", model="chat", instructions="Shorten.")
    async with asking(script) as provider:
        outcome = await running.run(sequential(first, agent("check", model="chat")), "a long text")
    assert outcome.output == "checked"
    assert provider.asked[1].text == "<input>\na long text\n</input>\n\n<previous>\nshort\n</previous>"


async def test_examples_stand_below_the_instructions(running: Running) -> None:
    flow = agent("sage", model="chat", instructions="Add.", examples=[("1+1", {"sum": 2})])
    async with asking(turns(Says("3"))) as provider:
        await running.run(flow, "1+2")
    told = provider.asked[0].text
    assert told.startswith(
        'Add.\n\nExamples:\n\n<example>\n<given>\n1+1\n</given>\n<answer>\n{\n "sum": 2\n}'
    )


# -- what goes wrong ------------------------------------------------------------------------------------


async def test_a_call_that_does_not_fit_is_told_and_not_made(running: Running) -> None:
    script = turns(
        Calls([("price", {"off": "tea"}), ("price", "{not json"), ("cost", {}), ("price", {"of": "tea"})]),
        Says("3"),
    )
    async with asking(script) as provider:
        outcome = await running.run(agent("buyer", model="chat", tools=[price]), "tea?")
    assert (outcome.output, made) == ("3", ["price tea"])
    told = [one["content"] for one in provider.asked[1].body["messages"] if one["role"] == "tool"]
    assert "off" in told[0]
    assert "JSON" in told[1]
    assert "cost" in told[2]
    assert json.loads(told[3]) == 3


async def test_mistakes_beyond_those_allowed_end_it(running: Running) -> None:
    flow = agent("buyer", model="chat", tools=[price], mistakes=1)
    async with asking(turns(Calls([("price", {"off": "tea"})]))) as provider:
        outcome = await running.run(flow, "tea?")
    assert outcome.status == "failed"
    assert "off: Extra inputs are not permitted" in str(outcome.reason)
    assert len(provider.asked) == 2


async def test_an_error_of_a_tool_is_told_to_the_model(running: Running) -> None:
    script = turns(Calls([("price", {"of": "nothing"})]), Says("not to be had"))
    async with asking(script) as provider:
        outcome = await running.run(agent("buyer", model="chat", tools=[price]), "what?")
    assert outcome.output == "not to be had"
    assert "not for sale" in provider.asked[1].text


async def test_an_answer_in_another_form_is_asked_for_again(running: Running) -> None:
    script = turns(answer(item="tea"), answer(item="tea", total=3))
    async with asking(script) as provider:
        outcome = await running.run(agent("buyer", model="chat", output=Finding), "tea?")
    assert (outcome.output, len(provider.asked)) == ({"item": "tea", "total": 3}, 2)


WHOLE = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("settings", "wrong", "right"),
    [
        ({"output": WHOLE}, {"total": "three"}, {"total": 3}),
        ({"output": WHOLE}, {}, {"total": 3}),
        ({"output": WHOLE, "confidence": "self"}, {"answer": {}, "confidence": 1}, None),
        ({"output": Finding, "confidence": "self"}, {"answer": {"item": 1}, "confidence": 1}, None),
        ({"output": WHOLE, "confidence": "self"}, {"answer": {"total": 3}}, None),
        ({"output": WHOLE, "confidence": "self"}, {"answer": {"total": 3}, "confidence": 7}, None),
        ({"output": WHOLE, "intents": ["buy"]}, {"answer": {"total": 3}, "intent": "sell"}, None),
    ],
    ids=str,
)
async def test_an_answer_that_does_not_fit_its_schema_is_asked_for_again_and_never_taken(
    running: Running, settings: dict[str, Any], wrong: dict[str, Any], right: dict[str, Any] | None
) -> None:
    whole = {"answer": {"item": "tea", "total": 3}, "confidence": 1, "intent": "buy"}
    known = {"answer", *(["confidence"] if "confidence" in settings else ["intent"])}
    fits = right or {name: one for name, one in whole.items() if name in known}
    async with asking(turns(answer(**wrong), answer(**fits))) as provider:
        outcome = await running.run(agent("buyer", model="chat", **settings), "tea?")
    assert (outcome.status, outcome.output["total"], len(provider.asked)) == ("complete", 3, 2)
    async with asking(turns(answer(**wrong))) as provider:
        outcome = await running.run(agent("buyer", model="chat", mistakes=1, **settings), "tea?")
    assert (outcome.status, len(provider.asked)) == ("failed", 2)


async def test_what_was_wanted_of_it_is_a_recorded_choice_among_those_declared(running: Running) -> None:
    desk = agent("desk", model="chat", intents={"refund": "money back", "complaint": ""}, confidence="self")
    script = turns(answer(intent="refund", answer="It is on its way.", confidence=0.9))
    async with asking(script) as provider:
        run = await running.begin(Workflow("tested", desk), "My money, please.")
        outcome = await running.ended(run)
    assert (outcome.output, outcome.confidence and outcome.confidence.value) == ("It is on its way.", 0.9)
    assert "what is wanted of you; refund: money back; complaint; other: none of these" in json.dumps(
        provider.asked[0].body
    )
    [chosen] = [event.body for event in await running.events(run, "choice")]
    assert (chosen["what"], chosen["chosen"]) == ("intent", "refund")
    assert chosen["offered"] == ["refund", "complaint", "other"]


@pytest.mark.parametrize("intents", [["refund", "complaint"], {"refund": "money back", "complaint": ""}])
def test_intents_stand_in_the_definition_in_both_forms(intents: Any) -> None:
    document = agent("desk", model="chat", intents=intents).describe()
    assert document == {"agent": {"model": "chat", "intents": intents}}
    text = f"workflow: ask\nparticipants: {{desk: {json.dumps(document)}}}\nflow: desk\n"
    (found,) = [one for one in load_text(text, folder=Path()).workflow.everyone() if one.name == "desk"]
    assert found.describe() == document


async def test_it_is_asked_so_often_and_then_gives_what_it_said_last(running: Running) -> None:
    script = turns(Calls([("price", {"of": "tea"})], text="still looking"))
    async with asking(script) as provider:
        outcome = await running.run(agent("buyer", model="chat", tools=[price], rounds=3), "tea?")
    assert (outcome.status, outcome.output) == ("partial", "still looking")
    assert outcome.reason == "no answer after 3 requests to the model"
    assert len(provider.asked) == 3


async def test_what_fails_in_passing_is_tried_again_and_what_does_not_is_not(running: Running) -> None:
    seen: list[int] = []

    def script(asked: Asked) -> Says | Broken | Cut:
        del asked
        seen.append(1)
        return [Broken(503), Cut(), Says("there")][min(len(seen), 3) - 1]

    async with asking(script):
        outcome = await running.run(agent("sage", model="chat"), "?")
    assert (outcome.output, len(seen)) == ("there", 3)
    async with asking(turns(Broken(401, "wrong key"))) as provider:
        outcome = await running.run(agent("sage", model="chat"), "?")
    assert (outcome.status, len(provider.asked)) == ("failed", 1)
    assert "wrong key" in str(outcome.reason)


async def test_no_more_of_a_response_is_read_than_it_may_have(running: Running) -> None:
    script = turns(Broken(200, body="{}", headers={"content-length": "50000001"}))
    async with asking(script, chat={"resilience": {"retry": {"attempts": 1}}}):
        outcome = await running.run(agent("sage", model="chat"), "?")
    assert (outcome.status, outcome.failure) == ("failed", "connection")


async def test_a_refusal_is_no_answer(running: Running) -> None:
    async with asking(turns(Refuses("I will not."))):
        outcome = await running.run(agent("sage", model="chat", output=Finding), "?")
    assert outcome.status == "failed"
    assert "I will not." in str(outcome.reason)


async def test_a_model_that_is_too_dear_is_not_asked(running: Running) -> None:
    flow = Workflow("tested", agent("sage", model="chat"), limits=Limits(cost_usd="0.001"))
    async with asking(turns(Says("hm")), chat={"price": {"input": "1", "output": "10"}}) as provider:
        outcome = await running.run(flow, "?")
    assert (outcome.status, provider.asked) == ("partial", [])
    assert "limit of 0.001 US dollars" in str(outcome.reason)


@pytest.mark.parametrize(
    ("said", "counted"), [((-5, 3), 3), ((-5, -3), None), ((0, 0), None), ((2**70, 1), 10**9 + 1)], ids=str
)
async def test_what_a_gateway_cannot_mean_is_not_counted_and_what_it_does_not_say_costs_the_most(
    running: Running, said: tuple[int, int], counted: int | None
) -> None:
    def answers(messages: Any, info: Any) -> ModelResponse:
        del messages, info
        return ModelResponse(
            [TextPart("hm")], usage=RequestUsage(input_tokens=said[0], output_tokens=said[1])
        )

    given: Any = FunctionModel(answers) if min(said) < 0 else "chat"
    async with asking(turns(Says("hm", tokens=said))):
        run = await running.begin(Workflow("tested", agent("sage", model=given)), "?")
        assert (await running.ended(run)).output == "hm"
    [intent] = [one for one in await running.events(run, "intent") if "/model/" in one.path]
    [result] = [one for one in await running.events(run, "result") if "/model/" in one.path]
    most = intent.body["reserved"]["tokens"]
    assert result.body.get("spent", intent.body["reserved"])["tokens"] == (counted or most)
    assert (result.body["noted"]["price"] == "unsaid") is (counted is None)


# -- how sure it is --------------------------------------------------------------------------------------


async def test_it_says_itself_how_sure_it_is(running: Running) -> None:
    script = turns(answer(answer={"item": "tea", "total": 3}, confidence=0.7))
    async with asking(script):
        outcome = await running.run(agent("buyer", model="chat", output=Finding, confidence="self"), "?")
    assert outcome.output == {"item": "tea", "total": 3}
    assert (outcome.confidence and (outcome.confidence.value, outcome.confidence.method)) == (
        0.7,
        "self-reported",
    )


async def test_it_is_as_sure_as_its_samples_agree(running: Running) -> None:
    said = iter(["seven", "eight", "seven", "seven"])
    async with asking(lambda _: Says(next(said))):
        outcome = await running.run(agent("sage", model="chat", confidence=samples(4)), "?")
    assert outcome.output == "seven"
    assert (outcome.confidence and (outcome.confidence.value, outcome.confidence.method)) == (
        0.75,
        "agreement of 4 samples",
    )


async def test_it_is_as_sure_as_its_judge_says(running: Running) -> None:
    def script(asked: Asked) -> Says | Calls:
        if "Judge" not in asked.text:
            return Says("seven")
        assert "<sage>\nseven\n</sage>" in asked.text
        return answer(confidence=0.4)

    sure: dict[str, Any] = {"type": "object", "properties": {"confidence": {"type": "number"}}}
    judge = agent("judge", model="chat", instructions="Judge.", output=sure, sees=["input", "sage"])
    async with asking(script):
        outcome = await running.run(agent("sage", model="chat", confidence=judged_by(judge)), "?")
    assert outcome.output == "seven"
    assert (outcome.confidence and (outcome.confidence.value, outcome.confidence.method)) == (
        0.4,
        "judged by judge",
    )


# -- what cannot be declared -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"model": "opnai:gpt-5"}, "no provider of models is called 'opnai' (did you mean 'openai'?)"),
        ({"model": "openai:"}, "which model of 'openai'?"),
        ({"model": "a model"}, "expected a model such as 'openai:gpt-5', got 'a model'"),
        ({"model": "chat", "tools": [price, price]}, "two tools have the same name"),
        ({"model": "chat", "settings": {"temprature": 1}}, "(did you mean 'temperature'?)"),
        ({"model": "chat", "settings": {"temperature": "hot"}}, "temperature must be int or float"),
        ({"model": "chat", "intents": ["a b"]}, "an intent is a name such as 'refund'"),
        ({"model": "chat", "intents": ["refund", "refund"]}, "each once"),
        ({"model": "chat", "intents": ["other"]}, "not 'other'"),
        ({"model": "chat", "rounds": 0}, "rounds must be at least 1"),
        ({"model": "chat", "output": {"type": "string"}}, "has to be an object"),
        (
            {"model": "chat", "confidence": "very"},
            "confidence must be 'self', samples(n) or judged",
        ),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_declared(declared: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        agent("sage", **declared)
    assert says in str(refused.value)


def test_fewer_than_two_samples_agree_with_nobody() -> None:
    with pytest.raises(DefinitionError, match="2 to 20 samples, got 1"):
        samples(1)


async def test_a_model_that_no_project_declares_is_named_with_what_to_do(running: Running) -> None:
    outcome: Outcome = await running.run(agent("sage", model="fast"), "?")
    assert outcome.status == "failed"
    assert "no model is called 'fast'" in str(outcome.reason)
    assert isinstance(price, Tool)
