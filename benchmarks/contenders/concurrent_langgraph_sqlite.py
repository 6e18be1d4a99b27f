"""LangGraph's concurrent with its SQLite saver."""

from harness.contender import Contender, main
from harness.langgraph_patterns import branches, opened, writes

if __name__ == "__main__":
    main(
        Contender(
            label="LangGraph + SQLite, async",
            persistence="SQLite, WAL, synchronous=FULL; the default: written while the next step runs",
            packages=("langgraph", "langgraph-checkpoint-sqlite"),
            opened=lambda load: opened(load, branches(load)),
            records=writes,
            shape="concurrent",
        )
    )
