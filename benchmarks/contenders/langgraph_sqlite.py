"""LangGraph with its SQLite checkpointer, in its default durability mode, `async`."""

from functools import partial

from harness.contender import Contender, main
from harness.langgraph_chain import checkpoints, in_sqlite

if __name__ == "__main__":
    main(
        Contender(
            label="LangGraph + SQLite, async",
            persistence="SQLite, WAL, synchronous=FULL; the default: written while the next step runs",
            packages=("langgraph", "langgraph-checkpoint-sqlite"),
            opened=partial(in_sqlite, durability="async"),
            records=checkpoints,
        )
    )
