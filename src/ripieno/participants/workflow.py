"""Another workflow as a participant: a run of its own, with an allowance out of the budget above it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ripieno.model.allowance import check_allowance
from ripieno.model.definition import Definition
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.event import Json
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.participants.human import Human

__all__ = ["DEEPEST", "Subworkflow", "depth_of", "people_of", "subworkflow"]

DEEPEST: Final = 8
"""So many workflows may stand one within another."""

GIVEN: Final = ("input", "previous", "turn")


class Subworkflow(BaseParticipant):
    """Runs a workflow as a child run, and ends in what that ended in."""

    kind = "workflow"

    def __init__(
        self,
        workflow: Definition,
        name: str | None = None,
        *,
        given: str = "input",
        allowance: Limits | None = None,
    ) -> None:
        if not hasattr(workflow, "root") or not hasattr(workflow, "pins"):
            msg = f"expected a workflow to run, got {workflow!r}"
            raise DefinitionError(
                msg, remedy="subworkflow(Workflow(...)), or subworkflow(load_workflow(...))"
            )
        super().__init__(workflow.name if name is None else name)
        self.workflow = workflow
        self.given = given
        """What it receives: `input`, `previous`, `turn`, or the result of the participant of this name."""
        self.allowance = allowance
        check_allowance(allowance, self.name)
        if depth_of(workflow) >= DEEPEST:
            msg = f"{self.name}: workflow {workflow.name!r} runs others within others {DEEPEST} deep already"
            raise DefinitionError(msg, remedy="let fewer stand one within another")

    def describe(self) -> dict[str, Json]:
        """Give the workflow by its definition, what it receives, and what it may spend."""
        settings: dict[str, Json] = {"definition": self.workflow.document()}
        if self.given != "input":
            settings["input"] = self.given
        if self.allowance is not None:
            settings["allowance"] = self.allowance.document()
        return {"workflow": settings}

    def identity(self) -> dict[str, Json]:
        """Give the version of the workflow: its definition and the code behind it."""
        return {"version": self.workflow.version}

    def dependencies(self) -> frozenset[str] | None:
        """Give whose result it receives, where that is told."""
        return None if self.given in ("previous", "turn") else frozenset({self.given} - {"input"})

    def unknown(self, known: frozenset[str]) -> list[str]:
        """Give the name whose result it receives, where no participant bears it."""
        return [] if self.given in GIVEN or self.given in known else [self.given]

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what it receives."""
        found = self._found(task)
        return {} if found is None else {self.given: found.ref}

    def _found(self, task: Task) -> Value | None:
        if self.given == "input" or (self.given == "previous" and task.previous is None):
            return task.input
        if self.given == "turn":
            return task.turn
        outcome = task.state.get(task.previous or "" if self.given == "previous" else self.given)
        output = None if outcome is None else outcome.parts[0]
        return output if isinstance(output, Value) else None

    async def act(self, task: Task, context: Context) -> Outcome:
        """Run it; a workflow that refuses its input has failed."""
        found = self._found(task)
        if found is None and self.given not in GIVEN and self.given not in task.state:
            msg = f"{self.given} has given nothing yet that {self.workflow.name} could be run on"
            raise InputError(msg)
        given = context.value(None) if found is None else found
        return await context.run_workflow(self.workflow, given, allowance=self.allowance)


def depth_of(workflow: Definition) -> int:
    """Give how many workflows stand one within another, this one counted."""
    return 1 + max((depth_of(part) for part in workflow.workflows), default=0)


def people_of(workflow: Definition) -> Iterator[str]:
    """Give the names of the people that a workflow, and what it runs, asks."""
    root: Any = workflow.root
    if isinstance(root, BaseParticipant):
        yield from (one.name for one in root.everyone() if isinstance(one, Human))
    for part in workflow.workflows:
        yield from people_of(part)


def subworkflow(
    workflow: Definition,
    name: str | None = None,
    *,
    input: str = "input",  # noqa: A002 - the word that workflows use for it
    allowance: Limits | None = None,
) -> Subworkflow:
    """Give a workflow as a participant: each visit is a run of its own, a child of the run it is part of.

    Its `name` is the workflow's unless given. It receives the `input` that this participant sees, or
    what is named instead: `previous`, `turn`, or another participant. Of the limits above it may use up
    `allowance`, set aside at its start; of what the allowance does not name and is limited, all that is
    left. What it does not spend goes back at its end.

    Raises `DefinitionError` when more than eight workflows stand one within another.
    """
    return Subworkflow(workflow, name, given=input, allowance=allowance)
