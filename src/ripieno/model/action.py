"""What may be done to the world: tools as typed declarations, and one call of a tool."""

from __future__ import annotations

from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from ripieno.model.event import Json
from ripieno.model.provenance import Label, SourceTrust, declared_label
from ripieno.model.spending import Cost, Money, Spending

__all__ = ["WITHIN_RUN", "Call", "Effect", "OnUncertain", "UndoRule", "UndoState", "Undone"]

Effect = Literal["read", "write"]

OnUncertain = Literal["retry", "verify", "ask"]
"""What to do when a crash leaves it unknown whether a call took effect.

`retry`: call again with the same idempotency key. `verify`: ask the system whether it happened.
`ask`: a person finds out.
"""

WITHIN_RUN: Final[ContextVar[bool]] = ContextVar("ripieno_within_run", default=False)
"""Whether a run is at work here: what it does to other systems goes through its context, and nowhere else."""

UndoRule = Literal["undo", "list"]
"""What becomes of effects that are not wanted any more: taken back, or left standing and named in the log."""

UndoState = Literal["undone", "by hand", "stands", "no undo", "listed"]
"""`by hand`: a person took it back. `stands`: it could not be taken back, and a person was told.
`no undo`: its tool declares none. `listed`: nobody asked for it to be taken back."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one effect that is not wanted any more."""

    path: str
    tool: str
    state: UndoState
    run: str | None = None
    """The child run that made it, in which `path` is; None for an effect of the run itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool is told about the one call it serves; asked for by a parameter of this type."""

    key: str
    """Idempotency key: the same for every attempt that may be the same act, 40 ASCII characters."""
    run: str
    """The run's id."""
    path: str
    """The step's path within the run."""
    attempt: int
    """Counted from 1."""
    deadline: datetime
    """The moment, in UTC, after which the call must not be sent."""
    owed: bool = False
    """True where an earlier attempt under the same key may have taken effect."""
    tenant: str = "default"
    """Whose run it is."""
    given: dict[str, Any] = field(default_factory=dict[str, Any], init=False, repr=False, compare=False)
    """What the platform gives to parameters itself, and records nowhere: opened secrets."""
    noted: dict[str, Json] = field(default_factory=dict[str, Json], init=False, repr=False, compare=False)
    """What the event of the result says of the call beside its result: structure, never data."""
    sources: list[Label] = field(default_factory=list[Label], init=False, repr=False, compare=False)
    """What was told of where the result comes from; see `from_source`."""
    _told: list[Spending] = field(default_factory=list[Spending], init=False, repr=False, compare=False)

    def from_source(self, trust: SourceTrust, data: Collection[str] = ()) -> None:
        """Tell how far a source is trusted that the result comes from, and the classes of data it holds.

        What is told more than once adds up: the result is as little trusted as the least of them, never more
        than its tool is declared to be, and holds the classes of all. Raises `DefinitionError` for others
        than there are.
        """
        found, classes = declared_label(f"a source at {self.path}", trust, tuple(data))
        self.sources.append(Label(found or "untrusted", frozenset(classes)))

    def spent(self, *, model_calls: int = 0, tokens: int = 0, cost_usd: Money = 0) -> None:
        """Tell what the call has really cost; what is told more than once adds up.

        A call that tells nothing has cost all that was reserved for it, when it was made at all.
        Raises `InputError` when an amount is negative or not a number.
        """
        self.tell(Cost(model_calls, tokens, cost_usd).spending)

    def tell(self, spending: Spending) -> None:
        """Tell what is counted already: what the parts of a call have cost."""
        self._told.append(spending)

    @property
    def told(self) -> Spending | None:
        """What was told so far; None when nothing was."""
        return sum(self._told[1:], self._told[0]) if self._told else None
