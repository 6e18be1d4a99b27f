"""Microsoft Agent Framework workflows with persistence off."""

from harness.agent_framework_chain import in_memory
from harness.contender import Contender, main

if __name__ == "__main__":
    main(
        Contender(
            label="Agent Framework",
            persistence="none",
            packages=("agent-framework-core",),
            opened=in_memory,
        )
    )
