"""An agent with tools is asked until it answers; each call is a step of its own, and nothing is endless."""

from __future__ import annotations

from typing import Any

import pytest
from running import Running, gives, pure

from ripieno import Function, Outcome, ToolError, compact, single_agent, tool, use_tool
from ripieno.connectors.tool import Tool
from ripieno.model.effect_rule import WITHHELD, EffectRule, approved
from ripieno.model.errors import DefinitionError
from ripieno.model.participant import Context, Task
from ripieno.patterns.direct import Direct
from ripieno.patterns.single_agent import SingleAgent

made: list[str] = []


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    made.clear()


@tool(effect="read", attempts=1)
def price(of: str) -> int:
    """Look a price up."""
    made.append(f"price {of}")
    if of == "nothing":
        msg = "not for sale"
        raise ToolError(msg)
    return len(of)


@tool(on_uncertain="retry")
def order(of: str, pieces: int = 1) -> dict[str, Any]:
    """Order something."""
    made.append(f"order {of} {pieces}")
    return {"of": of, "pieces": pieces}


def scripted(*said: Any, name: str = "agent") -> Function:
    """Give an agent that says one thing after another, the last of them for ever."""

    def agent(turn: dict[str, Any]) -> Any:
        one = said[min(turn["round"], len(said)) - 1]
        return one(turn) if callable(one) else one

    return pure(agent, name)


def agent(*said: Any, **settings: Any) -> SingleAgent:
    return single_agent(scripted(*said), tools=[price, order], **settings)


def first(turn: dict[str, Any]) -> Any:
    return turn["results"][0]


def first_result(turn: dict[str, Any]) -> Any:
    return turn["results"][0]["result"]


def first_error(turn: dict[str, Any]) -> Any:
    return turn["results"][0]["result"]["error"]


def results(turn: dict[str, Any]) -> list[Any]:
    return [one["result"] for one in turn["results"]]


def errors(turn: dict[str, Any]) -> list[bool]:
    return [one["error"] for one in turn["results"]]


def messages(turn: dict[str, Any]) -> list[Any]:
    return turn["messages"]


def length(turn: dict[str, Any]) -> int:
    return len(turn["messages"])


# -- calls -----------------------------------------------------------------------------------------------


async def test_an_answer_at_once_needs_no_call(running: Running) -> None:
    ended = await running.run(agent("forty-two"))
    assert (ended.status, ended.output, made) == ("complete", "forty-two", [])


@pytest.mark.parametrize("answer", [[], {}, None, [{"use_tool": "price"}, "and text"], {"tool": "price"}])
async def test_what_asks_for_no_call_is_an_answer(running: Running, answer: object) -> None:
    ended = await running.run(agent(answer))
    assert (ended.status, ended.output, made) == ("complete", answer, [])


async def test_the_agent_is_told_what_its_calls_gave(running: Running) -> None:
    told: list[Any] = []

    def then(turn: dict[str, Any]) -> str:
        told.append(turn)
        return f"it costs {turn['results'][0]['result']}"

    ended = await running.run(agent(use_tool("price", {"of": "apple"}), then))
    assert ended.output == "it costs 5"
    [turn] = told
    assert (turn["round"], turn["rounds"], turn["tools"]) == (2, 10, ["price", "order"])
    assert turn["results"] == [{"tool": "price", "error": False, "result": 5}]
    assert turn["messages"] == [
        {
            "role": "answer",
            "content": None,
            "calls": [{"id": "1-1", "tool": "price", "arguments": {"of": "apple"}}],
        },
        {"role": "result", "content": 5, "by": "price", "call": "1-1"},
    ]


async def test_calls_of_one_answer_are_made_side_by_side_each_at_its_position(running: Running) -> None:
    asks = [
        use_tool("price", {"of": "fig"}),
        use_tool("order", {"of": "fig"}),
        use_tool("price", {"of": "date"}),
    ]
    run = await running.begin(agent(asks, results))
    ended = await running.ended(run)
    assert ended.output == [3, {"of": "fig", "pieces": 1}, 4]
    assert {event.path for event in await running.events(run, "intent")} == {
        "single_agent@1/price@1-1/tool/1",
        "single_agent@1/order@1-2/tool/1",
        "single_agent@1/price@1-3/tool/1",
    }


async def test_a_tool_that_failed_is_told_as_an_error_and_the_agent_goes_on(running: Running) -> None:
    ended = await running.run(agent(use_tool("price", {"of": "nothing"}), first))
    assert ended.status == "complete"
    assert ended.output["error"] is True
    assert ended.output["result"] == {"error": "failed", "message": "price: not for sale"}


async def test_a_plain_function_is_taken_for_a_tool_that_writes(running: Running) -> None:
    def note(words: str) -> str:
        made.append(words)
        return words

    flow = single_agent(scripted(use_tool("note", {"words": "hi"}), "noted"), tools=[note])
    assert flow.tools[0].effect == "write"
    assert (await running.run(flow)).output == "noted"
    assert made == ["hi"]


async def test_an_argument_may_be_called_as_the_kernel_calls_its_own(running: Running) -> None:
    @tool(effect="read", name="named")
    def named(tool: str, self: int) -> str:
        return f"{tool} {self}"

    flow = single_agent(
        scripted(use_tool("named", {"tool": "saw", "self": 2}), first_result),
        tools=[named],
    )
    assert (await running.run(flow)).output == "saw 2"


# -- mistakes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            use_tool("prise", {"of": "fig"}),
            "unknown_tool",
            "there is no tool 'prise' (did you mean 'price'?)",
        ),
        (use_tool("price"), "invalid_arguments", "of: Field required"),
        (use_tool("price", {"of": 3}), "invalid_arguments", "of: Input should be a valid string"),
        (
            use_tool("order", {"of": "fig", "each": 2}),
            "invalid_arguments",
            "each: Extra inputs are not permitted",
        ),
        (
            {"use_tool": "price", "arguments": ["fig"]},
            "invalid_arguments",
            "arguments have to be a mapping of names to values",
        ),
    ],
    ids=["unknown", "missing", "of another type", "too many", "no mapping"],
)
async def test_a_call_that_cannot_be_made_is_answered_not_made(
    running: Running, call: object, error: str, message: str
) -> None:
    run = await running.begin(agent(call, first))
    ended = await running.ended(run)
    assert ended.output["error"] is True
    assert (ended.output["result"]["error"], ended.output["result"]["message"]) == (error, message)
    assert made == []
    [choice] = await running.choices(run, "call")
    assert (choice.chosen, choice.because["error"]) == ("refused", error)


async def test_the_good_calls_of_an_answer_are_made_beside_the_bad(running: Running) -> None:
    asks = [use_tool("prise"), use_tool("price", {"of": "fig"})]
    ended = await running.run(agent(asks, errors))
    assert ended.output == [True, False]
    assert made == ["price fig"]


async def test_mistakes_are_told_a_bounded_number_of_times(running: Running) -> None:
    run = await running.begin(agent(use_tool("prise"), mistakes=2))
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("partial", "more than 2 calls that could not be made")
    assert len(await running.choices(run, "call")) == 3


async def test_the_very_same_call_is_not_made_for_ever(running: Running) -> None:
    calls = use_tool("price", {"of": "fig"})
    run = await running.begin(agent(calls, calls, calls, first_result))
    ended = await running.ended(run)
    assert made == ["price fig", "price fig"]
    assert ended.output == {"error": "repeated", "message": "this very call was made 2 times already"}


# -- limits ----------------------------------------------------------------------------------------------


def one_more(turn: dict[str, Any]) -> dict[str, Any]:
    return use_tool("price", {"of": "x" * turn["round"]})


async def test_without_an_answer_it_is_partial_with_what_the_calls_gave(running: Running) -> None:
    run = await running.begin(agent(one_more, rounds=3))
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("partial", "no answer after 3 rounds")
    assert ended.output == [{"tool": "price", "result": 1}, {"tool": "price", "result": 2}]
    assert made == ["price x", "price xx"]  # nobody would read what the last calls give
    [choice] = await running.choices(run, "limit")
    assert choice.because == {"limit": "no answer after 3 rounds", "rounds": 2, "mistakes": 0}


async def test_otherwise_gets_the_case_and_is_told_why(running: Running) -> None:
    def desk(turn: dict[str, Any]) -> list[Any]:
        return [turn["limit"], turn["messages"][-1]["content"]]

    ended = await running.run(agent(one_more, rounds=2, otherwise=pure(desk)))
    assert (ended.status, ended.output) == ("complete", ["no answer after 2 rounds", 1])


@pytest.mark.parametrize("status", ["failed", "escalated", "partial"])
async def test_an_agent_that_does_not_complete_ends_it_as_it_ended(running: Running, status: Any) -> None:
    given = Outcome(status, use_tool("price", {"of": "fig"}), reason="broken")
    assert await running.run(agent(given)) == given
    assert made == []


async def test_it_sees_the_calls_of_its_latest_rounds(running: Running) -> None:
    flow = agent(one_more, one_more, one_more, length, sees=2)
    assert (await running.run(flow)).output == 4


async def test_a_history_that_cannot_be_made_to_fit_ends_it_as_partial(running: Running) -> None:
    flow = agent(use_tool("price", {"of": "fig" * 200}), "read it", compact=compact(20))
    ended = await running.run(flow)
    assert ended.status == "partial"
    assert "20 are allowed" in (ended.reason or "")
    assert ended.output == [{"tool": "price", "result": 600}]


async def test_what_old_calls_gave_is_collapsed_and_the_choice_recorded(running: Running) -> None:
    @tool(effect="read")
    def read(page: int) -> str:
        return f"{page} " + "words " * 100

    seen: list[list[bool]] = []

    def next_page(turn: dict[str, Any]) -> Any:
        seen.append([one.get("collapsed", False) for one in turn["messages"] if one["role"] == "result"])
        return use_tool("read", {"page": turn["round"]}) if turn["round"] < 4 else "read"

    flow = single_agent(pure(next_page), tools=[read], compact=compact(400))
    run = await running.begin(flow)
    assert (await running.ended(run)).output == "read"
    assert seen == [[], [False], [False, False], [True, False, False]]
    [choice] = await running.choices(run, "compact")
    assert choice.chosen == "collapse 1 of 3"
    results = await running.events(run, "result")
    assert len(results) == 3  # what was left out for the agent stands in the journal


async def test_an_error_stays_when_everything_around_it_is_left_out(running: Running) -> None:
    calls = [use_tool("price", {"of": "nothing"}), *(use_tool("price", {"of": "x" * n}) for n in range(1, 5))]
    flow = agent(*calls, messages, compact=compact(50))
    ended = await running.run(flow)
    assert [one["content"] for one in ended.output if one["role"] == "result"] == [
        {"error": "failed", "message": "price: not for sale"},
        4,
    ]


# -- definitions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"mistakes": -1}, "mistakes must be at least 0"),
        ({"sees": 0}, "sees must be at least 1"),
    ],
    ids=["rounds", "repeats", "mistakes", "sees"],
)
def test_limits_that_cannot_hold_are_refused(settings: dict[str, int], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        agent("done", **settings)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(DefinitionError, match="two tools have the same name"):
        single_agent(gives("agent", 1), tools=[price, Tool(order.function, name="price")])


def test_a_tool_whose_parameters_cannot_be_read_is_refused() -> None:
    def odd(one: int) -> int:
        return one

    odd.__annotations__["one"] = "Nowhere"
    with pytest.raises(DefinitionError, match="cannot read the parameters"):
        single_agent(gives("agent", 1), tools=[odd])


async def test_a_tool_that_takes_any_names_is_given_them(running: Running) -> None:
    @tool(effect="read")
    def any_names(**names: Any) -> dict[str, Any]:
        return names

    flow = single_agent(
        scripted(use_tool("any_names", {"a": 1}), first_result),
        tools=[any_names],
    )
    assert (await running.run(flow)).output == {"a": 1}


@pytest.mark.parametrize(
    ("rule", "error", "status"),
    [(WITHHELD, "withheld", "partial"), (approved("chief"), "rejected", "failed")],
)
async def test_a_call_that_was_not_to_be_made_is_told_as_such(
    running: Running, rule: EffectRule, error: str, status: str
) -> None:
    inner = agent(use_tool("order", {"of": "fig"}), first_error)

    class Ruled(Direct):
        async def act(self, task: Task, context: Context) -> Outcome:
            return await context.call(self.stages[0], task, effects=rule)

    run = await running.begin(Ruled("ruled", [inner]))
    if error == "rejected":
        [question] = await running.questions(run)
        await running.reply(question.row, {"proceed": False}, reason="no")
    assert (await running.ended(run)).output == error
    assert made == []
    [call] = [event for event in await running.events(run, "scope") if "/order@1-1" in event.path]
    assert call.body["outcome"]["status"] == status


async def test_a_limit_on_rounds_ends_it_with_what_the_calls_gave(running: Running) -> None:
    ended = await running.run(agent(one_more).limit(rounds=3))
    assert ended.status == "partial"
    assert [one["result"] for one in ended.output] == [1, 2, 3]
