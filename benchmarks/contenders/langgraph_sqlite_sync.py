"""LangGraph with its SQLite checkpointer, in durability mode `sync`."""

from functools import partial

from harness.contender import Contender, main
from harness.langgraph_chain import checkpoints, in_sqlite

if __name__ == "__main__":
    main(
        Contender(
            label="LangGraph + SQLite, sync",
            persistence="SQLite, WAL, synchronous=FULL; written before the next step starts",
            packages=("langgraph", "langgraph-checkpoint-sqlite"),
            opened=partial(in_sqlite, durability="sync"),
            records=checkpoints,
        )
    )
