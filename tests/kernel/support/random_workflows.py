"""Random workflows: nests of patterns over participants that compute, act, ask, choose and wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies

from ripieno import (
    Call,
    Context,
    Outcome,
    Task,
    Workflow,
    concurrent,
    human,
    loop,
    map_over,
    merge,
    sequential,
)
from ripieno.connectors.tool import Tool
from ripieno.model.event import Json
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.patterns.base import Pattern

__all__ = ["LEAVES", "Built", "Node", "build", "nodes"]


@dataclass(frozen=True, slots=True)
class Node:
    """One participant of a workflow to be built."""

    kind: str
    inner: tuple[Node, ...] = ()


WAITS = ("ask", "sleep", "patient")
LEAVES = ("compute", "act", "act", "choose", "flaky", *WAITS)

leaves = strategies.sampled_from(LEAVES).map(Node)
waits = strategies.sampled_from(WAITS).map(Node)


def within(inner: strategies.SearchStrategy[Node]) -> strategies.SearchStrategy[Node]:
    """Give patterns over participants that are given."""
    some = strategies.lists(inner, min_size=1, max_size=3).map(tuple)
    some_waits = strategies.lists(waits, min_size=2, max_size=3).map(tuple)
    return strategies.one_of(
        strategies.builds(Node, strategies.sampled_from(["sequential", "concurrent"]), some),
        strategies.builds(Node, strategies.sampled_from(["map", "loop"]), inner.map(lambda node: (node,))),
        strategies.builds(Node, strategies.sampled_from(["race", "finish"]), some_waits),
    )


nodes = strategies.recursive(leaves, within, max_leaves=7)
"""Workflows of up to seven leaves."""


class Finish(Pattern):
    """Gives the names of its stages in the order in which they ended; of a race, the first alone."""

    def __init__(self, name: str, stages: Sequence[BaseParticipant], *, first: bool) -> None:
        super().__init__(name, stages)
        self._first = first

    def settings(self) -> dict[str, Json]:
        return {"steps": self.flow(), "first": self._first}

    async def act(self, task: Task, context: Context) -> Outcome:
        order: list[str] = []
        async with context.branches() as branches:
            for stage in self.stages:
                branches.start(stage, task)
            while (ended := await branches.next()) is not None:
                order.append(ended[0].rpartition("/")[2])
                if self._first:
                    break
        return Outcome("complete", order)


@dataclass(slots=True)
class Built:
    """A workflow, the world that it acts on, and which of its functions were entered."""

    world: dict[str, str] = field(default_factory=dict[str, str])
    """What took effect, by idempotency key."""
    entered: list[str] = field(default_factory=list[str])
    """Paths of the visits in which code of the workflow was run."""
    calls: int = 0
    _count: int = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def tool(self) -> Tool:
        """Give a tool that answers by the world after a crash."""

        async def act(what: str, call: Call) -> str:
            self.calls += 1
            self.world[call.key] = what
            return f"did {what}"

        async def find(what: str, call: Call) -> str | None:
            return f"did {what}" if call.key in self.world else None

        return Tool(act, on_uncertain=find, timeout=0.02, name="act")

    def participant(self, node: Node) -> BaseParticipant:
        """Build one node and what is within it."""
        inner = [self.participant(item) for item in node.inner]
        name = self.name(node.kind)
        make = PATTERNS.get(node.kind)
        return self.leaf(node.kind, name) if make is None else make(name, inner)

    def leaf(self, kind: str, name: str) -> BaseParticipant:
        """Build a participant of code."""
        tool, number = self.tool(), self._count

        async def act(input: Any, previous: Any, context: Context) -> Any:  # noqa: A002 - bound by this name
            self.entered.append(context.path)
            return await perform(kind, tool, (input, previous), context, number)

        leaf = Function(act, name=name, pure=True)
        return leaf.retry(2, backoff="5s") if kind == "flaky" else leaf


async def perform(kind: str, tool: Tool, given: tuple[Any, Any], context: Context, number: int) -> Any:
    """Do what a leaf of a kind does; no two wait equally long."""
    match kind:
        case "act":
            first = await context.use(tool, what=f"{context.path} with {given[0]}")
            return [first, await context.use(tool, what=f"{context.path} again")]
        case "choose":
            digit = context.random().randrange(3)
            chosen = await context.choose(
                "digit", str(digit), offered=["0", "1", "2"], because={"now": "this"}
            )
            return [chosen, str(await context.now())]
        case "sleep":
            await context.sleep(600 + number)
            return str(await context.now())
        case "flaky" if context.path.endswith(("@1", "@0", "@2")):
            msg = "not yet"
            raise RuntimeError(msg)
        case _:
            return [given[0], given[1]]


PATTERNS: Mapping[str, Callable[[str, list[BaseParticipant]], BaseParticipant]] = {
    "sequential": lambda name, inner: sequential(*inner, name=name),
    "concurrent": lambda name, inner: concurrent(*inner, resolve=merge(), name=name),
    "map": lambda name, inner: map_over("[1, 2, 3]", inner[0], width=2, name=name),
    "loop": lambda name, inner: loop(inner[0], until="False", rounds=2, name=name),
    "race": lambda name, inner: Finish(name, inner, first=True),
    "finish": lambda name, inner: Finish(name, inner, first=False),
    "ask": lambda name, _: human(name, role="clerk"),
    "patient": lambda name, _: human(name, role="clerk").timeout(900 + int(name.removeprefix("patient"))),
}
"""All but the participants of code, by kind."""


def build(node: Node) -> tuple[Workflow, Built]:
    """Give the workflow of a node."""
    built = Built()
    return Workflow("random", sequential(built.participant(node), name="all")), built
