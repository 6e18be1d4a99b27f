"""A workflow: a root participant, who answers for it, what it may touch, and how far it may go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, InputError, nearest
from ripieno.model.event import Json, digest
from ripieno.model.limits import Limits
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.step import Step
from ripieno.patterns.base import Pattern, Stage, as_participant, flow
from ripieno.workflows import embedded

__all__ = ["Data", "Replaces", "Risk", "Workflow"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
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
        minutes = None if self.minutes is None else f"{self.minutes:g}"
        settings: dict[str, Json] = {"minutes": minutes, "touchpoints": self.touchpoints, "value": self.value}
        return {name: value for name, value in settings.items() if value is not None}


class Workflow:
    """What can be run: the same whether it was written in Python or in YAML."""

    def __init__(  # noqa: PLR0913 - what a workflow declares, all by keyword
        self,
        name: str,
        root: Stage,
        *,
        owner: str | None = None,
        purpose: str | None = None,
        risk: Risk = "medium",
        data: Sequence[Data | str] = (),
        policy: str | None = None,
        limits: Limits | None = None,
        replaces: Replaces | None = None,
        check_input: Any = None,
        source: str | None = None,
    ) -> None:
        if not NAME.fullmatch(name):
            msg = f"workflow name {name!r} must be lower-case letters, digits and `-`, starting with a letter"
            raise DefinitionError(msg)
        self.name = name
        self.root: BaseParticipant = as_participant(root)
        self.owner, self.purpose, self.risk, self.policy = owner, purpose, risk, policy
        self.data = tuple(sorted(class_of_data(item) for item in data))
        self.limits = limits or Limits()
        self.replaces = replaces or Replaces()
        self._check_input = check_input
        self.source = source or ""
        if risk not in ("low", "medium", "high"):
            msg = f"{name}: risk must be 'low', 'medium' or 'high', got {risk!r}"
            raise DefinitionError(msg)
        check_names(self)

    def document(self) -> dict[str, Json]:
        """Give the whole definition under the envelope rule: what the digest covers."""
        optional: dict[str, Json] = {
            "owner": self.owner,
            "purpose": self.purpose,
            "policy": self.policy,
            "data": [str(item) for item in self.data],
            "limits": self.limits.document(),
            "replaces": self.replaces.document(),
        }
        return {
            "workflow": self.name,
            "risk": self.risk,
            **{name: value for name, value in optional.items() if value},
            "participants": {leaf.name: leaf.describe() for leaf in self.leaves()},
            "flow": flow(self.root),
        }

    def leaves(self) -> list[BaseParticipant]:
        """Give the participants that are neither patterns nor qualified steps, each once."""
        found: dict[str, BaseParticipant] = {}
        for participant in self.root.everyone():
            if not isinstance(participant, Pattern | Step):
                found.setdefault(participant.name, participant)
        return list(found.values())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the definition."""
        return digest(self.document())

    @cached_property
    def pins(self) -> Mapping[str, Any]:
        """The definition's digest, and each participant's declared version and source digest."""
        return {"definition": self.digest, "code": {leaf.name: leaf.identity() for leaf in self.leaves()}}

    @cached_property
    def version(self) -> str:
        """SHA-256 over definition and code: what a run is pinned to."""
        return digest(self.pins)

    def check_input(self, value: object) -> None:
        """Raise `InputError` when a run cannot start with this input."""
        if self._check_input is not None:
            try:
                self._check_input(value)
            except InputError:
                raise
            except (ValueError, TypeError) as error:
                msg = f"the input does not fit {self.name}: {error}"
                raise InputError(msg) from error

    @property
    def deadline(self) -> float | None:
        """Seconds from a run's start in which it has to end."""
        return None if self.limits.deadline is None else seconds(self.limits.deadline)

    async def run(
        self, value: object, *, key: str | None = None, principal: Principal | None = None
    ) -> Outcome:
        """Run it on an input and wait for its outcome, people included; durable, in this program.

        With a business `key`, a second call gives the outcome of the first's run. `principal` is the
        operator of this machine unless given.
        """
        return await embedded.run(self, value, key=key, principal=principal)

    async def start(
        self, value: object, *, key: str | None = None, principal: Principal | None = None
    ) -> embedded.Handle:
        """Start a run and come back for its outcome later; idempotent by business `key`."""
        return await embedded.start(self, value, key=key, principal=principal)

    def __repr__(self) -> str:
        return f"Workflow({self.name!r}, version {self.version[:12]})"


def class_of_data(item: Data | str) -> Data:
    """Give a class of data by its name."""
    try:
        return Data(item)
    except ValueError:
        msg = f"unknown class of data {item!r}{nearest(str(item), list(Data))}; expected one of {', '.join(Data)}"
        raise DefinitionError(msg) from None


def check_names(workflow: Workflow) -> None:
    """Refuse two participants of one name, and functions that ask for a name nobody has."""
    by_name: dict[str, BaseParticipant] = {}
    for participant in workflow.root.everyone():
        known = participant.participant if isinstance(participant, Step) else participant
        other = by_name.setdefault(known.name, known)
        if other is not known:
            msg = f"{workflow.name}: two participants are called {known.name!r}"
            raise DefinitionError(msg, remedy="names must be unique within a workflow; give one of them name=...")
    known_names = frozenset(by_name)
    for participant in by_name.values():
        if isinstance(participant, Function):
            for unknown in participant.binding.names(known_names):
                msg = (
                    f"{workflow.name}: {participant.name} takes {unknown!r},"
                    f" which no participant is called{nearest(unknown, known_names)}"
                )
                raise DefinitionError(msg)
