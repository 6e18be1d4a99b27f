"""Measure agents: `python -m agents.run overhead [TURNS]`, and `load` or `bare`, each `[TURNS] [SECONDS]`.

From the folder of benchmarks, in the project's own environment: the provider is that of its tests, in a
process of its own, so that what is measured here is the agent alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from pydantic_ai import Agent as PydanticAgent
from pydantic_ai import Tool as PydanticTool
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from ripieno import Workflow, agent, open_host, tool
from ripieno.identity.local import local_operator
from ripieno.participants.llm.models import MODELS, read

HERE: Final = Path(__file__).parents[1]
CORES: Final = 2
WARM: Final = 5
MODEL: Final = "gpt-5-mini"
KEY: Final = "sk-only-for-benchmarks"
INSTRUCTIONS: Final = "Find the cheaper item."


@contextmanager
def provider(script: str, seconds: float) -> Generator[str]:
    """Serve in another process, and give the address."""
    command = [sys.executable, "-m", "agents.provider", script, str(seconds)]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/openai/v1"
        finally:
            process.kill()


def declare(address: str) -> None:
    """Let agents know the model."""
    os.environ["BENCH_KEY"] = KEY
    where = {"base_url": address, "key": "secret://env/BENCH_KEY"}
    settings = {"provider": "openai", "model": MODEL, **where}
    MODELS.declare(read({"local": settings}, "the benchmark"))


@tool(effect="read", trust="trusted")
async def price(of: str) -> int:
    """Look up what something costs, in dollars."""
    return len(of)


async def plain_price(of: str) -> int:
    """Look up what something costs, in dollars."""
    return len(of)


def plain_model(address: str) -> OpenAIChatModel:
    """Give the model as Pydantic AI makes it."""
    return OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=address, api_key=KEY))


async def measured(turns: int, *kinds: Callable[[], Awaitable[None]]) -> list[list[float]]:
    """Give the CPU milliseconds of turns of each kind, taken by turns, so that all meet the same machine."""
    found: list[list[float]] = [[] for _ in kinds]
    for number in range(WARM + turns):
        for one, times in zip(kinds, found, strict=True):
            began = time.process_time()
            await one()
            if number >= WARM:
                times.append((time.process_time() - began) * 1000)
    return found


async def overhead(address: str, turns: int) -> None:
    """Compare a turn of three requests and four calls with the same of the bare agent."""
    declare(address)
    bare = PydanticAgent(
        plain_model(address), instructions=INSTRUCTIONS, tools=[PydanticTool(plain_price, name="price")]
    )
    limits = UsageLimits(request_limit=None)

    async def alone() -> None:
        await bare.run("tea or coffee?", usage_limits=limits)

    flow = Workflow("buying", agent("buyer", model="local", instructions=INSTRUCTIONS, tools=[price]))
    with tempfile.TemporaryDirectory() as home:
        async with open_host(Path(home)) as host:

            async def governed() -> None:
                created = await host.start(flow, "tea or coffee?", principal=local_operator())
                outcome = await host.outcome(created.row.id)
                assert outcome.output == "tea is cheaper", outcome

            bares, governeds = await measured(turns, alone, governed)
    ratios = sorted(ours / theirs for theirs, ours in zip(bares, governeds, strict=True))
    low, middle, high = (ratios[len(ratios) * part // 4] for part in (1, 2, 3))
    print(
        f"bare {median(bares):.2f} ms, governed and recorded {median(governeds):.2f} ms of CPU;"
        f" pair by pair {(middle - 1) * 100:+.1f} % ({(low - 1) * 100:+.1f} to {(high - 1) * 100:+.1f} %)"
    )


async def share(address: str, home: str, turns: int) -> None:
    """Have turns go side by side in this process, each a run of its own, once a line is read; tell of it."""
    declare(address)
    flow = Workflow("asking", agent("sage", model="local"))
    async with open_host(Path(home)) as host:
        created = await host.start(flow, "warm", principal=local_operator())
        await host.outcome(created.row.id)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        cpu = time.process_time()
        starts = [host.start(flow, f"case {n}", principal=local_operator()) for n in range(turns)]
        runs = [one.row.id for one in await asyncio.gather(*starts)]
        outcomes = await asyncio.gather(*map(host.outcome, runs))
        used = time.process_time() - cpu
    failed = [one.reason for one in outcomes if one.status != "complete"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": used, "memory": memory, "failed": failed}), flush=True)


def load(address: str, turns: int) -> None:
    """Have many turns go side by side, in as many processes on one data folder as there are cores."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        command = [sys.executable, "-m", "agents.run", "share", address, home, str(turns // CORES)]
        workers = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - our own
                    command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(CORES)
        ]
        for worker in workers:
            assert said(worker) == "ready"
        began = time.monotonic()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [json.loads(said(worker)) for worker in workers]
        took = time.monotonic() - began
    cpu, memory = (sum(one[name] for one in told) for name in ("cpu", "memory"))
    failed = [reason for one in told for reason in one["failed"]]
    print(
        f"{turns} turns in {CORES} processes: {took:.1f} s, {cpu:.1f} s CPU, {memory:.0f} MB,"
        f" {len(failed)} failed"
    )
    print("\n".join(failed[:3]))


def said(worker: subprocess.Popen[str]) -> str:
    """Give the next line that a worker says."""
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


async def bare_load(address: str, turns: int) -> None:
    """Have many turns of the bare agent go side by side, for comparison, in one process."""
    bare = PydanticAgent(plain_model(address))
    await bare.run("warm")
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(bare.run(f"case {n}") for n in range(turns)))
    print(f"{turns} bare turns: {time.monotonic() - began:.1f} s, {time.process_time() - cpu:.1f} s CPU")


def main(what: str, first: str = "", second: str = "5", third: str = "") -> None:
    """Measure one thing."""
    if what == "overhead":
        with provider("with_tools", 0) as address:
            asyncio.run(overhead(address, int(first or 50)))
    elif what == "share":
        asyncio.run(share(first, second, int(third)))
    else:
        with provider("answers", float(second)) as address:
            if what == "bare":
                asyncio.run(bare_load(address, int(first or 1000)))
            else:
                load(address, int(first or 1000))


if __name__ == "__main__":
    main(*sys.argv[1:])
