"""A person as a participant: a task with a form, a role or person that may answer, a time to answer in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel, Field

from ripieno.mediation.validation.schemas import check_schema, enveloped
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.effect_rule import Approver
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Answer, Context, Question, Task
from ripieno.model.principal import NAME as PRINCIPAL
from ripieno.model.reminder import Reminder
from ripieno.model.value import Value
from ripieno.model.working_time import Calendar
from ripieno.participants.base import BaseParticipant

__all__ = ["Decision", "Human", "Person", "Role", "human", "person", "role"]

LONGEST_WEEKS: Final = 520
"""Of working time: what is due later than that is taken for a mistake."""


class Decision(BaseModel):
    """The form of a person who says yes or no."""

    proceed: bool = Field(description="whether the work goes on")
    note: str = Field(default="", description="what the next participant should know")


@dataclass(frozen=True, slots=True)
class Role:
    """Whoever holds a role, and for how long they are waited for."""

    name: str
    due: Duration | None = None


def role(name: str, *, due: Duration | None = None) -> Role:
    """Name a role to escalate to."""
    return Role(name, due)


@dataclass(frozen=True, slots=True)
class Person:
    """One person, and for how long they are waited for."""

    name: str
    """As in a principal's id: `ada` for `person:ada`."""
    due: Duration | None = None


def person(name: str, *, due: Duration | None = None) -> Person:
    """Name a person to escalate to."""
    return Person(name, due)


Addressee = Role | Person
"""Whom one asks, and for how long."""


class Human(BaseParticipant):
    """Asks whoever holds a role, or one person, and waits; when the time is over, asks the next."""

    kind = "human"

    def __init__(
        self,
        name: str,
        *,
        role: str | None = None,
        person: str | None = None,
        form: type[BaseModel] | Mapping[str, Any] = Decision,
        title: str | None = None,
        due: Duration | None = None,
        calendar: Calendar | None = None,
        remind: Sequence[str] = (),
        then: Addressee | Sequence[Addressee] | None = None,
    ) -> None:
        super().__init__(name)
        self.form: Mapping[str, Any] = form if isinstance(form, Mapping) else form.model_json_schema()
        self.title = title
        self.calendar = calendar
        self.remind = tuple(Reminder.read(text) for text in remind)
        later = [then] if isinstance(then, Role | Person) else list(then or ())
        self.asked: list[Addressee] = [self._first(role, person, due), *later]
        """Who is asked, one after another."""
        check_schema(self.form, f"{name}: the form")
        self._check_chain()
        self._check_times()

    def _first(self, role: str | None, person: str | None, due: Duration | None) -> Addressee:
        if (role is None) == (person is None):
            msg = f"{self.name}: expected either a role or a person who is asked"
            raise DefinitionError(msg)
        return Person(str(person), due) if role is None else Role(role, due)

    def _check_chain(self) -> None:
        for asked in self.asked:
            if isinstance(asked, Person) and not PRINCIPAL.fullmatch(asked.name):
                msg = f"{self.name}: person {asked.name!r} must be the name of a principal, such as 'ada'"
                raise DefinitionError(msg)
        for asked, later in pairwise(self.asked):
            if asked.due is None:
                msg = f"{self.name}: `then` needs `due`, or nobody but {asked.name!r} is ever asked"
                raise DefinitionError(
                    msg, remedy=f"say how long {asked.name!r} is waited for before {later.name!r}"
                )

    def _check_times(self) -> None:
        dues = [seconds(asked.due) for asked in self.asked if asked.due is not None]
        if self.calendar is not None:
            if not dues and not self.remind:
                msg = f"{self.name}: calendar {self.calendar.name!r} reckons nothing without `due`"
                raise DefinitionError(msg)
            if any(due > self.calendar.weekly * LONGEST_WEEKS for due in dues):
                msg = f"{self.name}: due after more than ten years of calendar {self.calendar.name!r}"
                raise DefinitionError(msg, remedy="with a calendar a duration is working time: 8h is a day")
        longest = max(dues, default=0.0)
        for reminder in self.remind:
            if reminder.rule == "before" and reminder.seconds >= longest:
                msg = (
                    f"{self.name}: the reminder '{reminder}' is never given: it would come before it is asked"
                )
                raise DefinitionError(msg, remedy="remind for less time than `due`, or 'every ...'")

    def describe(self) -> dict[str, Json]:
        """Give whom it asks, times and form."""
        first, *later = self.asked
        addressed: dict[str, Json] = {named(first): first.name}
        settings: dict[str, Json] = {**addressed, "form": {"schema": enveloped(self.form)}}
        if self.title is not None:
            settings["title"] = self.title
        if first.due is not None:
            settings["due"] = in_seconds(first.due)
        if self.calendar is not None:
            settings["calendar"] = self.calendar.name
        if self.remind:
            settings["remind"] = [str(reminder) for reminder in self.remind]
        chain: list[Json] = [link(asked) for asked in later]
        if chain:
            settings["then"] = chain[0] if len(chain) == 1 else chain
        return {"human": settings}

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the input and the result of the stage before, which is what the person decides about."""
        before = task.state.get(task.previous) if task.previous else None
        parts = before.parts if before is not None else ()
        named = zip(("about", "evidence"), parts, strict=False)
        return {
            "input": task.input.ref,
            **{name: part.ref for name, part in named if isinstance(part, Value)},
        }

    async def act(self, task: Task, context: Context) -> Outcome:
        """Ask one after another until somebody answers."""
        for asked in self.asked:
            answer = await context.ask(self._question(task, asked))
            if not answer.expired:
                return self._decided(answer)
        return Outcome("escalated", reason=f"nobody answered {self.name} in time")

    def approver(self, because: str) -> Approver:
        """Give the same people as those who approve effects, with the reason why they are asked."""
        first, *later = [
            Approver(
                asked.name if isinstance(asked, Role) else None,
                None if asked.due is None else seconds(asked.due),
                because,
                f"person:{asked.name}" if isinstance(asked, Person) else None,
                self.calendar,
                self.remind,
            )
            for asked in self.asked
        ]
        return replace(first, then=tuple(later))

    def _question(self, task: Task, asked: Addressee) -> Question:
        before = task.state.get(task.previous) if task.previous else None
        title = self.title or self.name
        if before is not None:
            confidence = "" if before.confidence is None else f" at {before.confidence.value:.2f}"
            reason = f", {before.reason}" if before.reason else ""
            title = self.title or f"{task.previous}{confidence}{reason}"
        return Question(
            role=asked.name if isinstance(asked, Role) else None,
            person=f"person:{asked.name}" if isinstance(asked, Person) else None,
            title=title,
            form=self.form,
            about=None if before is None else before.output,
            evidence=() if before is None else before.evidence,
            due=None if asked.due is None else seconds(asked.due),
            calendar=self.calendar,
            remind=self.remind,
        )

    def _decided(self, answer: Answer) -> Outcome:
        said: Any = answer.value
        by = f"{answer.by} for {answer.on_behalf_of}" if answer.on_behalf_of else answer.by
        if isinstance(said, dict) and said.get("proceed") is False:  # pyright: ignore[reportUnknownMemberType] - checked against the form
            return Outcome("escalated", said, reason=answer.reason or f"declined by {by}")
        return Outcome("complete", said, confidence=Confidence(1.0, f"decided by {by}"), reason=answer.reason)


def named(asked: Addressee) -> str:
    """Give the field that names whom one asks."""
    return "role" if isinstance(asked, Role) else "person"


def link(asked: Addressee) -> dict[str, Json]:
    """Give one who is asked later, as it stands in a definition."""
    due: dict[str, Json] = {} if asked.due is None else {"due": in_seconds(asked.due)}
    return {named(asked): asked.name, **due}


def human(
    name: str,
    *,
    role: str | None = None,
    person: str | None = None,
    form: type[BaseModel] | Mapping[str, Any] = Decision,
    title: str | None = None,
    due: Duration | None = None,
    calendar: Calendar | None = None,
    remind: Sequence[str] = (),
    then: Addressee | Sequence[Addressee] | None = None,
) -> Human:
    """Let whoever holds `role`, or one `person`, do a part of the work, answering `form` within `due`.

    With a `calendar` all times are working time. `remind` are texts such as `1h before` (it is due) and
    `every 1d`. When nobody answered in time, whoever `then` names is asked, one after another, each with
    a `due` of their own.
    """
    return Human(
        name,
        role=role,
        person=person,
        form=form,
        title=title,
        due=due,
        calendar=calendar,
        remind=remind,
        then=then,
    )
