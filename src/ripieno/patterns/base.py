"""What all patterns share: children that are participants, run in the pattern's own scope."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.limits import Limits
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.limiting import stand_in
from ripieno.participants.step import Step

__all__ = ["Pattern", "Stage", "as_participant", "flow", "limits_document", "named", "unique"]

Stage = BaseParticipant | Callable[..., Any]
"""What a pattern takes: a participant, or a function that is made one (and is then an effect)."""


def as_participant(stage: Stage) -> BaseParticipant:
    """Give a stage as a participant; raises `DefinitionError` when it cannot be one."""
    if isinstance(stage, BaseParticipant):
        return stage
    if callable(stage):
        return Function(stage)
    msg = f"expected a participant or a function, got {stage!r}"
    raise DefinitionError(msg)


class Pattern(BaseParticipant):
    """A participant made of participants."""

    def __init__(self, name: str | None, stages: Sequence[Stage]) -> None:
        super().__init__(name or self.kind)
        self.stages = [as_participant(stage) for stage in stages]
        if not stages:
            msg = f"{self.name}: a {self.kind} needs at least one participant"
            raise DefinitionError(msg)

    def children(self) -> Sequence[BaseParticipant]:
        """Give the participants in order of declaration."""
        return self.stages

    def dependencies(self) -> frozenset[str] | None:
        """Give what any child reads from outside; None when one cannot tell."""
        names: set[str] = set()
        for stage in self.stages:
            of_stage = stage.dependencies()
            if of_stage is None:
                return None
            names |= of_stage
        return frozenset(names - {stage.name for stage in self.stages})

    def describe(self) -> dict[str, Json]:
        """Give the pattern under its kind, with its name where that is not the kind's."""
        settings = self.settings()
        if self.name != self.kind:
            settings = {"name": self.name, **settings}
        return {self.kind: settings}

    @abstractmethod
    def settings(self) -> dict[str, Json]:
        """Give the pattern's settings as they stand in the definition."""

    def flow(self) -> list[Json]:
        """Give the stages as they stand in the definition: patterns whole, all others by name."""
        return [flow(stage) for stage in self.stages]


def unique(pattern: Pattern) -> None:
    """Raise `DefinitionError` when two participants of a pattern have the same name."""
    names = [stage.name for stage in pattern.stages]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"{pattern.name}: takes part twice: {', '.join(twice)}"
        raise DefinitionError(msg, remedy="name each participant once")


def flow(stage: BaseParticipant) -> Json:
    """Give one stage as it stands in a flow."""
    if isinstance(stage, Step):
        inner = stage.participant
        document = stage.describe()
        to = stage.settings.escalate_to
        if to is not None:
            document["escalate"] = {**cast("Mapping[str, Json]", document["escalate"]), "to": named(to)}
        if stage.settings.limits is not None:
            document["limit"] = limits_document(stage.settings.limits)
        if isinstance(inner, Pattern):
            document = {
                **inner.describe(),
                **{key: value for key, value in document.items() if key != "step"},
            }
        return document
    return stage.describe() if isinstance(stage, Pattern) else {"step": stage.name}


def limits_document(limits: Limits) -> dict[str, Json]:
    """Give limits as they stand in a definition; who takes over stands there as in a flow."""
    document, instead = limits.document(), stand_in(limits)
    return document if instead is None else {**document, "on_exhausted": {"degrade": named(instead)}}


def named(stage: BaseParticipant) -> Json:
    """Give a stage as it stands beside a flow: by name, or whole when it is more than a name."""
    document = flow(stage)
    return stage.name if document == {"step": stage.name} else document
