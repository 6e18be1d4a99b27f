"""What a person is asked, and what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ripieno.model.outcome import Evidence
from ripieno.model.reminder import Reminder
from ripieno.model.working_time import Calendar

__all__ = ["Answer", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only a person can answer."""

    role: str | None
    """The role that may answer; None for a question to one person."""
    title: str
    """One line: what is asked for."""
    form: Mapping[str, Any]
    """JSON Schema of the answer."""
    about: Any = None
    """What the person needs to see in order to decide."""
    evidence: Sequence[Evidence] = ()
    due: float | None = None
    """Seconds until it expires, of working time where there is a calendar; None waits for ever."""
    kind: Literal["task", "uncertain"] = "task"
    person: str | None = None
    """The id of the one principal that may answer, such as `person:ada`."""
    calendar: Calendar | None = None
    remind: Sequence[Reminder] = ()
    barred: tuple[str, ...] = ()
    """Ids of principals who may not answer it, such as those who proposed what is to be approved."""
    policies: str = ""
    """Digest of the policies that ask it; empty where none does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an answer by a person, or the news that the time is over."""

    expired: bool
    value: Any = None
    by: str | None = None
    """The principal's id."""
    reason: str | None = None
    on_behalf_of: str | None = None
    """The id of whoever delegated it, or was away."""
    emergency: bool = False
    """True for an approval by break-glass, in the stead of those who were asked."""
    behind: tuple[str, ...] = ()
    """Ids of those by whom a service or agent that approves was made: it is their approval as well."""
    rights: Mapping[str, Any] | None = None
    """What whoever put other arguments in place held then; None where nobody did, or it was not kept."""
