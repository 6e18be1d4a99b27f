"""Microsoft Agent Framework with file checkpoints, the steps as a loop over one executor.

For the long run only: there it is the better way to use the framework, whose checkpoints carry
a state for each executor of the graph.
"""

from harness.agent_framework_chain import checkpoints, looped_in_files
from harness.contender import Contender, main
from harness.shape import SIZES

if __name__ == "__main__":
    main(
        Contender(
            label="Agent Framework + files, a loop",
            persistence="one JSON file per step, never synced to disk",
            packages=("agent-framework-core",),
            opened=looped_in_files,
            records=checkpoints,
            sizes=SIZES[2:],
        )
    )
