"""What a tool declares holds for its calls in runs: in order, within limits, twice where that helps."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, begin, ended, events, parked, serving, turned, until
from ripieno.connectors.tool import Tool, tool
from ripieno.kernel.clock import SystemClock, moment
from ripieno.kernel.guarding import Around
from ripieno.kernel.host import Host
from ripieno.model.action import Call
from ripieno.model.errors import AuthenticationError, NotSentError, StoreError, ToolError
from ripieno.model.participant import Context
from ripieno.model.spending import Cost
from ripieno.participants.function import function
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.resilience.http import client
from ripieno.resilience.policy import Breaker, Bulkhead, RateLimit, Resilience, Retry, Timeouts
from ripieno.resilience.systems import Systems
from ripieno.workflows.workflow import Workflow

ONCE = Retry(attempts=1)


def asks(used: Tool, name: str = "desk", times: int = 1) -> Any:
    async def use(context: Context) -> list[Any]:
        return [await context.use(used) for _ in range(times)]

    return function(name=name, pure=True)(use)


async def told(host: Host, tenant: str = "default") -> list[tuple[str, Any]]:
    """Give what the tenant's log tells of breakers."""
    stream = await host.store.tenant_stream(tenant)
    found = await host.store.events(stream)
    return [(event.kind, event.body.get("failure")) for event in found if event.kind.startswith("breaker.")]


# -- breakers ----------------------------------------------------------------------------------------------


async def test_a_breaker_is_shared_by_runs_probed_by_one_and_told_in_the_log(tmp_path: Path) -> None:
    clock, calls, broken = HandClock(), 0, True

    def answer() -> str:
        nonlocal calls
        calls += 1
        if broken:
            raise httpx.ConnectError("gone")  # noqa: EM101 - as a client says it
        return "here"

    declared = Resilience(retry=ONCE, breaker=Breaker(failures=3, cooldown="30s"))
    workflow = Workflow("ask", asks(tool(answer, name="clinic", resilience=declared)))
    async with serving(tmp_path, workflow, clock=clock) as host:
        outcomes = [await ended(host, await begin(host, workflow)) for _ in range(5)]
        assert [one.failure for one in outcomes] == ["connection"] * 5
        assert calls == 3, "two runs were spared"
        assert "the breaker of clinic is open (connection)" in str(outcomes[-1].reason)
        other = await begin(host, workflow, by=ADA)
        assert (await ended(host, other)).failure == "connection"
        clock.turn(30)
        broken = False
        assert (await ended(host, await begin(host, workflow))).output == ["here"]
        assert [kind for kind, _ in await told(host)] == [
            "breaker.opened",
            "breaker.half_opened",
            "breaker.closed",
        ]
    assert calls == 4


async def test_a_run_waits_for_a_breaker_as_for_any_pause_and_the_log_tells_why(tmp_path: Path) -> None:
    clock, calls = HandClock(), 0

    def answer() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            msg = "busy"
            raise ToolError(msg, failure="overloaded", retry_after=40)
        return "here"

    declared = Resilience(breaker=Breaker(), retry=Retry(attempts=2, backoff="1ms"))
    workflow = Workflow("ask", asks(tool(answer, resilience=declared)))
    async with serving(tmp_path, workflow, clock=clock) as host:
        first = await begin(host, workflow)
        await parked(host, first)
        second = await begin(host, workflow)  # once the breaker is open: else it may have been called before
        await parked(host, second)
        assert calls == 1
        await turned(host, clock, first, 41)
        assert (await ended(host, first)).output == ["here"]
        assert (await ended(host, second)).output == ["here"]


async def test_while_one_call_finds_out_the_others_wait_for_it_as_long_as_they_are_patient(
    tmp_path: Path,
) -> None:
    let, probing, calls, broken = asyncio.Event(), asyncio.Event(), 0, True

    async def answer() -> str:
        nonlocal calls
        calls += 1
        if broken:
            raise ConnectionError
        probing.set()
        await let.wait()
        return "here"

    breaker = Breaker(failures=1, cooldown="1ms")
    declared = Resilience(breaker=breaker)
    hasty = Resilience(breaker=breaker, retry=Retry(patience="1ms"))
    used = tool(answer, effect="read", resilience=declared)
    async with serving(tmp_path) as host:
        around = Around(host.store, host.clock, "default", 5.0)
        with pytest.raises(ToolError):
            await declared.call(used, {}, _call(), around)
        await asyncio.sleep(0.002)
        broken = False
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(declared.call(used, {}, _call(), around)) for _ in range(3)]
            await probing.wait()
            with pytest.raises(NotSentError, match="the breaker of answer is open"):
                await hasty.call(used, {}, _call(), around)
            assert calls == 2
            let.set()
        assert {task.result() for task in asked} == {"here"}


async def test_what_the_tool_says_of_the_case_itself_does_not_count_and_a_refused_secret_does(
    tmp_path: Path,
) -> None:
    error: Exception = ToolError("no such patient")

    def answer() -> None:
        raise error

    declared = Resilience(retry=ONCE, breaker=Breaker(failures=1, at_once=("auth",)))
    workflow = Workflow("ask", asks(tool(answer, attempts=1, resilience=declared)))
    async with serving(tmp_path, workflow) as host:
        for _ in range(3):
            assert (await ended(host, await begin(host, workflow))).failure is None
        with pytest.raises(Exception):  # noqa: B017, PT011 - nothing was recorded in it yet
            await told(host, "nobody")
        error = AuthenticationError("who are you?")
        outcomes = [await ended(host, await begin(host, workflow)) for _ in range(2)]
        assert [one.failure for one in outcomes] == ["auth", "auth"]
        assert await told(host) == [("breaker.opened", "auth")]


async def test_one_tenant_does_not_open_the_breaker_of_another(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        systems = Systems.of(host.store, host.clock)
        assert systems is Systems.of(host.store, host.clock)
        declared = Breaker()
        assert systems.circuit("a", "clinic", declared) is systems.circuit("a", "clinic", declared)
        assert systems.circuit("a", "clinic", declared) is not systems.circuit("b", "clinic", declared)


async def test_an_answer_is_not_lost_where_the_log_cannot_tell_of_a_breaker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as host:
        around = Around(host.store, host.clock, "default", 5.0)

        async def full(*_: Any, **__: Any) -> None:
            msg = "disk full"
            raise StoreError(msg)

        def answer() -> str:
            if fails:
                raise ConnectionError
            return "here"

        fails = True
        used = tool(answer, effect="read", resilience=Resilience(breaker=Breaker(failures=1, cooldown="1ms")))
        monkeypatch.setattr(host.store, "record", full)
        call = _call()
        assert used.resilience is not None
        with pytest.raises(ToolError):
            await used.resilience.call(used, {}, call, around)
        fails = False
        await asyncio.sleep(0.002)
        assert await used.resilience.call(used, {}, call, around) == "here"


# -- rate limits -------------------------------------------------------------------------------------------


async def test_calls_wait_their_turn_and_none_is_sent_too_soon(tmp_path: Path) -> None:
    sent: list[float] = []

    async def answer() -> None:
        sent.append(asyncio.get_running_loop().time())

    declared = Resilience(system="clinic", limits=(RateLimit(requests=3, per="200ms"),))
    used = tool(answer, effect="read", resilience=declared)
    stages = [asks(used, f"desk-{number}", 2) for number in range(4)]
    workflow = Workflow("ask", concurrent(*stages, resolve=merge()))
    began = asyncio.get_running_loop().time()
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow))).ok
    assert len(sent) == 8
    assert [sent[3] - began >= 0.19, sent[6] - began >= 0.39] == [True, True]


async def test_a_wait_beyond_the_deadline_is_told_and_a_run_that_may_comes_again(tmp_path: Path) -> None:
    calls, clock = 0, HandClock()

    def answer() -> int:
        nonlocal calls
        calls += 1
        return calls

    limits = (RateLimit(requests=1, per="1h"),)
    once = tool(answer, name="once", timeout="5s", resilience=Resilience(retry=ONCE, limits=limits))
    again = tool(answer, name="again", timeout="5s", resilience=Resilience(retry=Retry(), limits=limits))
    one, two = Workflow("one", asks(once, times=2)), Workflow("two", asks(again, times=2))
    async with serving(tmp_path, one, two, clock=clock) as host:
        outcome = await ended(host, await begin(host, one))
        assert (outcome.status, outcome.failure, calls) == ("failed", "rate_limited", 1)
        assert "no room before the deadline" in str(outcome.reason)
        run = await begin(host, two)
        await parked(host, run)
        (refused,) = [
            event for event in await events(host, run, "result") if event.body["status"] == "failed"
        ]
        assert float(refused.body["retry_after"]) == pytest.approx(3600)
        await turned(host, clock, run, 3601)
        assert (await ended(host, run)).output == [2, 3]


async def test_tokens_are_reserved_as_declared_and_settled_as_told(tmp_path: Path) -> None:
    sent: list[int] = []
    refuses = False

    def answer(call: Call) -> None:
        if refuses:
            msg = "not now"
            raise ToolError(msg, failure="rate_limited")
        sent.append(call.attempt)
        call.spent(tokens=20)

    limits = (RateLimit(tokens=100, per="1h"),)
    declared = Resilience(retry=ONCE, limits=limits)
    used = tool(answer, timeout="5s", cost=Cost(tokens=60), resilience=declared)
    workflow = Workflow("ask", asks(used))
    async with serving(tmp_path, workflow) as host:
        outcomes = [await ended(host, await begin(host, workflow)) for _ in range(4)]
        assert [one.failure for one in outcomes] == [None, None, None, "rate_limited"], "60 of the 40 left"
        assert len(sent) == 3


async def test_what_was_refused_has_taken_no_tokens(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        around = Around(host.store, host.clock, "default", 1.0)
        error: Exception | None = ToolError("not now", failure="rate_limited")

        def answer() -> str:
            if error is not None:
                raise error
            return "here"

        declared = Resilience(limits=(RateLimit(tokens=100, per="1h"),))
        used = tool(answer, effect="read", cost=Cost(tokens=60), resilience=declared)
        for _ in range(3):
            with pytest.raises(ToolError):
                await declared.call(used, {}, _call(), around)
        error = None
        assert await declared.call(used, {}, _call(), around) == "here"
        with pytest.raises(NotSentError, match="no room before the deadline"):
            await declared.call(used, {}, _call(), around)


async def test_limits_of_tenants_and_targets_are_their_own(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        systems = Systems.of(host.store, host.clock)
        shared = RateLimit(requests=1)
        each, own = RateLimit(requests=1, each_tenant=True), RateLimit(requests=1, of="target")

        def windows(tenant: str, target: str) -> list[int]:
            found = systems.windows(tenant, "openai", target, (shared, each, own))
            return [id(window) for window, _ in found]

        here, there, other = windows("a", "x"), windows("b", "x"), windows("a", "y")
        assert [one == two for one, two in zip(here, there, strict=True)] == [True, False, True]
        assert [one == two for one, two in zip(here, other, strict=True)] == [True, True, False]


# -- bulkheads ---------------------------------------------------------------------------------------------


async def test_a_system_that_hangs_holds_up_nobody_else_though_its_functions_are_plain(
    tmp_path: Path,
) -> None:
    over = threading.Event()

    def hangs() -> None:
        over.wait(20)

    def answers() -> str:
        return "here"

    slow = tool(hangs, effect="read", resilience=Resilience(bulkhead=Bulkhead(at_once=2, queue=100)))
    hanging = Workflow("hanging", concurrent(*(asks(slow, f"desk-{n}") for n in range(40)), resolve=merge()))
    quick = Workflow("quick", asks(tool(answers, effect="read")))
    async with serving(tmp_path, hanging, quick) as host:
        stuck = await begin(host, hanging)
        slots = Systems.of(host.store, host.clock).slots("hangs", Bulkhead(at_once=2, queue=100))

        async def waiting() -> bool | None:
            return slots.waiting == 38 or None

        await until(waiting)
        assert (await ended(host, await begin(host, quick))).output == ["here"]
        over.set()
        assert (await ended(host, stuck)).ok
        assert (slots.under_way, slots.waiting) == (0, 0)


async def test_of_those_who_wait_tenants_have_their_turn_and_who_is_too_many_fails_at_once(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as host:
        served: list[str] = []
        begun, over = asyncio.Event(), asyncio.Event()

        async def answer(who: str) -> None:
            served.append(who)
            begun.set()
            await over.wait()

        declared = Resilience(bulkhead=Bulkhead(at_once=1, queue=4))
        used = tool(answer, effect="read", resilience=declared)

        def ask(who: str) -> Any:
            around = Around(host.store, host.clock, who[0], 5.0)
            return declared.call(used, {"who": who}, _call(), around)

        async with asyncio.TaskGroup() as group:
            group.create_task(ask("a1"))
            await begun.wait()
            tasks = [group.create_task(ask(who)) for who in ("a2", "a3", "b1", "a4")]
            await asyncio.sleep(0)
            with pytest.raises(NotSentError, match="as many wait as may") as full:
                await ask("b2")
            assert full.value.failure == "overloaded"
            late = Around(host.store, host.clock, "b", 0.01)
            tasks[3].cancel()
            await asyncio.sleep(0)
            with pytest.raises(NotSentError, match="until the deadline"):
                await declared.call(used, {"who": "late"}, _call(), late)
            over.set()
        assert served == ["a1", "a2", "b1", "a3"]


# -- times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_the_first_byte_has_a_time_of_its_own_and_the_rest_has_what_is_left(
    tmp_path: Path, library: str
) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/slow" in asked:
            await reader.read()  # until whoever asks has gone
            writer.close()
            gone.set()
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
        await asyncio.sleep(0.15)
        writer.write(b"k")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def fetch(path: str) -> str:
        async with client(library, base_url=f"http://127.0.0.1:{port}") as http:
            return (await http.get(path)).text

    times = Timeouts(connect="2s", first_byte="100ms", total="5s")
    used = tool(fetch, effect="read", resilience=Resilience(retry=ONCE, timeouts=times))
    async with server, serving(tmp_path) as host:
        around = Around(host.store, host.clock, "default", 5.0)
        assert used.resilience is not None
        assert await used.resilience.call(used, {"path": "/late"}, _call(), around) == "ok"
        with pytest.raises(ToolError, match=r"no answer began within 0\.1 s") as late:
            await used.resilience.call(used, {"path": "/slow"}, _call(), around)
        assert late.value.failure == "timeout"
        await gone.wait()


async def test_nothing_is_sent_once_the_deadline_has_passed_while_it_waited(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        sent: list[int] = []
        used = tool(lambda: sent.append(1), name="note", resilience=Resilience(breaker=Breaker(failures=1)))
        around = Around(host.store, host.clock, "default", 0.0)
        assert used.resilience is not None
        with pytest.raises(NotSentError, match="its deadline has passed"):
            await used.resilience.call(used, {}, _call(), around)
        assert sent == []
        circuit = Systems.of(host.store, host.clock).circuit("default", "note", Breaker(failures=1))
        assert circuit.state == "closed", "which says nothing of the system"


def _now() -> Any:
    return moment(SystemClock().now() + 60_000_000)


def _call() -> Call:
    return Call("k" * 40, "r", "p", 1, _now())
