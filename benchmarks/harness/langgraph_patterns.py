"""The patterns as LangGraph state graphs, built as its documentation builds them."""

# LangGraph's signatures leave some of their own type parameters open.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import operator
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from harness.shape import SPEAKERS, first_state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig

    from harness.contender import Load, RunOne

__all__ = ["branches", "checkpoints", "handoffs", "opened", "talk", "writes"]

DATABASE = "langgraph.sqlite"


class Gathered(TypedDict):
    """What goes round: the run, what was done so far, and what everybody gave."""

    run: int
    count: int
    gathered: Annotated[list[dict[str, int]], operator.add]


def branches(load: Load) -> StateGraph[Any, Any, Any, Any]:
    """Build nodes side by side that join in one."""
    graph = StateGraph(Gathered)

    async def found(state: Gathered) -> dict[str, Any]:
        return {"gathered": [{"found": state["run"]}]}

    async def join(state: Gathered) -> dict[str, Any]:
        return {"count": len(state["gathered"])}

    graph.add_node("join", join)
    for number in range(load.size.steps):
        graph.add_node(f"branch_{number}", found)
        graph.add_edge(START, f"branch_{number}")
        graph.add_edge(f"branch_{number}", "join")
    graph.add_edge("join", END)
    return graph


def handoffs(load: Load) -> StateGraph[Any, Any, Any, Any]:
    """Build nodes that hand on by `Command(goto=...)`."""
    graph = StateGraph(Gathered)
    total = load.size.steps

    def desk(number: int) -> Any:
        async def work(state: Gathered) -> Command[Any]:
            if number == total:
                return Command(update={"gathered": []}, goto=END)
            return Command(update={"count": state["count"] + 1}, goto=f"desk_{number + 1}")

        return work

    for number in range(total + 1):
        to = END if number == total else f"desk_{number + 1}"
        graph.add_node(f"desk_{number}", desk(number), destinations=(to,))
    graph.add_edge(START, "desk_0")
    return graph


def talk(load: Load) -> StateGraph[Any, Any, Any, Any]:
    """Build speakers who take turns, each adding a message, until the last round is over."""
    graph = StateGraph(Gathered)

    async def speak(state: Gathered) -> dict[str, Any]:
        return {"count": state["count"] + 1, "gathered": [{"count": state["count"] + 1}]}

    def then(state: Gathered) -> str:
        return END if state["count"] == load.size.steps else f"speaker_{state['count'] % SPEAKERS}"

    names = [f"speaker_{number}" for number in range(SPEAKERS)]
    for name in names:
        graph.add_node(name, speak)
        graph.add_conditional_edges(name, then, [*names, END])
    graph.add_edge(START, names[0])
    return graph


@asynccontextmanager
async def opened(load: Load, graph: StateGraph[Any, Any, Any, Any]) -> AsyncGenerator[RunOne]:
    """Compile once, with the saver's own connection settings and LangGraph's default durability."""
    async with AsyncSqliteSaver.from_conn_string(str(load.folder / DATABASE)) as saver:
        compiled = graph.compile(checkpointer=saver)

        async def run_one(number: int) -> int:
            config: RunnableConfig = {
                "configurable": {"thread_id": f"run-{number}"},
                "recursion_limit": load.size.steps + 10,
            }
            first: dict[str, Any] = {"run": first_state(number)["run"], "count": 0, "gathered": []}
            ended: dict[str, Any] = await compiled.ainvoke(first, config, durability="async")
            return ended["count"]

        yield run_one


def checkpoints(folder: Path) -> int:
    """Count the checkpoints on disk."""
    return counted(folder, "checkpoints")


def writes(folder: Path) -> int:
    """Count the writes of nodes on disk: branches of one step share a checkpoint."""
    return counted(folder, "writes")


def counted(folder: Path, table: str) -> int:
    """Count the rows of a table."""
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own word
    return count
