"""LangGraph with persistence off."""

from harness.contender import Contender, main
from harness.langgraph_chain import in_memory

if __name__ == "__main__":
    main(
        Contender(
            label="LangGraph",
            persistence="none",
            packages=("langgraph",),
            opened=in_memory,
        )
    )
