"""Whatever runs side by side, however often it is interrupted: no limit is passed, the books balance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.scenarios.house import begin, ended, serving, until
from ripieno import Call, Context, Cost, Function, Limits, Workflow, concurrent, merge, sequential, tool
from ripieno.kernel.host import Host
from ripieno.kernel.ledger import Ledger
from ripieno.model.event import Event
from ripieno.model.spending import Spending
from ripieno.participants.base import BaseParticipant

RUN = Limits(tokens=200, model_calls=6)
"""What the whole run may spend."""


def most(tokens: int, told: int, pauses: int) -> Cost:
    del told, pauses
    return Cost(tokens=tokens, model_calls=1)


@tool(on_uncertain="retry", attempts=9, cost=most)
async def call_model(tokens: int, told: int, pauses: int, call: Call) -> int:
    for _ in range(pauses):
        await asyncio.sleep(0)
    call.spent(tokens=min(told, tokens), model_calls=1)
    return told


@dataclass(slots=True)
class Tree:
    """A flow, and the limits declared in it by the name of who is limited."""

    limits: dict[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    count: int = 0

    def name(self) -> str:
        self.count += 1
        return f"p{self.count}"


def some(amounts: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.none() | amounts


calls = st.tuples(st.integers(1, 60), st.integers(0, 60), st.integers(0, 4))


def leaf(name: str, amounts: Sequence[tuple[int, int, int]]) -> BaseParticipant:
    async def act(context: Context) -> str:
        for tokens, told, pauses in amounts:
            await context.use(call_model, tokens=tokens, told=told, pauses=pauses)
        return name

    return Function(act, name=name, pure=True)


def grown(draw: st.DrawFn, tree: Tree, depth: int) -> BaseParticipant:
    name = tree.name()
    if depth == 0 or draw(st.booleans()):
        made = leaf(name, draw(st.lists(calls, min_size=1, max_size=3)))
    else:
        inside = [grown(draw, tree, depth - 1) for _ in range(draw(st.integers(1, 3)))]
        if draw(st.booleans()):
            made = concurrent(*inside, resolve=merge(), name=name)
        else:
            made = sequential(*(one.on_failure("continue") for one in inside), name=name)
    if draw(st.booleans()):
        tokens, most_calls = draw(some(st.integers(1, 120))), draw(st.integers(1, 4))
        model_calls = most_calls if tokens is None else draw(some(st.just(most_calls)))
        made = made.limit(tokens=tokens, model_calls=model_calls, allowance=draw(st.booleans()))
        tree.limits[name] = Limits(tokens=tokens, model_calls=model_calls).amounts
    return made


@st.composite
def flows(draw: st.DrawFn) -> tuple[BaseParticipant, Mapping[str, Mapping[str, int]]]:
    tree = Tree()
    return sequential(grown(draw, tree, 3), name="whole"), tree.limits


def passed(events: Sequence[Event], limits: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Say where more was reserved and spent within a limited visit than it may, by the log alone."""
    held: dict[str, Mapping[str, int]] = {}
    spent: list[tuple[str, Mapping[str, int]]] = []
    for event in events:
        if event.kind == "intent":
            held[event.path] = event.body.get("reserved", {})
        elif event.kind == "result" and event.body["status"] in ("done", "failed", "unsent"):
            held.pop(event.path)
            spent.append((event.path, event.body.get("spent", {})))
        for name, declared in limits.items():
            within = [amounts for path, amounts in (*held.items(), *spent) if f"{name}@" in path]
            for amount, limit in declared.items():
                total = sum(amounts.get(amount, 0) for amounts in within)
                if total > limit:
                    yield f"event {event.seq}: {total} of {limit} {amount} in {name}"


def total(events: Sequence[Event]) -> Spending:
    found = Spending()
    for event in events:
        if event.kind == "result":
            found += Spending.read(event.body.get("spent", {}))
    return found


async def interrupted(home: Path, workflow: Workflow, stops: Sequence[int]) -> list[Event]:
    """Run a workflow to its end, its host leaving each time that so many events have come."""
    async with serving(home, workflow) as host:
        run = await begin(host, workflow)
        if stops:
            await so_many(host, run, stops[0])
    for stop in stops[1:]:
        async with serving(home, workflow) as host:
            await so_many(host, run, stop)
    async with serving(home, workflow) as host:
        await ended(host, run)
        return list(await host.store.events(run))


async def so_many(host: Host, run: str, count: int) -> None:
    async def look() -> bool | None:
        row = await host.store.run(run)
        return row.ended or row.head_seq >= count or None

    await until(look)


@given(flows(), st.lists(st.integers(2, 30), max_size=2).map(sorted))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_branches_side_by_side_never_pass_a_limit_together(flow: Any, stops: Sequence[int]) -> None:
    whole, limits = flow
    workflow = Workflow("spending", whole, limits=RUN)
    with TemporaryDirectory() as home:
        events = asyncio.run(interrupted(Path(home), workflow, stops))
    assert list(passed(events, {**limits, "whole": RUN.amounts})) == []
    [end] = [event for event in events if event.kind == "scope" and event.path == "whole@1"]
    assert Spending.read(end.body.get("spent", {})) == total(events)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50), st.integers(0, 50)), max_size=40), st.data())
@settings(deadline=None, max_examples=100)
def test_spent_reserved_and_free_are_always_the_limit(
    acts: Sequence[tuple[int, int, int]], data: st.DataObject
) -> None:
    root = Ledger(None)
    middle = [Ledger(root), Ledger(root)]
    ledgers = [root, *middle, Ledger(middle[0]), Ledger(middle[1])]
    for ledger in ledgers:
        ledger.limits["tokens"] = data.draw(st.integers(1, 200))
    held: list[tuple[Ledger, Spending]] = []
    for which, asked, told in acts:
        amounts = Spending(tokens=asked)
        if ledgers[which].stands_against(amounts, "here") is None:
            ledgers[which].hold(amounts)
            held.append((ledgers[which], amounts))
        if held and told % 2:
            ledger, reserved = held.pop(0)
            ledger.settle(reserved, Spending(tokens=min(told, reserved.tokens)))
        for ledger in ledgers:
            assert ledger.spent.tokens + ledger.held.tokens + ledger.free("tokens") == ledger.limits["tokens"]
            assert ledger.free("tokens") >= 0
    for ledger, reserved in held:
        ledger.settle(reserved, reserved)
    assert all(not ledger.held for ledger in ledgers)
