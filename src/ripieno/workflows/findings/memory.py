"""Memories that hold what is sensitive for ever, or for everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.tools import tools_in
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from ripieno.connectors.memory.memory import Memory
    from ripieno.model.errors import Place

__all__ = ["EndlessMemory", "SharedMemory"]

SENSITIVE: Final = frozenset({"personal", "phi", "pii", "financial", "secret"})


class EndlessMemory(FindingKind):
    """It ends with the run that wrote it, and until then whatever it says is taken for what holds."""

    code = "endless-memory"
    severity = "warning"
    title = "A memory of sensitive data that does not end"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each memory."""
        for memory, classes, place in sensitive(workflow, places):
            if memory.keep is None:
                reason = f"memory {memory.name!r} may hold {', '.join(classes)} data, and recalls it for ever"
                yield self.at(place, reason, "say how long something is recalled: `keep: 90d`")


class SharedMemory(FindingKind):
    """What was learnt about one person is told in the case of another."""

    code = "shared-memory"
    severity = "warning"
    title = "A memory of sensitive data that is about nobody in particular"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each memory."""
        for memory, classes, place in sensitive(workflow, places):
            if memory.subject is None:
                held = f"memory {memory.name!r} may hold {', '.join(classes)} data"
                reason = f"{held}, and each run recalls what was learnt in any other"
                yield self.at(place, reason, "say whom it is about: `subject: patient.id`, or `subject: key`")


def sensitive(workflow: Workflow, places: Places) -> Iterator[tuple[Memory, Sequence[str], Place]]:
    """Give each memory that may hold sensitive data, which, and who uses it first."""
    declared = SENSITIVE & {str(name) for name in workflow.data}
    for connector in workflow.connectors.values():
        if connector.kind != "memory":
            continue
        memory: Memory = connector  # pyright: ignore[reportAssignmentType] - that kind is a memory
        classes = sorted(declared | (SENSITIVE & set(memory.data)))
        users = (one for one in everyone(workflow) if any(t.connector is memory for t in tools_in(one)))
        user = next(users, None)
        if classes:
            yield memory, classes, places.file if user is None else places.of(user)
