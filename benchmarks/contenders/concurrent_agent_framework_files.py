"""The Microsoft Agent Framework's concurrent orchestration with its file checkpoint storage."""

from functools import partial

from harness.agent_framework_patterns import branches, opened
from harness.contender import Contender, main

if __name__ == "__main__":
    main(
        Contender(
            label="Agent Framework + files",
            persistence="a JSON file per superstep, never synced to disk",
            packages=("agent-framework-core", "agent-framework-orchestrations"),
            opened=partial(opened, build=branches),
            shape="concurrent",
        )
    )
