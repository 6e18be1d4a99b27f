"""The kinds of participants that a workflow file may declare."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Discriminator, Tag

from ripieno.workflows.entries import FunctionEntry, HumanEntry, ImportEntry, RemoteEntry, WorkflowEntry
from ripieno.workflows.fields import by_key
from ripieno.workflows.llm import AgentEntry

__all__ = ["PARTICIPANT_KINDS", "ParticipantEntry"]

PARTICIPANT_KINDS: Final = {
    "agent": "<agent>",
    "function": "<function>",
    "human": "<human>",
    "workflow": "<workflow>",
    "remote": "<remote>",
    "import": "<import participant>",
}

ParticipantEntry = Annotated[
    Annotated[AgentEntry, Tag("<agent>")]
    | Annotated[FunctionEntry, Tag("<function>")]
    | Annotated[HumanEntry, Tag("<human>")]
    | Annotated[WorkflowEntry, Tag("<workflow>")]
    | Annotated[RemoteEntry, Tag("<remote>")]
    | Annotated[ImportEntry, Tag("<import participant>")],
    Discriminator(by_key(PARTICIPANT_KINDS)),
]
