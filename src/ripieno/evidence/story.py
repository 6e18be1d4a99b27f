"""A run as people tell it: steps, choices, effects, questions, each with when and how sure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ripieno.evidence.restored import PutBack
from ripieno.model.spending import NOTHING, Spending, dollars

__all__ = ["ChildRun", "Chosen", "Effect", "Elsewhere", "Posed", "Refused", "Step", "Story"]


@dataclass(slots=True)
class Step:
    """A participant's visit."""

    path: str
    name: str
    participant: str
    status: str
    confidence: float | None
    method: str | None
    reason: str | None
    started: int
    seconds: float
    depth: int
    imported: bool = False
    """True for what a fork took over from another run."""
    policies: list[str] = field(default_factory=list[str])
    """Those that let it work; empty for what had begun before its process took the run up."""
    policy: str | None = None
    """Version of all policies at that decision."""
    reads: list[str] = field(default_factory=list[str])
    """What it was given, by the names of its parameters: `input`, and those whose results it was shown."""
    saw_input: bool = False
    """True when the run's own input is among that."""


@dataclass(slots=True)
class Chosen:
    """A choice, and what else was offered."""

    path: str
    what: str
    chosen: str
    offered: list[str]
    because: Any


@dataclass(slots=True)
class Effect:
    """A call of a tool, in all its attempts."""

    path: str
    tool: str
    effect: str
    key: str
    attempts: int = 0
    status: str = "under way"
    how: str = ""
    result: Any = None
    error: str | None = None
    by: str | None = None
    arguments: Any = None
    asked_again_at: int | None = None
    """When the other system is asked about it again, while it is in doubt; microseconds since 1970."""
    undoes: str | None = None
    """The path of the effect that it takes back."""
    standing: str | None = None
    """What became of it once it was not wanted any more: that it was undone, or why it stands."""
    policies: list[str] = field(default_factory=list[str])
    """Those that let its last attempt be made."""
    policy: str | None = None
    """Version of all policies at that decision."""
    at: int = 0
    """When it was first claimed, in microseconds since 1970."""
    edited_by: list[str] = field(default_factory=list[str])
    """Who had put other arguments in place, and for whom: it was decided about for them as well."""


@dataclass(slots=True)
class Refused:
    """An act that was denied, or that nobody approved."""

    path: str
    what: str
    """The tool, or the participant, that was to act."""
    reason: str
    policies: list[str]
    policy: str | None
    at: int
    edited_by: list[str] = field(default_factory=list[str])
    """Who had put other arguments in place, and for whom."""


@dataclass(slots=True)
class Posed:
    """A question to people."""

    path: str
    kind: str
    role: str | None
    title: str
    asked: int
    answered_by: str | None = None
    answered_for: str | None = None
    """The person or role in whose stead it was answered."""
    answer: Any = None
    reason: str | None = None
    seconds: float | None = None
    """From the question to the answer; None while it is open."""
    person: str | None = None
    """The one person that it was put to, where it was not to a role."""
    evidence: list[Any] = field(default_factory=list[Any])
    """What they were shown."""
    emergency: bool = False
    """True where it was answered by break-glass."""


@dataclass(slots=True)
class ChildRun:
    """A run of another workflow that this one started, as one of its steps."""

    path: str
    run: str
    workflow: str
    status: str | None = None
    """How it ended, as far as this run has heard of it."""
    undoes: str | None = None
    """The run whose effects it takes back; None for one that does the work of a step."""


@dataclass(slots=True)
class Elsewhere:
    """An effect of another run, a child or the one that this run takes back, and what became of it."""

    run: str
    path: str
    tool: str
    standing: str


@dataclass(slots=True)
class Story:
    """Everything worth telling of a run."""

    steps: list[Step] = field(default_factory=list[Step])
    choices: list[Chosen] = field(default_factory=list[Chosen])
    effects: list[Effect] = field(default_factory=list[Effect])
    questions: list[Posed] = field(default_factory=list[Posed])
    refused: list[Refused] = field(default_factory=list["Refused"])
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    children: list[ChildRun] = field(default_factory=list["ChildRun"])
    elsewhere: list[Elsewhere] = field(default_factory=list["Elsewhere"])
    """What other runs did that is not wanted any more."""
    restored: list[PutBack] = field(default_factory=list[PutBack])
    """How it was put back from backups, oldest first."""
    answer_from: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of each part of the answer for which nobody answers where it comes from, where a policy reads that."""
    spent: Spending = NOTHING
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of the run as a whole, as its definition declares them."""

    @property
    def amounts(self) -> dict[str, Any]:
        """What was spent, money in US dollars."""
        amounts: dict[str, Any] = self.spent.document()
        if "cost" in amounts:
            amounts["cost_usd"] = dollars(amounts.pop("cost"))
        return amounts

    def document(self) -> dict[str, Any]:
        """Give it as programs read it."""
        return {**asdict(self), "spent": self.amounts}
