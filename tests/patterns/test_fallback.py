"""Another takes over where it may do better, and nowhere else; what the first did does not stand twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import begin, ended, events, serving, snapshot
from ripieno.connectors.tool import Tool, tool
from ripieno.model.errors import DefinitionError, DeniedError, ToolError
from ripieno.model.failure import Failure
from ripieno.model.participant import Context
from ripieno.participants.function import Function, function
from ripieno.patterns.fallback import fallback
from ripieno.resilience.fallback import fall_back
from ripieno.resilience.policy import Breaker, Resilience, Retry
from ripieno.workflows.load import load_text
from ripieno.workflows.workflow import Workflow


def failing(name: str, failure: Failure | None, *, kind: type[ToolError] = ToolError) -> Function:
    def work() -> str:
        msg = f"{name} cannot"
        raise kind(msg) if failure is None else kind(msg, failure=failure)

    return function(name=name, pure=True)(work)


@function(pure=True)
def second() -> str:
    return "from the second"


@function(pure=True)
def first() -> str:
    return "from the first"


async def outcome_of(home: Path, workflow: Workflow) -> tuple[Any, list[dict[str, Any]]]:
    async with serving(home, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        return outcome, [dict(event.body) for event in await events(host, run, "choice")]


async def test_who_times_out_is_followed_by_the_next_and_the_choice_says_why(tmp_path: Path) -> None:
    workflow = Workflow("ask", fallback(failing("primary", "timeout"), second))
    outcome, choices = await outcome_of(tmp_path, workflow)
    assert (outcome.status, outcome.output) == ("complete", "from the second")
    assert [(one["what"], one["chosen"]) for one in choices] == [("fallback", "second")]


@pytest.mark.parametrize("failure", ["auth", "budget_exhausted", "bad_request", "refused_content", None])
async def test_what_another_would_not_do_better_is_the_end(tmp_path: Path, failure: Failure | None) -> None:
    workflow = Workflow("ask", fallback(failing("primary", failure), second))
    outcome, choices = await outcome_of(tmp_path, workflow)
    assert (outcome.status, outcome.failure, choices) == ("failed", failure, [])


async def test_it_is_as_declared_where_a_class_is_named(tmp_path: Path) -> None:
    workflow = Workflow("ask", fallback(failing("primary", None), second, on={"unknown", "auth"}))
    outcome, _ = await outcome_of(tmp_path, workflow)
    assert outcome.output == "from the second"


async def test_who_succeeds_or_is_denied_is_followed_by_nobody(tmp_path: Path) -> None:
    outcome, _ = await outcome_of(tmp_path / "1", Workflow("ask", fallback(first, second)))
    assert outcome.output == "from the first"
    denied = failing("primary", None, kind=DeniedError)
    outcome, _ = await outcome_of(tmp_path / "2", Workflow("ask", fallback(denied, second, on={"unknown"})))
    assert outcome.status == "escalated", "a denial is no failure of the participant"


async def test_where_everybody_fails_it_ends_as_the_last(tmp_path: Path) -> None:
    stages = failing("primary", "timeout"), failing("other", "overloaded"), failing("third", "server")
    outcome, choices = await outcome_of(tmp_path, Workflow("ask", fallback(*stages)))
    assert (outcome.status, outcome.failure) == ("failed", "server")
    assert [one["chosen"] for one in choices] == ["other", "third"]


async def test_a_step_that_does_not_end_in_time_is_followed(tmp_path: Path) -> None:
    async def wait(context: Context) -> str:
        await context.sleep(3600)
        return "late"

    slow = function(name="slow", pure=True)(wait)
    outcome, _ = await outcome_of(tmp_path, Workflow("ask", fallback(slow.timeout("10ms"), second)))
    assert outcome.output == "from the second"


class Desk:
    """Books, and loses what it booked when it is told to."""

    def __init__(self) -> None:
        self.booked: list[str] = []

    def book(self, who: str) -> str:
        self.booked.append(who)
        return who

    def cancel(self, who: str) -> None:
        self.booked.remove(who)

    def clerk(self, name: str, book: Tool, failure: Failure | None) -> Function:
        async def work(context: Context) -> str:
            await context.use(book, who=name)
            if failure is not None:
                msg = f"{name} was cut off"
                raise ToolError(msg, failure=failure)
            return name

        return function(name=name, pure=True)(work)


@pytest.mark.parametrize(("losers", "left"), [("undo", ["b"]), ("list", ["a", "b"])])
async def test_what_the_first_one_did_is_taken_back_before_the_next_does_it(
    tmp_path: Path, losers: Any, left: list[str]
) -> None:
    desk = Desk()
    book = tool(desk.book, undo=tool(desk.cancel))
    stages = desk.clerk("a", book, "connection"), desk.clerk("b", book, None)
    outcome, _ = await outcome_of(tmp_path, Workflow("book", fallback(*stages, losers=losers)))
    assert (outcome.output, desk.booked) == ("b", left)


NOTE = tool(lambda: None, name="note", effect="read", on_uncertain="retry", timeout="100ms")


async def test_after_a_crash_the_choice_is_read_and_nobody_is_asked_again(tmp_path: Path) -> None:
    asked: list[str] = []
    fails = True
    found: Path | None = None

    def primary() -> str:
        asked.append("primary")
        if fails:
            msg = "busy"
            raise ToolError(msg, failure="overloaded")
        return "from the first"

    async def other(context: Context) -> str:
        nonlocal found
        asked.append("other")
        await context.use(NOTE)
        if found is None:
            found = snapshot(tmp_path / "home", tmp_path / "copy")
        return "from the other"

    stages = function(name="primary", pure=True)(primary), function(name="other", pure=True)(other)
    workflow = Workflow("ask", fallback(*stages))
    async with serving(tmp_path / "home", workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
    assert found is not None
    fails = False  # now it would do, but it was decided that the other one is asked
    async with serving(found, workflow) as host:
        assert (await ended(host, run)).output == "from the other"
    assert asked.count("primary") == 1


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"no failure is called 'timeuot' .did you mean 'timeout'"):
        fallback(first, second, on={"timeuot"})
    with pytest.raises(DefinitionError, match="names no failure"):
        fallback(first, second, on=())
    with pytest.raises(DefinitionError, match="takes part twice"):
        fallback(first, first)
    with pytest.raises(DefinitionError, match="losers must be"):
        fallback(first, second, losers="keep")  # pyright: ignore[reportArgumentType] - what is refused
    unknown = "workflow: ask\nparticipants: {}\nflow: {fallback: {steps: [a], on: [late]}}\n"
    with pytest.raises(DefinitionError, match="'late'"):
        load_text(unknown, folder=Path())


# -- across models ---------------------------------------------------------------------------------------


class Models:
    """Models that answer or fail, each called by a tool of its own."""

    def __init__(self, **answers: Failure | None) -> None:
        self.asked: list[str] = []
        self.when_asked: dict[str, Callable[[], Any]] = {}
        self._answers = answers

    def tool(self, name: str, resilience: Resilience) -> Tool:
        async def answer() -> str:
            self.asked.append(name)
            self.when_asked.get(name, lambda: None)()
            failure = self._answers[name]
            if failure is not None:
                msg = f"{name} says no"
                raise ToolError(msg, failure=failure, retry_after=600 if failure == "rate_limited" else None)
            return f"answer of {name}"

        settings: Any = {"effect": "read", "on_uncertain": "retry", "timeout": "100ms"}
        return tool(name=f"model.{name}", resilience=resilience, **settings)(answer)

    def agent(self, *names: str, each: Callable[[Resilience], Resilience] = lambda one: one) -> Workflow:
        declared = Resilience(retry=Retry(attempts=2, backoff="1ms"), breaker=Breaker())
        tools = {name: self.tool(name, each(declared)) for name in names}

        async def ask(context: Context) -> str:
            async def attempt(name: str) -> Any:
                return await context.use(tools[name])

            return await fall_back(context, "model", names, attempt)

        return Workflow("agent", function(name="agent", pure=True)(ask))


async def test_the_next_model_is_asked_at_once_where_the_first_one_asks_for_patience(tmp_path: Path) -> None:
    models = Models(a="rate_limited", b=None)
    workflow = models.agent("a", "b", each=lambda one: one.with_fallback())
    async with serving(tmp_path, workflow) as host:
        runs = [await begin(host, workflow) for _ in range(2)]
        assert {(await ended(host, run)).output for run in runs} == {"answer of b"}
        choices = await events(host, runs[0], "choice")
    assert [event.body["chosen"] for event in choices] == ["b"]
    assert models.asked.count("a") == 1, "a run that comes later finds it left alone"


async def test_a_budget_that_is_spent_is_told_and_another_model_is_not_asked(tmp_path: Path) -> None:
    models = Models(a="budget_exhausted", b=None)
    outcome, choices = await outcome_of(tmp_path, models.agent("a", "b"))
    assert (outcome.failure, choices, models.asked) == ("budget_exhausted", [], ["a"])


async def test_a_model_that_failed_as_the_second_one_is_left_alone_as_well(tmp_path: Path) -> None:
    models = Models(a="rate_limited", b="rate_limited", c=None)
    workflow = models.agent("a", "b", "c", each=lambda one: one.with_fallback())
    async with serving(tmp_path, workflow) as host:
        for _ in range(3):
            assert (await ended(host, await begin(host, workflow))).output == "answer of c"
    assert models.asked == ["a", "b", "c", "c", "c"]


async def test_after_a_crash_a_model_that_failed_is_not_asked_again(tmp_path: Path) -> None:
    models = Models(a="overloaded", b=None)
    workflow = models.agent("a", "b", each=lambda one: one.with_fallback())
    home, copy = tmp_path / "home", tmp_path / "copy"
    models.when_asked["b"] = lambda: copy.exists() or snapshot(home, copy)
    async with serving(home, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
    before = models.asked.count("a")
    async with serving(copy, workflow) as host:
        assert (await ended(host, run)).output == "answer of b"
        assert [event.body["chosen"] for event in await events(host, run, "choice")] == ["b"]
    assert models.asked.count("a") == before, "what became of it is read"
    assert models.asked[-2:] == ["b", "b"]
