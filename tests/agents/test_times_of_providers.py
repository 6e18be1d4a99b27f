"""Times for the connection, the first byte and the whole hold for every provider, through its real client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from asking import LOCAL, asking

from patterns.running import Running
from providers.replies import Held, Says
from ripieno import agent
from ripieno.connectors.progress import PROGRESS

ONCE = {"attempts": 1}
PATIENCE_SECONDS = 15
EVERY = pytest.mark.parametrize("model", LOCAL)


def timed(**times: str) -> dict[str, Any]:
    return {"resilience": {"retry": ONCE, "timeouts": times}}


async def failure_of(running: Running, model: str) -> tuple[str | None, str]:
    run = await running.begin(agent("clerk", model=model), "what?")
    async with asyncio.timeout(PATIENCE_SECONDS):  # well before the 5 min of a request
        outcome = await running.ended(run)
    assert outcome.status == "failed"
    return outcome.failure, str(outcome.reason)


@pytest.mark.parametrize(
    ("model", "watched"),
    [*((one, False) for one in LOCAL), ("bedrock", True), ("mistral", True), ("chat", True)],
)
async def test_who_does_not_begin_to_answer_in_time_is_not_waited_for(
    running: Running, model: str, *, watched: bool
) -> None:
    held = Held(asyncio.Event(), Says("late"))
    with ExitStack() as stack:
        if watched:
            stack.enter_context(PROGRESS.listen(lambda _, __, ___: None))
        async with asking(lambda _: held, **{model: timed(first_byte="200ms")}) as provider:
            failure, reason = await failure_of(running, model)
            held.until.set()
    assert failure == "timeout", reason
    assert len(provider.asked) == 1


@contextmanager
def full() -> Generator[int]:
    """Give the port of one who takes no more connections, and refuses none."""
    with ExitStack() as stack:
        listening = stack.enter_context(closing(socket.socket()))
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            one = stack.enter_context(closing(socket.socket()))
            one.settimeout(0)
            one.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@EVERY
async def test_who_takes_no_connection_in_time_is_not_waited_for(running: Running, model: str) -> None:
    with full() as port:
        there = {**timed(connect="200ms"), "base_url": f"http://127.0.0.1:{port}/there"}
        async with asking(lambda _: Says("never"), **{model: there}) as provider:
            failure, reason = await failure_of(running, model)
    assert failure == "timeout", reason
    assert provider.asked == []


@pytest.mark.parametrize("model", ["bedrock", "mistral"])  # for whoever asks it is the call's own
async def test_the_whole_has_a_time(running: Running, model: str) -> None:
    held = Held(asyncio.Event(), Says("late"))
    async with asking(lambda _: held, **{model: timed(total="200ms")}):
        failure, reason = await failure_of(running, model)
        held.until.set()
    assert failure == "timeout", reason
