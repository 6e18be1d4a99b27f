"""The shape as a LangGraph state graph, shared by the contenders with and without a checkpointer."""

# LangGraph's signatures leave some of their own type parameters open.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, Literal

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from harness.shape import State, Update, advance, first_state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig

    from harness.contender import Load, RunOne

__all__ = ["checkpoints", "in_memory", "in_sqlite"]

DATABASE = "langgraph.sqlite"


async def step(state: State) -> Update:
    """Do one step as an asynchronous node, which spares LangGraph a thread."""
    return advance(state)


def chain(steps: int) -> StateGraph[State, None, State, State]:
    """Build a chain of that many nodes."""
    graph = StateGraph(State)
    names = [f"step_{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, step)
    for source, target in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(source, target)
    return graph


@asynccontextmanager
async def in_memory(load: Load) -> AsyncGenerator[RunOne]:
    """Compile once, without a checkpointer."""
    graph = chain(load.size.steps).compile()

    async def run_one(number: int) -> int:
        ended: dict[str, Any] = await graph.ainvoke(first_state(number))
        return ended["count"]

    yield run_one


@asynccontextmanager
async def in_sqlite(load: Load, durability: Literal["sync", "async"]) -> AsyncGenerator[RunOne]:
    """Compile once, with the saver's own connection settings."""
    async with AsyncSqliteSaver.from_conn_string(str(load.folder / DATABASE)) as saver:
        graph = chain(load.size.steps).compile(checkpointer=saver)

        async def run_one(number: int) -> int:
            config: RunnableConfig = {"configurable": {"thread_id": f"run-{number}"}}
            ended: dict[str, Any] = await graph.ainvoke(first_state(number), config, durability=durability)
            return ended["count"]

        yield run_one


def checkpoints(folder: Path) -> int:
    """Count the checkpoints on disk."""
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        (count,) = database.execute("SELECT count(*) FROM checkpoints").fetchone()
    return count
