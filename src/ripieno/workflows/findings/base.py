"""A finding, a kind of finding, and what the kinds ask of a workflow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from ripieno.model.errors import Place
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.step import Step
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["Finding", "FindingKind", "Severity", "bare", "effects_in", "everyone", "names_in"]

Severity = Literal["error", "warning"]
"""An error is a known failure mode, and refused; a warning is for the author to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a workflow that will fail, or that could be better."""

    code: str
    """Stable across releases; its page is `docs/findings/<code>.md`."""
    severity: Severity
    title: str
    place: Place
    reason: str
    """What was found here, and why it matters."""
    fix: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.reason} [{self.code}]\n  {self.fix}"


class FindingKind(ABC):
    """One kind of finding; it looks at a whole workflow."""

    code: ClassVar[str]
    severity: ClassVar[Severity]
    title: ClassVar[str]

    @abstractmethod
    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Give each place where it holds."""

    def at(self, place: Place, reason: str, fix: str) -> Finding:
        """Give a finding of this kind."""
        return Finding(self.code, self.severity, self.title, place, reason, fix)


def everyone(workflow: Workflow) -> list[BaseParticipant]:
    """Give every participant, step and pattern of a workflow, each once."""
    return list(dict.fromkeys(workflow.everyone()))


def bare(participant: BaseParticipant) -> BaseParticipant:
    """Give a participant without what was said of it in its place."""
    return participant.participant if isinstance(participant, Step) else participant


def effects_in(participant: BaseParticipant) -> list[Function]:
    """Give the functions in a participant that change the world."""
    return [one for one in participant.everyone() if isinstance(one, Function) and not one.pure]


def names_in(participant: BaseParticipant) -> frozenset[str]:
    """Give the names of a participant and of all within it."""
    return frozenset(one.name for one in participant.everyone())
