"""The Microsoft Agent Framework's chat orchestration with its file checkpoint storage."""

from functools import partial

from harness.agent_framework_patterns import opened, talk
from harness.contender import Contender, main

if __name__ == "__main__":
    main(
        Contender(
            label="Agent Framework + files",
            persistence="a JSON file per superstep, never synced to disk",
            packages=("agent-framework-core", "agent-framework-orchestrations"),
            opened=partial(opened, build=talk),
            shape="chat",
        )
    )
