"""A tool as the kernel sees it: what it is, what it may cost, how it is called and taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

from ripieno.model.action import Effect, OnUncertain
from ripieno.model.gate import ActionKind
from ripieno.model.question import Question
from ripieno.model.spending import Spending
from ripieno.model.value import Value

__all__ = [
    "Costly",
    "Eliciting",
    "ModelLike",
    "ModelWanted",
    "Prepared",
    "ToolLike",
    "UndoTool",
    "act_of",
    "told_by",
]


NOTHING_TOLD: Final[Mapping[str, Value]] = MappingProxyType({})


class ToolLike(Protocol):
    """A tool as the kernel calls it: what it is, how to call it, how to find out what happened."""

    @property
    def name(self) -> str:
        """Unique within a workflow's tools."""
        ...

    @property
    def version(self) -> str:
        """Declared version, or a digest of the source."""
        ...

    @property
    def effect(self) -> Effect:
        """Whether it changes anything."""
        ...

    @property
    def on_uncertain(self) -> OnUncertain:
        """What to do when a crash leaves it unknown whether a call took effect."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds from the claim to the deadline of one call."""
        ...

    @property
    def settle(self) -> float:
        """Seconds after the deadline in which the other system may still be carrying out a call."""
        ...

    @property
    def attempts(self) -> int:
        """How often a call that definitely failed is made in all."""
        ...

    @property
    def key_lifetime(self) -> float:
        """Seconds for which the other system remembers an idempotency key."""
        ...

    @property
    def undo(self) -> UndoTool | None:
        """What takes a call back; None when nothing does."""
        ...

    async def call(self, arguments: Mapping[str, Any], call: Any) -> Any:
        """Carry out one call; an exception means that it definitely did not take effect."""
        ...

    async def verify(self, arguments: Mapping[str, Any], call: Any) -> Any:
        """Give the result of an earlier call with this key, or None when it did not take effect."""
        ...


class UndoTool(ToolLike, Protocol):
    """A tool that takes back what another did."""

    @property
    def reference(self) -> str:
        """Where another process finds it: `module:attribute`, or `connector:name/tool`."""
        ...

    def undo_arguments(self, arguments: Mapping[str, Any], result: Any) -> Mapping[str, Any]:
        """Give the arguments that take back a call with these, which gave this.

        Raises `ToolError` when something that it needs is in neither.
        """
        ...


@runtime_checkable
class Costly(Protocol):
    """A tool that declares what one call can cost at most; any other costs nothing."""

    @property
    def cost(self) -> object:
        """What is declared; None where nothing is."""
        ...

    def maximum(self, arguments: Mapping[str, Any]) -> Spending:
        """Give the most that one call with these arguments can cost."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """A tool that has to get something ready before a call, such as a secret that it needs."""

    @property
    def secrets(self) -> Mapping[str, object]:
        """The parameters that the platform gives itself; whoever proposes a call never does."""
        ...

    async def prepare(self, call: Any) -> None:
        """Put it into `call.given`; whatever this raises, nothing was sent."""
        ...


class Eliciting(Protocol):
    """What a tool has as `elicits` whose other side may want to know something before it goes on."""

    def asks(self, arguments: Mapping[str, Any], output: Any) -> Sequence[Question | ModelWanted]:
        """Give what is put to a person or a model after a call that gave this; nothing where it went on."""
        ...

    def goes_on(self, arguments: Mapping[str, Any], output: Any, answers: Sequence[Any]) -> Mapping[str, Any]:
        """Give the arguments that are added for the call which is made again.

        `answers` are to what was asked, in that order: of a person an `Answer`, of a model what is recorded.
        """
        ...


class ModelLike(ToolLike, Protocol):
    """A model as the kernel calls it: claimed, recorded and budgeted as a tool is, decided as a model."""

    @property
    def act(self) -> ActionKind:
        """What a call of it is to policies: `model.call`."""
        ...

    @property
    def facts(self) -> Mapping[str, str | int | bool | tuple[str, ...]]:
        """What policies may ask about it, such as `provider` and `approved_for_phi`."""
        ...

    @property
    def told(self) -> Mapping[str, Value]:
        """What is kept beside the claim without being part of what replay compares: what it is asked."""
        ...


@dataclass(frozen=True, slots=True)
class ModelWanted:
    """An answer of a model that the other side of a tool asks for."""

    key: str
    """Which of the things that it asks for in one go."""
    model: Callable[[Callable[[object], Value]], ModelLike]
    """Gives the request, with what it is told committed to by the run."""


def act_of(tool: ToolLike) -> ActionKind:
    """Tell what a call is to policies: of a tool, unless it says otherwise."""
    return getattr(tool, "act", "tool.call")


def told_by(tool: ToolLike) -> Mapping[str, Value]:
    """Give what is kept beside the claim of a call."""
    return getattr(tool, "told", NOTHING_TOLD)
