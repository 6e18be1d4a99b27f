"""What stands between a participant and its write effects: nothing, a person's approval, or everything.

The words alone; `kernel/permits.py` carries them out. Reads always go through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.reminder import Reminder
from ripieno.model.value import Value
from ripieno.model.working_time import Calendar

__all__ = ["AUTO", "WITHHELD", "Approver", "EffectRule", "Fixed", "Withheld", "approved"]


@dataclass(frozen=True, slots=True)
class Approver:
    """Whoever holds a role, or one person, asked before each write effect."""

    role: str | None
    """None for one person."""
    due: float | None = None
    """Seconds in which to answer; None waits for ever."""
    because: str = ""
    """Why they are asked, in a sentence they can read."""
    person: str | None = None
    """The id of the one principal who is asked, such as `person:ada`."""
    calendar: Calendar | None = None
    remind: Sequence[Reminder] = ()
    then: tuple[Approver, ...] = ()
    """Who is asked, one after another, when nobody answered in time; then the effect is rejected."""

    @property
    def name(self) -> str:
        """The role or person that is asked first; two approvers of one name are one."""
        return self.role or self.person or ""

    @property
    def in_words(self) -> str:
        """Whoever is asked, and those after them, as people read it."""
        first = f"role {self.role}" if self.role else self.name
        return " or then ".join([first, *(one.in_words for one in self.then)])


@dataclass(frozen=True, slots=True)
class EffectRule:
    """What becomes of the write effects of a visit and of everything below it.

    A rule only gets stricter going down. Withheld within approved is withheld; approved by one role
    within approved by another needs both, the inner one first.
    """

    withheld: bool = False
    """True when nothing is done: each write effect is recorded as proposed, and refused."""
    approvers: tuple[Approver, ...] = ()
    """Who has to approve each write effect, in the order in which they are asked."""

    @property
    def free(self) -> bool:
        """True when effects are made as they come."""
        return not self.withheld and not self.approvers

    def within(self, outer: EffectRule) -> EffectRule:
        """Give the rule of a visit that was given this one, below a visit under `outer`."""
        if outer.free:
            return self
        names = {approver.name for approver in self.approvers}
        others = tuple(approver for approver in outer.approvers if approver.name not in names)
        return EffectRule(self.withheld or outer.withheld, self.approvers + others)


AUTO: Final = EffectRule()
"""Effects are made as they come."""

WITHHELD: Final = EffectRule(withheld=True)
"""No write effect is made; what would have been done is recorded."""


def approved(role: str, *, due: Duration | None = None, because: str = "") -> EffectRule:
    """Let whoever holds `role` approve, edit or reject each write effect before it is claimed.

    When nobody has answered within `due` the effect counts as rejected; without it they are waited for.
    """
    if not role:
        msg = "effects have to be approved by a role, got none"
        raise DefinitionError(msg)
    return EffectRule(approvers=(Approver(role, None if due is None else seconds(due), because),))


@dataclass(frozen=True, slots=True)
class Withheld:
    """A write effect that was proposed and not made."""

    path: str
    tool: str
    arguments: Value


@runtime_checkable
class Fixed(Protocol):
    """A tool whose arguments are references to what others found: shown to a person, not edited."""

    def shown(self) -> Mapping[str, Any]:
        """Give what the references stand for."""
        ...
