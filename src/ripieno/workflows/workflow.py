"""A workflow: a root participant, who answers for it, what it may touch, and how far it may go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from ripieno.connectors.connector import Connector
from ripieno.mediation.secrets.reference import Reference
from ripieno.model.decimals import decimal
from ripieno.model.definition import Definition
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json, digest
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import UndoTool
from ripieno.model.principal import Principal
from ripieno.model.provenance import SourceTrust, declared_label
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.human import Human
from ripieno.participants.limiting import stand_in
from ripieno.participants.modes import offered
from ripieno.participants.remote import RemoteAgent
from ripieno.participants.step import Step
from ripieno.participants.workflow import Subworkflow, depth_of
from ripieno.patterns.base import Pattern, Stage, as_participant, flow, limits_document
from ripieno.patterns.deadline import Deadline
from ripieno.workflows.connectors import connectors_of, undo_at
from ripieno.workflows.inputs import InputCheck, InputRule
from ripieno.workflows.inventory import inventory
from ripieno.workflows.requirements import lacking
from ripieno.workflows.tools import open_all, references

if TYPE_CHECKING:
    from ripieno.workflows.embedded import Handle

__all__ = ["Data", "NameProblem", "Replaces", "Risk", "Workflow", "name_problems"]

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
Risk = Literal["low", "medium", "high"]


class Data(StrEnum):
    """Classes of data that a workflow touches."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    PHI = "phi"
    FINANCIAL = "financial"
    SECRET = "secret"  # noqa: S105 - the name of a class of data


@dataclass(frozen=True, slots=True)
class Replaces:
    """What the workflow takes over, so that its impact can be computed from the log."""

    minutes: float | None = None
    """Manual work per case."""
    touchpoints: int | None = None
    """Hand-overs between people per case."""
    value: str | None = None
    """What a case is worth, such as `35 USD`."""

    def document(self) -> dict[str, Json]:
        """Give what is declared."""
        minutes = None if self.minutes is None else decimal(self.minutes)
        settings: dict[str, Json] = {"minutes": minutes, "touchpoints": self.touchpoints, "value": self.value}
        return {name: value for name, value in settings.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a workflow's runs are pinned to, computed once."""

    definition: str
    pins: Mapping[str, Any]
    version: str


class Workflow:
    """What can be run: the same whether it was written in Python or in YAML."""

    def __init__(
        self,
        name: str,
        root: Stage,
        *,
        owner: str | None = None,
        purpose: str | None = None,
        risk: Risk = "medium",
        data: Sequence[Data | str] = (),
        input_trust: SourceTrust = "trusted",
        policy: str | None = None,
        limits: Limits | None = None,
        replaces: Replaces | None = None,
        check_input: InputRule | None = None,
        connectors: Sequence[Connector] = (),
        source: str | None = None,
    ) -> None:
        if not NAME.fullmatch(name):
            msg = f"workflow name {name!r} must be lower-case letters, digits and `-`, starting with a letter"
            raise DefinitionError(msg)
        self.name = name
        self.top = as_participant(root)
        """The participant that is the whole, without the workflow's own limits."""
        self.owner, self.purpose, self.risk, self.policy = owner, purpose, risk, policy
        self.data = tuple(sorted(class_of_data(item) for item in data))
        self.input_trust, _ = declared_label(f"the input of {name}", input_trust, ())
        self.limits = limits or Limits()
        self.replaces = replaces or Replaces()
        self.input = None if check_input is None else InputCheck(check_input, name)
        self.source = source or ""
        self._declared = tuple(connectors)
        if self.limits.allowance:
            msg = f"{name}: a run has nothing above it that an allowance could be set aside from"
            raise DefinitionError(msg, remedy="leave out `allowance`")
        within = self.deadline
        timed = within is not None and self.limits == Limits(deadline=self.limits.deadline)
        self.root: BaseParticipant = self.top
        """What the kernel runs."""
        held = self.limits.bounded or self.limits.runaway is not None
        self.bounds = self.limits if held else None
        """What the kernel holds every run to; None where there is no limit."""
        self.before_bounds = Deadline(self.top, within) if timed and within else None
        """What runs go on with that began before the kernel kept deadlines."""
        instead = stand_in(self.limits)
        self.parts = (self.top,) if instead is None else (self.top, instead)
        """The whole, and who takes over when a limit of the run trips."""
        self._check_depth()
        if risk not in ("low", "medium", "high"):
            msg = f"{name}: risk must be 'low', 'medium' or 'high', got {risk!r}"
            raise DefinitionError(msg)
        check_calendars(self)
        for problem in name_problems(*self.parts):
            msg = f"{name}: {problem.message}"
            raise DefinitionError(msg, remedy=problem.remedy)
        for lack in lacking(self.top, self.limits, policy):
            msg = f"{name}: {lack.message}"
            raise DefinitionError(msg, remedy=lack.remedy)

    @property
    def facts(self) -> Mapping[str, str | int | bool | tuple[str, ...]]:
        """What policies may ask about it."""
        return self._facts

    @cached_property
    def _facts(self) -> Mapping[str, str | int | bool | tuple[str, ...]]:
        known = {"owner": self.owner, "purpose": self.purpose, "policy": self.policy}
        return {
            "risk": self.risk,
            "data": tuple(str(item) for item in self.data),
            "version": self.version,
            **({"input": "untrusted"} if self.input_trust == "untrusted" else {}),
            **{name: value for name, value in known.items() if value},
        }

    def document(self) -> dict[str, Json]:
        """Give the whole definition under the envelope rule: what the digest covers."""
        optional: dict[str, Json] = {
            "owner": self.owner,
            "purpose": self.purpose,
            "policy": self.policy,
            "data": [str(item) for item in self.data],
            "input_trust": "untrusted" if self.input_trust == "untrusted" else None,
            "limits": limits_document(self.limits),
            "replaces": self.replaces.document(),
            "input": None if self.input is None else self.input.describe(),
        }
        return {
            "workflow": self.name,
            "risk": self.risk,
            **{name: value for name, value in optional.items() if value},
            **({"calendars": calendars} if (calendars := self._calendars()) else {}),
            **({"connectors": connectors} if (connectors := self._described()) else {}),
            "participants": {leaf.name: leaf.describe() for leaf in self.leaves()},
            "flow": flow(self.top),
        }

    def everyone(self) -> Iterator[BaseParticipant]:
        """Give every participant, step and pattern, depth first; one that occurs twice comes twice."""
        for part in self.parts:
            yield from part.everyone()

    def leaves(self) -> list[BaseParticipant]:
        """Give the participants that are neither patterns nor qualified steps, each once."""
        found: dict[str, BaseParticipant] = {}
        for participant in self.everyone():
            if not isinstance(participant, Pattern | Step):
                found.setdefault(participant.name, participant)
        return list(found.values())

    def _calendars(self) -> dict[str, Json]:
        """Give the calendars that people are asked under, by name."""
        asked = [leaf.calendar for leaf in self.leaves() if isinstance(leaf, Human)]
        return {calendar.name: calendar.describe() for calendar in asked if calendar is not None}

    @property
    def connectors(self) -> Mapping[str, Connector]:
        """The connectors that it declares, and those whose tools its participants use, by name."""
        return self._connectors

    @cached_property
    def _connectors(self) -> Mapping[str, Connector]:
        return connectors_of(self._declared, self.everyone())

    def _described(self) -> dict[str, Json]:
        return {name: connector.describe() for name, connector in self.connectors.items()}

    @property
    def digest(self) -> str:
        """SHA-256 of the definition."""
        return self._pinned.definition

    @property
    def pins(self) -> Mapping[str, Any]:
        """The definition's digest, and each participant's declared version and source digest."""
        return self._pinned.pins

    @property
    def version(self) -> str:
        """SHA-256 over definition and code: what a run is pinned to."""
        return self._pinned.version

    @cached_property
    def _pinned(self) -> Pinned:
        definition = digest(self.document())
        code = {leaf.name: leaf.identity() for leaf in self.leaves()}
        for pattern in self.everyone():
            if isinstance(pattern, Pattern) and pattern.identity():
                code[pattern.name] = pattern.identity()
            elif isinstance(pattern, Step) and pattern.identity():
                code[f"{pattern.name}/check"] = pattern.identity()
        pins: dict[str, Any] = {"definition": definition, "code": code}
        if modes := self._modes():
            pins["modes"] = modes
        if self.connectors:
            pins["connectors"] = {name: one.identity() for name, one in self.connectors.items()}
        return Pinned(definition, pins, digest(pins))

    def _modes(self) -> dict[str, Json]:
        """Give for each participant that has a person beside it what it declares, and may be changed to."""
        steps = [step for step in self.top.everyone() if isinstance(step, Step) and step.modes.person]
        return {
            step.name: {"declared": step.modes.mode, "offers": list(offered(step.participant))}
            for step in steps
        }

    def check_input(self, value: object) -> None:
        """Raise `InputError` when a run cannot start with this input."""
        if self.input is not None:
            self.input(value)

    def reads_input(self) -> str | None:
        """Give the first participant whose code reads the run's input and does without none, if any."""
        known = frozenset(participant.name for participant in self.top.everyone())
        return next(
            (one.name for one in _given_the_input(self.top) if one.binding.reads_input(known)),
            None,
        )

    @property
    def workflows(self) -> tuple[Definition, ...]:
        """The workflows that its participants run as child runs, each once."""
        found = [leaf.workflow for leaf in self.leaves() if isinstance(leaf, Subworkflow)]
        return tuple({one.version: one for one in found}.values())

    def _check_depth(self) -> None:
        runaway = self.limits.runaway
        depth = depth_of(self) - 1
        if runaway is not None and runaway.depth is not None and depth > runaway.depth:
            msg = f"{self.name}: {depth} workflows stand one within another below it, {runaway.depth} may"
            raise DefinitionError(msg, remedy="let fewer stand one within another, or raise `depth`")

    @property
    def about(self) -> Mapping[str, Any]:
        """What the inventory holds of it: owner, purpose, risk, classes of data, and each participant."""
        return self._about

    @cached_property
    def _about(self) -> Mapping[str, Any]:
        return inventory(self)

    async def open_secrets(self) -> Sequence[str]:
        """Open the secrets of its tools; give what cannot be had, and why."""
        return await open_all(self.secrets)

    @cached_property
    def secrets(self) -> tuple[Reference, ...]:
        """The references that its tools declare, each once, as far as it can be told which tools it has."""
        return references(self.everyone())

    @property
    def participants(self) -> frozenset[str]:
        """The names of everyone who may act in it."""
        return self._participants

    @cached_property
    def _participants(self) -> frozenset[str]:
        return frozenset(participant.name for participant in self.everyone())

    def undo_tool(self, reference: str) -> UndoTool | None:
        """Give the tool that takes a call back, by its reference; None when it is not there.

        What calls off the task of a remote agent goes by the agent's name.
        """
        for leaf in self.leaves():
            if isinstance(leaf, RemoteAgent) and leaf.calls.call_off.reference == reference:
                return leaf.calls.call_off
        return undo_at(reference, self.connectors)

    @property
    def deadline(self) -> float | None:
        """Seconds from a run's start in which it has to end."""
        return None if self.limits.deadline is None else seconds(self.limits.deadline)

    async def run(
        self, value: object = None, *, key: str | None = None, principal: Principal | None = None
    ) -> Outcome:
        """Run it on an input and wait for its outcome, people included; durable, in this program.

        A workflow that takes no input is given none.
        With a business `key`, a second call gives the outcome of the first's run. `principal` is the
        operator of this machine unless given.
        """
        from ripieno.workflows import embedded  # noqa: PLC0415 - the kernel is needed to run, not to define

        return await embedded.run(self, value, key=key, principal=principal)

    async def start(
        self, value: object = None, *, key: str | None = None, principal: Principal | None = None
    ) -> Handle:
        """Start a run and come back for its outcome later; idempotent by business `key`."""
        from ripieno.workflows import embedded  # noqa: PLC0415 - the kernel is needed to run, not to define

        return await embedded.start(self, value, key=key, principal=principal)

    def __repr__(self) -> str:
        return f"Workflow({self.name!r}, version {self.version[:12]})"


def _given_the_input(participant: BaseParticipant) -> Iterator[Function]:
    """Give the functions whose task has the run's own input for certain.

    Not those in a `map`, which have an item, nor whoever judges, reviews, sums up or is called as a tool.
    """
    if isinstance(participant, Function):
        yield participant
    elif isinstance(participant, Step):
        yield from _given_the_input(participant.participant)
    elif isinstance(participant, Pattern) and participant.kind not in ("map", "magentic"):
        for stage in participant.stages:
            yield from _given_the_input(stage)


def check_calendars(workflow: Workflow) -> None:
    """Raise `DefinitionError` where two calendars have one name: a definition tells them apart by it."""
    found: dict[str, dict[str, Json]] = {}
    for leaf in workflow.leaves():
        if isinstance(leaf, Human) and leaf.calendar is not None:
            described = leaf.calendar.describe()
            if found.setdefault(leaf.calendar.name, described) != described:
                msg = f"{workflow.name}: two calendars are called {leaf.calendar.name!r}"
                raise DefinitionError(msg, remedy="give one of them a name of its own")


def class_of_data(item: Data | str) -> Data:
    """Give a class of data by its name."""
    try:
        return Data(item)
    except ValueError:
        known = f"expected one of {', '.join(Data)}"
        msg = f"unknown class of data {item!r}{nearest(str(item), list(Data))}; {known}"
        raise DefinitionError(msg) from None


@dataclass(frozen=True, slots=True)
class NameProblem:
    """A name that cannot stand."""

    participant: BaseParticipant
    message: str
    remedy: str | None = None


def name_problems(*parts: BaseParticipant) -> Iterator[NameProblem]:
    """Give each two participants of one name, and each function that asks for a name nobody has."""
    by_name: dict[str, BaseParticipant] = {}
    refused: set[int] = set()
    for participant in (one for part in parts for one in part.everyone()):
        known = participant.participant if isinstance(participant, Step) else participant
        other = by_name.setdefault(known.name, known)
        if other is not known and id(known) not in refused:
            refused.add(id(known))
            message = f"two participants are called {known.name!r}"
            yield NameProblem(
                known, message, "names must be unique within a workflow; give one of them a name of its own"
            )
    known_names = frozenset(by_name)
    for participant in by_name.values():
        if isinstance(participant, Function):
            for unknown in participant.binding.names(known_names):
                hint = nearest(unknown, known_names)
                message = f"{participant.name} takes {unknown!r}, which no participant is called{hint}"
                yield NameProblem(participant, message)
        elif isinstance(participant, Subworkflow | RemoteAgent):
            for unknown in participant.unknown(known_names):
                hint = nearest(unknown, known_names)
                message = f"{participant.name} is given {unknown!r}, which no participant is called{hint}"
                yield NameProblem(participant, message)
