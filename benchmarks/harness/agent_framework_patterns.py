"""The patterns with the orchestrations of the Microsoft Agent Framework, checkpointed to files.

Participants are agents that answer at once; where the framework asks for a chat client (handoff), it is one
that calls the tool of the next handoff at once. Annotations stay real, because the framework reads them.
"""

# The framework leaves some of its own type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportIncompatibleMethodOverride=false

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from agent_framework import (
    Agent,
    AgentResponse,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    Content,
    FileCheckpointStorage,
    FunctionInvocationLayer,
    Message,
    Workflow,
    WorkflowBuilder,
)
from agent_framework_orchestrations import (
    ConcurrentBuilder,
    GroupChatBuilder,
    GroupChatState,
    HandoffBuilder,
    MagenticBuilder,
    MagenticContext,
    MagenticManagerBase,
    MagenticProgressLedger,
    MagenticProgressLedgerItem,
)

from harness.agent_framework_chain import CHECKPOINTS
from harness.contender import Load, RunOne
from harness.shape import SPEAKERS

__all__ = ["branches", "handoffs", "magentic", "opened", "talk"]


class Tally:
    """How many steps a run has made."""

    def __init__(self) -> None:
        """Begin at none."""
        self.count = 0


Built = Callable[[Load, FileCheckpointStorage, Tally], Workflow]


class Speaker:
    """An agent that answers at once, and counts."""

    def __init__(self, name: str, tally: Tally) -> None:
        """Bear a name."""
        self.id = name
        self.name: str | None = name
        self.description: str | None = None
        self._tally = tally

    async def run(self, messages: Any = None, *, stream: bool = False, session: Any = None, **_: Any) -> Any:
        """Answer."""
        del messages, stream, session
        self._tally.count += 1
        return AgentResponse(messages=[said(f"found {self._tally.count}", self.id)], response_id="answer")

    def create_session(self, *, session_id: str | None = None) -> AgentSession:
        """Give a session."""
        return AgentSession(session_id=session_id)

    def get_session(self, service_session_id: Any, *, session_id: str | None = None) -> AgentSession:
        """Give a session."""
        return AgentSession(service_session_id=service_session_id, session_id=session_id)


def agents(names: Sequence[str], tally: Tally) -> list[Any]:
    """Give agents; `Any`, as the framework's protocol demands less at run time than its types do."""
    return [Speaker(name, tally) for name in names]


def said(text: str, by: str | None = None) -> Message:
    """Give a message."""
    return Message("assistant", [text], author_name=by)


def branches(load: Load, storage: FileCheckpointStorage, tally: Tally) -> Workflow:
    """Build branches side by side, their answers put together."""
    speakers = agents([f"branch_{number}" for number in range(load.size.steps)], tally)
    return ConcurrentBuilder(participants=speakers, checkpoint_storage=storage).build()


def talk(load: Load, storage: FileCheckpointStorage, tally: Tally) -> Workflow:
    """Build a chat that goes in turn."""
    names = [f"speaker_{number}" for number in range(SPEAKERS)]

    def in_turn(state: GroupChatState) -> str:
        return names[state.current_round % SPEAKERS]

    speakers = agents(names, tally)
    chat = GroupChatBuilder(
        participants=speakers,
        selection_func=in_turn,
        max_rounds=load.size.steps,
        checkpoint_storage=storage,
    )
    return with_room(chat.build(), storage, 2 * load.size.steps + 2)


def with_room(built: Workflow, storage: FileCheckpointStorage, supersteps: int) -> Workflow:
    """Wire the executors of a chat up again with room for a long one: its builder leaves it 100 supersteps.

    A turn takes two, one of whoever leads the chat and one of a speaker. `max_iterations` is a setting of
    `WorkflowBuilder` that `GroupChatBuilder` does not pass on.
    """
    lead = built.get_start_executor()
    builder = WorkflowBuilder(supersteps, start_executor=lead, checkpoint_storage=storage, output_from=[lead])
    for speaker in built.get_executors_list():
        if speaker is not lead:
            builder.add_edge(lead, speaker).add_edge(speaker, lead)
    return builder.build()


class NextDesk(FunctionInvocationLayer[Any], BaseChatClient[Any]):
    """A chat client that calls one tool, or gives the last answer where there is none to call."""

    def __init__(self, tool: str | None, tally: Tally) -> None:
        """Know the tool."""
        super().__init__()
        self._tool, self._tally = tool, tally

    async def _inner_get_response(
        self, *, messages: Sequence[Message], stream: bool, options: Mapping[str, Any], **_: Any
    ) -> ChatResponse[Any]:
        del messages, stream, options
        if self._tool is None:
            return ChatResponse(messages=[said("done")], response_id="answer")
        self._tally.count += 1
        call = Content.from_function_call(f"call-{self._tally.count}", self._tool, arguments="{}")
        return ChatResponse(messages=[Message("assistant", [call])], response_id="answer")


def handoffs(load: Load, storage: FileCheckpointStorage, tally: Tally) -> Workflow:
    """Build agents that hand on from one to the next, until the last has answered."""
    total = load.size.steps
    tools = [*(f"handoff_to_desk_{number + 1}" for number in range(total)), None]
    desks = [
        Agent(
            client=NextDesk(tool, tally), name=f"desk_{n}", require_per_service_call_history_persistence=True
        )
        for n, tool in enumerate(tools)
    ]
    builder = HandoffBuilder(
        participants=desks,
        checkpoint_storage=storage,
        termination_condition=lambda conversation: bool(conversation) and conversation[-1].text == "done",
    )
    for one, after in pairwise(desks):
        builder.add_handoff(one, [after])
    return builder.with_start_agent(desks[0]).build()


class Scripted(MagenticManagerBase):
    """A manager whose ledgers are written beforehand: every round makes progress, the last satisfies."""

    def __init__(self, rounds: int, tally: Tally) -> None:
        """Know when it is enough."""
        super().__init__(max_round_count=rounds + 1)
        self._rounds, self._tally = rounds, tally

    async def plan(self, magentic_context: MagenticContext) -> Message:
        """Plan."""
        del magentic_context
        return said("look into each part in turn", "manager")

    async def replan(self, magentic_context: MagenticContext) -> Message:
        """Plan again."""
        return await self.plan(magentic_context)

    async def create_progress_ledger(self, magentic_context: MagenticContext) -> MagenticProgressLedger:
        """Judge."""
        del magentic_context
        item = MagenticProgressLedgerItem
        return MagenticProgressLedger(
            is_request_satisfied=item("counted", self._tally.count >= self._rounds),
            is_in_loop=item("no", answer=False),
            is_progress_being_made=item("yes", answer=True),
            next_speaker=item("in turn", f"worker_{self._tally.count % SPEAKERS}"),
            instruction_or_question=item("next", f"part {self._tally.count + 1}"),
        )

    async def prepare_final_answer(self, magentic_context: MagenticContext) -> Message:
        """Conclude."""
        del magentic_context
        return said("done", "manager")


def magentic(load: Load, storage: FileCheckpointStorage, tally: Tally) -> Workflow:
    """Build a manager with workers, for a given number of rounds."""
    workers = agents([f"worker_{number}" for number in range(SPEAKERS)], tally)
    manager = Scripted(load.size.steps, tally)
    return MagenticBuilder(participants=workers, manager=manager, checkpoint_storage=storage).build()


@asynccontextmanager
async def opened(load: Load, build: Built) -> AsyncGenerator[RunOne]:
    """Build one workflow per run, before the clock starts: an instance refuses concurrent runs."""
    logging.getLogger("agent_framework").setLevel(logging.ERROR)
    logging.getLogger("agent_framework_orchestrations").setLevel(logging.ERROR)
    storage = FileCheckpointStorage(load.folder / CHECKPOINTS)
    tallies = [Tally() for _ in range(load.total_runs)]
    workflows = [build(load, storage, tally) for tally in tallies]

    async def run_one(number: int) -> int:
        await workflows[number].run("admitted")
        return tallies[number].count

    yield run_one
