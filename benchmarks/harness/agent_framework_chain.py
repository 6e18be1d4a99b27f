"""The shape as a Microsoft Agent Framework workflow: as a chain, and as a loop over one executor.

Annotations stay real here, because the framework reads them to type the messages between executors.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Never, cast

from agent_framework import (
    Executor,
    FileCheckpointStorage,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    handler,
)

from harness.contender import Load, RunOne
from harness.shape import State, advance, first_state

__all__ = ["checkpoints", "in_files", "in_memory", "looped_in_files"]

# Messages are plain dicts: a TypedDict is one at run time, and the framework checks at run time.
Message = dict[str, object]

CHECKPOINTS = "checkpoints"


def advanced(message: Message) -> Message:
    """Give the next message: the state with the update of one step in it."""
    return {**message, **advance(cast("State", message))}


class Step(Executor):
    """A step that hands on to the next."""

    @handler
    async def run_step(self, message: Message, ctx: WorkflowContext[Message]) -> None:
        """Do one step."""
        await ctx.send_message(advanced(message))


class LastStep(Executor):
    """The step that ends the run."""

    @handler
    async def run_step(self, message: Message, ctx: WorkflowContext[Never, Message]) -> None:
        """Do one step and give the output of the run."""
        await ctx.yield_output(advanced(message))


class RepeatedStep(Executor):
    """A step that hands on to itself until it has run often enough."""

    def __init__(self, steps: int) -> None:
        """Set how often."""
        super().__init__(id="repeated_step")
        self.steps = steps

    @handler
    async def run_step(self, message: Message, ctx: WorkflowContext[Message, Message]) -> None:
        """Do one step and give the output of the run if it was the last."""
        message = advanced(message)
        if message["count"] == self.steps:
            await ctx.yield_output(message)
        else:
            await ctx.send_message(message)


def chain(steps: int, storage: FileCheckpointStorage | None) -> Workflow:
    """Build a chain of that many executors, checkpointed when there is a storage."""
    executors: list[Executor] = [Step(id=f"step_{number}") for number in range(steps - 1)]
    executors.append(LastStep(id=f"step_{steps - 1}"))
    builder = WorkflowBuilder(
        start_executor=executors[0], max_iterations=steps + 1, checkpoint_storage=storage, name="chain"
    )
    for source, target in pairwise(executors):
        builder.add_edge(source, target)
    return builder.build()


def loop(steps: int, storage: FileCheckpointStorage | None) -> Workflow:
    """Build one executor that runs that many times."""
    executor = RepeatedStep(steps)
    builder = WorkflowBuilder(
        start_executor=executor, max_iterations=steps + 1, checkpoint_storage=storage, name="loop"
    )
    return builder.add_edge(executor, executor).build()


@asynccontextmanager
async def opened(load: Load, build: Callable[[int], Workflow]) -> AsyncGenerator[RunOne]:
    """Build one workflow per run, before the clock starts: an instance refuses concurrent runs."""
    logging.getLogger("agent_framework").setLevel(logging.ERROR)  # it warns of every loop
    workflows = [build(load.size.steps) for _ in range(load.total_runs)]

    async def run_one(number: int) -> int:
        result = await workflows[number].run(dict(first_state(number)))
        (output,) = result.get_outputs()
        return output["count"]

    yield run_one


def in_memory(load: Load) -> AbstractAsyncContextManager[RunOne]:
    """Run the chain without a storage."""
    return opened(load, partial(chain, storage=None))


def in_files(load: Load) -> AbstractAsyncContextManager[RunOne]:
    """Run the chain with one folder of checkpoints for all runs."""
    return opened(load, partial(chain, storage=FileCheckpointStorage(load.folder / CHECKPOINTS)))


def looped_in_files(load: Load) -> AbstractAsyncContextManager[RunOne]:
    """Run the loop with one folder of checkpoints for all runs."""
    return opened(load, partial(loop, storage=FileCheckpointStorage(load.folder / CHECKPOINTS)))


def checkpoints(folder: Path) -> int:
    """Count the checkpoint files."""
    return sum(1 for _ in (folder / CHECKPOINTS).glob("*.json"))
