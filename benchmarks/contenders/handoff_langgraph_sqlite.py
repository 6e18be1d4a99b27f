"""LangGraph's handoff with its SQLite saver."""

from harness.contender import Contender, main
from harness.langgraph_patterns import checkpoints, handoffs, opened

if __name__ == "__main__":
    main(
        Contender(
            label="LangGraph + SQLite, async",
            persistence="SQLite, WAL, synchronous=FULL; the default: written while the next step runs",
            packages=("langgraph", "langgraph-checkpoint-sqlite"),
            opened=lambda load: opened(load, handoffs(load)),
            records=checkpoints,
            shape="handoff",
        )
    )
