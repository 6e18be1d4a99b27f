"""Microsoft Agent Framework workflows with their file checkpoint storage."""

from harness.agent_framework_chain import checkpoints, in_files
from harness.contender import Contender, main
from harness.shape import SIZES

if __name__ == "__main__":
    main(
        Contender(
            label="Agent Framework + files",
            persistence="one JSON file per step, never synced to disk",
            packages=("agent-framework-core",),
            opened=in_files,
            records=checkpoints,
            sizes=SIZES[:2],  # the cost of a checkpoint grows with the executors; the loop runs the long one
        )
    )
