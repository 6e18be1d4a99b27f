"""A turn of very many requests: what the model is told stays short, and each costs what the tenth did."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from kernel.scenarios.watched_store import WatchedStore
from patterns.running import OPERATOR, Running
from ripieno import Workflow, agent, compact, function, summary, tool, window
from ripieno.kernel import segments
from ripieno.kernel.host import Host
from ripieno.participants.llm.agent import Agent
from ripieno.participants.llm.history import tokens_of
from ripieno.participants.llm.recorded import dumped

TOKENS = 700
EVENTS = 40
"""A mark after so many, so that a short turn has several."""
KEPT = compact(TOKENS)
QUESTION = "what is in all of them?"


@tool(effect="read", trust="trusted")
def look_up(number: int) -> str:
    """Look up what stands on a page."""
    if number % 20 == 7:
        msg = f"page {number} is torn"
        raise ValueError(msg)
    return f"page {number}: " + "word " * 60


class Reader:
    """A model that looks up one page after another; what it was told each time is kept."""

    def __init__(self, pages: int, step: int = 1) -> None:
        self.pages, self.step = pages, step
        self.told: list[list[ModelMessage]] = []
        self.cut_at = 0
        self.cut = asyncio.Event()
        self.model = FunctionModel(self._answer, model_name="reader")

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del info
        self.told.append(list(messages))
        number = len(self.told)
        if self.cut_at and number >= self.cut_at:
            self.cut.set()
        if number > self.pages:
            return ModelResponse([TextPart("all of them")])
        calls = [ToolCallPart("look_up", {"number": number * self.step}, f"c-{number}")]
        if number % 3 == 0:
            calls.append(ToolCallPart("look_up", {"number": number * self.step + 1000}, f"d-{number}"))
        return ModelResponse([TextPart(f"Looking at {number}."), *calls])

    def agent(self, **settings: Any) -> Agent:
        return agent("reader", model=self.model, tools=[look_up], rounds=10_000, **settings)


def plain(messages: Sequence[ModelMessage]) -> list[Any]:
    """Give messages without what differs each time they are sent."""
    found = dumped(messages)
    for one in found:
        one.update(timestamp=None, run_id=None, conversation_id=None, usage=None, model_id=None)
        for part in one["parts"]:
            part.update(timestamp=None)
    return found


def calls_are_beside_their_results(messages: Sequence[ModelMessage]) -> bool:
    for one, following in zip(messages, [*messages[1:], None], strict=True):
        if not isinstance(one, ModelResponse):
            continue
        results = (
            []
            if following is None
            else [part for part in following.parts if isinstance(part, ToolReturnPart)]
        )
        if [call.tool_call_id for call in one.tool_calls] != [part.tool_call_id for part in results]:
            return False
    return True


async def test_what_the_model_is_told_stays_short_and_whole_and_the_log_keeps_all(running: Running) -> None:
    reader = Reader(30)
    run = await running.begin(reader.agent(compact=KEPT), QUESTION)
    assert (await running.ended(run)).output == "all of them"
    assert len(reader.told) == 31
    assert max(tokens_of(messages, KEPT) for messages in reader.told) <= TOKENS
    for messages in reader.told:
        first = messages[0].parts[0]
        assert isinstance(first, UserPromptPart)
        assert first.content == QUESTION
        assert calls_are_beside_their_results(messages)
    torn = [part for part in (part for one in reader.told[-1] for part in one.parts) if "torn" in repr(part)]
    assert len(torn) == 3, "errors stay"
    shorter = [event for event in await running.events(run, "choice") if event.body["what"] == "compact"]
    assert 4 <= len(shorter) <= 15, "and not at each request"
    given = [one for one in await running.events(run, "result") if "/look_up@" in one.path]
    texts = [running.host.store.payload(run, one.body["output"]) for one in given if "output" in one.body]
    assert len(texts) == 40 - 3
    assert all(b"page" in text and text.count(b"word") == 60 for text in texts), "as they were"


async def test_what_was_said_before_is_told_in_short_by_who_is_declared(running: Running) -> None:
    reader = Reader(20)

    @function(pure=True)
    def scribe(turn: Any) -> str:
        """Tell in short."""
        return f"{len(turn['messages'])} messages"

    short = compact(900, by=[summary(scribe), window()])
    run = await running.begin(reader.agent(compact=short), QUESTION)
    assert (await running.ended(run)).output == "all of them"
    asked = [event for event in await running.events(run, "step") if "/scribe@" in event.path]
    assert len(asked) >= 3
    told = [part for one in reader.told[-1] for part in one.parts if "in short" in repr(part)]
    assert len(told) == 1, "a summary is part of the next"
    assert all(tokens_of(messages, short) <= 900 for messages in reader.told)


async def test_what_cannot_be_made_to_fit_ends_as_partial_and_says_why(running: Running) -> None:
    reader = Reader(5)
    outcome = await running.run(reader.agent(compact=compact(20)), "word " * 100)
    assert outcome.status == "partial"
    assert "tokens, 20 are allowed" in str(outcome.reason)
    assert reader.told == []


@asynccontextmanager
async def house(home: Path, workflow: Workflow) -> AsyncGenerator[tuple[Host, list[int]]]:
    """Give a host upon a folder, and how many events each takeover in it reads."""
    home.mkdir(exist_ok=True)  # noqa: ASYNC240 - of a test, once
    store = WatchedStore(home)
    await store.open()
    try:
        async with Host(store) as host:
            host.register(workflow)
            yield host, store.replayed
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("cuts", "settings"),
    [((1,), {"compact": KEPT}), ((6, 7, 13), {"compact": KEPT}), ((6, 13), {})],
    ids=["early", "often", "whole"],
)
async def test_a_turn_that_is_taken_up_again_goes_on_as_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: tuple[int, ...], settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(segments, "EVENTS", EVENTS)
    pages = 16
    undisturbed, reader = Reader(pages), Reader(pages)
    for number, one in enumerate((undisturbed, reader)):
        workflow, run = Workflow("reading", one.agent(**settings)), ""
        for cut in (*(cuts if one is reader else ()), 0):
            one.cut_at = cut
            one.cut.clear()
            async with house(tmp_path / str(number), workflow) as (host, replayed):
                if not run:
                    run = (await host.start(workflow, QUESTION, principal=OPERATOR)).row.id
                if cut:
                    await one.cut.wait()
                else:
                    assert (await host.outcome(run)).output == "all of them"
                    assert all(read <= 2 * EVENTS for read in replayed), "a replay begins at the last mark"
    assert len(reader.told) == len(undisturbed.told), "nothing is asked for twice"
    for ours, theirs in zip(reader.told, undisturbed.told, strict=True):
        assert plain(ours) == plain(theirs)


def kept(home: Path) -> tuple[int, int]:
    """Give how many bytes of values, and of events, a folder keeps."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        [(values,)] = connection.execute("SELECT sum(length(sealed)) FROM payloads")
        [(events,)] = connection.execute("SELECT sum(length(envelope)) FROM events")
    return values, events


async def test_each_request_adds_as_much_as_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "EVENTS", EVENTS)
    sizes: list[tuple[int, int]] = []
    for pages in (16, 32, 48):
        reader = Reader(pages, step=20)  # none of which is torn, for that stays
        workflow = Workflow("reading", reader.agent(compact=KEPT))
        home = tmp_path / str(pages)
        async with house(home, workflow) as (host, _):
            created = await host.start(workflow, QUESTION, principal=OPERATOR)
            assert (await host.outcome(created.row.id)).output == "all of them"
        sizes.append(kept(home))
    (first, second, third) = sizes
    for one, two, three in zip(first, second, third, strict=True):
        assert (three - two) <= 1.15 * (two - one)
