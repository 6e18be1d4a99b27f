"""A workflow from its document: the same objects that Python makes, so the same digest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ripieno.model.errors import DefinitionError, Place, nearest
from ripieno.model.limits import Limits
from ripieno.model.working_time import Calendar
from ripieno.participants.base import BaseParticipant
from ripieno.participants.step import Step
from ripieno.workflows import document as doc
from ripieno.workflows import entries
from ripieno.workflows.calendars import calendar
from ripieno.workflows.connector_entries import connector
from ripieno.workflows.declared import input_rule, participant
from ripieno.workflows.flow import FlowBuilder
from ripieno.workflows.llm import AgentEntry, agent
from ripieno.workflows.places import Places
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.requirements import lacking
from ripieno.workflows.subworkflows import declared_workflow
from ripieno.workflows.text import At, Text
from ripieno.workflows.workflow import Replaces, Workflow, name_problems

__all__ = ["Builder"]


class Builder(FlowBuilder):
    """Builds one workflow, collecting every problem on the way; what could not be built is None."""

    def __init__(self, document: doc.WorkflowDocument, text: Text, folder: Path) -> None:
        super().__init__(text, folder)
        self._document = document

    def build(self, source: str) -> tuple[Workflow, Places]:
        """Give the workflow and the places of its parts; raises `WorkflowFileError`."""
        calendars = self._calendars()
        for name, entry in self._document.connectors.items():
            found = self._attempt(("connectors", name), connector, name, entry, self._folder)
            if found is not None:
                self._connectors[name] = found
        for name, entry in self._in_order():
            at = ("participants", name)
            built = self._attempt(at, self._participant, name, entry, at, calendars)
            self._participants[name] = built
            if built is not None:
                self._places[built] = self._text.place(at)
        for name, entry in self._document.participants.items():
            self._modes_of(name, entry)
        root = self._stage(self._document.flow, ("flow",))
        for problem in name_problems(root) if root is not None else ():
            place = self._places.get(problem.participant, self._text.place(("flow",)))
            self._problems.append(DefinitionError(problem.message, place=place, remedy=problem.remedy))
        limits = self._limits(self._document.limits, ("limits",))
        lacks = () if root is None or limits is None else lacking(root, limits, self._document.policy)
        for lack in lacks:
            place = self._places.get(lack.participant, self._text.place(("flow",)))
            self._problems.append(DefinitionError(lack.message, place=place, remedy=lack.remedy))
        workflow = None
        if root is not None and limits is not None and not self._problems:
            workflow = self._workflow(root, limits, source)
        if workflow is None or self._problems:
            raise WorkflowFileError(self._problems)
        return workflow, self._found_places()

    def _in_order(self) -> Iterator[tuple[str, Any]]:
        """Give the entries, each after whom it asks; what goes round in a circle comes as it stands."""
        left = dict(self._document.participants)
        while left:
            ready = [
                name
                for name, entry in left.items()
                if not isinstance(entry, AgentEntry) or entry.agent.asks.isdisjoint(left)
            ]
            for name in ready or list(left):
                yield name, left.pop(name)

    def _participant(
        self, name: str, entry: Any, at: At, calendars: dict[str, Calendar]
    ) -> BaseParticipant | None:
        if isinstance(entry, AgentEntry):
            return agent(name, entry.agent, self._folder, self._participants, self._connectors)
        if isinstance(entry, entries.WorkflowEntry):
            return declared_workflow(name, entry.workflow, self._folder, self._text, at)
        if not self._knows_calendar(entry, (*at, "human", "calendar"), calendars):
            return None
        return participant(name, entry, self._folder, calendars)

    def _calendars(self) -> dict[str, Calendar]:
        built = {
            name: self._attempt(("calendars", name), calendar, name, entry, self._folder)
            for name, entry in self._document.calendars.items()
        }
        return {name: found for name, found in built.items() if found is not None}

    def _knows_calendar(self, entry: Any, at: At, calendars: dict[str, Calendar]) -> bool:
        """Tell whether the calendar that a person is asked under could be made, if there is one."""
        name = entry.human.calendar if isinstance(entry, entries.HumanEntry) else None
        if name is None or name in calendars:
            return True
        declared = self._document.calendars
        if name not in declared:
            known = ", ".join(declared) or "none"
            msg = f"no calendar is called {name!r}{nearest(name, declared)}; declared: {known}"
            self._problems.append(DefinitionError(msg, place=self._text.place(at)))
        return False

    def _workflow(self, root: BaseParticipant, limits: Limits, source: str) -> Workflow | None:
        document = self._document
        rule = None
        if document.input is not None:
            rule = self._attempt(("input",), input_rule, document.input, self._folder)
        replaces = document.replaces

        def make() -> Workflow:
            return Workflow(
                document.workflow,
                root,
                owner=document.owner,
                purpose=document.purpose,
                risk=document.risk,
                data=document.data,
                input_trust=document.input_trust,
                policy=document.policy,
                limits=limits,
                replaces=Replaces(replaces.minutes, replaces.touchpoints, replaces.value),
                check_input=rule,
                connectors=list(self._connectors.values()),
                source=source,
            )

        return self._attempt((), make)

    def _found_places(self) -> Places:
        text = self._text
        return Places(
            Place(text.file),
            self._places,
            {name: text.place(("participants", name)) for name in self._document.participants},
            {str(name): text.place((name,)) for name in text.data},
        )

    def _modes_of(self, name: str, entry: Any) -> None:
        """Let a participant have the mode that its entry says, wherever it takes part."""
        built, at = self._participants[name], ("participants", name)
        if built is None or not isinstance(entry, entries.WithMode):
            return
        settings = self._mode(entry, at)
        if settings:
            moded = self._attempt(at, lambda: Step(built, **settings))
            self._participants[name] = moded
            if moded is not None:
                self._places[moded] = self._text.place(at)
