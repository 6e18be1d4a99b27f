"""Histories are read beside the loop, and those of all runs together are kept within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ripieno.mediation.provenance.histories import Histories, driven
from ripieno.mediation.provenance.tracing import RunTracer
from ripieno.mediation.provenance.words import LONGEST
from ripieno.model.event import GENESIS, Event
from ripieno.model.provenance import Carried
from ripieno.model.value import encode

MARK = "the Riverside View Hotel"


class Log:
    """Runs whose input nobody answers for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[str] = []
        self.held = asyncio.Event()
        self.held.set()

    async def events(self, run: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        del limit
        self.asked.append(run)
        await self.held.wait()
        body: dict[str, Any] = {"input": "aa", "given": {"trust": "untrusted"}, "principal": "person:ada"}
        return [] if after else [Event(run, 1, GENESIS, 1, 1, "run.started", "", body)]

    def payload(self, run: str, commitment: str) -> bytes:
        del run, commitment
        return encode(self.text)


def carried() -> Carried:
    return Carried("desk@1/tool/1", {"hotel": MARK}, (), own_accord=True)


async def test_the_loop_goes_on_while_the_longest_text_is_read() -> None:
    words = " ".join(f"{number:07x}" for number in range(LONGEST // 8 - 10))
    tracer = RunTracer(Histories(Log(f"{MARK} {words}")), "r1")
    turns = 0
    tracing = asyncio.ensure_future(tracer.trace(carried()))
    while not tracing.done():
        turns += 1
        await asyncio.sleep(0)
    assert tracing.result().provenance == {"hotel": "untrusted"}
    assert tracer.work > 50_000
    assert turns > 50, "it had to wait until all of it was read"


async def test_runs_at_work_are_bounded_together_and_what_was_let_go_is_read_anew() -> None:
    log = Log(f"{MARK} and so on, from one word to another and back again")
    histories = Histories(log, most=60)
    tracers = {run: RunTracer(histories, run) for run in ("r1", "r2", "r3")}
    found = [await tracer.trace(carried()) for tracer in tracers.values()]
    assert len({str(one.document["from"]).replace("r2", "r1").replace("r3", "r1") for one in found}) == 1
    assert histories.size < 120
    before = log.asked.count("r1")
    assert (await tracers["r1"].trace(carried())).provenance == {"hotel": "untrusted"}
    assert log.asked.count("r1") == before + 1


async def test_who_is_called_off_leaves_no_history_half_read() -> None:
    log = Log(f"{MARK} and so on")
    histories = Histories(log)
    tracer = RunTracer(histories, "r1")
    log.held.clear()
    tracing = asyncio.ensure_future(tracer.trace(carried()))
    while not log.asked:  # noqa: ASYNC110 - until the thread has asked
        await asyncio.sleep(0)
    tracing.cancel()
    await asyncio.sleep(0)
    other = asyncio.ensure_future(tracer.trace(carried()))
    await asyncio.sleep(0)
    assert len(log.asked) == 1
    assert not other.done()
    log.held.set()
    with pytest.raises(asyncio.CancelledError):
        await tracing
    assert (await other).provenance == {"hotel": "untrusted"}


async def test_what_waits_by_itself_in_a_thread_is_an_error_and_no_wait_for_ever() -> None:
    async def waits() -> Any:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for something"):
        driven(waits())
