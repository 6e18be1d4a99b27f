"""A person as a participant: a task with a form, a role that may answer, and a time to answer in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Answer, Context, Question, Task
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.participants.schemas import check_schema, enveloped

__all__ = ["Decision", "Human", "Role", "human", "role"]


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


class Human(BaseParticipant):
    """Asks whoever holds a role and waits; when the time is over, asks the next role."""

    kind = "human"

    def __init__(
        self,
        name: str,
        *,
        role: str,
        form: type[BaseModel] | Mapping[str, Any] = Decision,
        title: str | None = None,
        due: Duration | None = None,
        then: Role | None = None,
    ) -> None:
        super().__init__(name)
        self.form: Mapping[str, Any] = form if isinstance(form, Mapping) else form.model_json_schema()
        self.title = title
        self.roles = [Role(role, due)] + ([then] if then is not None else [])
        check_schema(self.form, f"{name}: the form")
        if then is not None and due is None:
            msg = f"{name}: `then` needs `due`, or nobody but {role!r} is ever asked"
            raise DefinitionError(msg)

    def describe(self) -> dict[str, Json]:
        """Give roles, times and form."""
        first, *later = self.roles
        settings: dict[str, Json] = {"role": first.name, "form": {"schema": enveloped(self.form)}}
        if self.title is not None:
            settings["title"] = self.title
        if first.due is not None:
            settings["due"] = in_seconds(first.due)
        if later:
            then = later[0]
            due: dict[str, Json] = {} if then.due is None else {"due": in_seconds(then.due)}
            settings["then"] = {"role": then.name, **due}
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
        """Ask one role after another until somebody answers."""
        for asked in self.roles:
            answer = await context.ask(self._question(task, asked))
            if not answer.expired:
                return self._decided(answer)
        return Outcome("escalated", reason=f"nobody answered {self.name} in time")

    def _question(self, task: Task, asked: Role) -> Question:
        before = task.state.get(task.previous) if task.previous else None
        title = self.title or self.name
        if before is not None:
            confidence = "" if before.confidence is None else f" at {before.confidence.value:.2f}"
            reason = f", {before.reason}" if before.reason else ""
            title = self.title or f"{task.previous}{confidence}{reason}"
        return Question(
            role=asked.name,
            title=title,
            form=self.form,
            about=None if before is None else before.output,
            evidence=() if before is None else before.evidence,
            due=None if asked.due is None else seconds(asked.due),
        )

    def _decided(self, answer: Answer) -> Outcome:
        said: Any = answer.value
        if isinstance(said, dict) and said.get("proceed") is False:  # pyright: ignore[reportUnknownMemberType] - checked against the form
            return Outcome("escalated", said, reason=answer.reason or f"declined by {answer.by}")
        return Outcome(
            "complete", said, confidence=Confidence(1.0, f"decided by {answer.by}"), reason=answer.reason
        )


def human(
    name: str,
    *,
    role: str,
    form: type[BaseModel] | Mapping[str, Any] = Decision,
    title: str | None = None,
    due: Duration | None = None,
    then: Role | None = None,
) -> Human:
    """Let whoever holds `role` do a part of the work, answering `form` within `due`."""
    return Human(name, role=role, form=form, title=title, due=due, then=then)
