"""What is done when a limit trips: a person is asked for more, or somebody cheaper does it instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ripieno.model.durations import Duration
from ripieno.model.limits import Ask, Degrade, Limits

if TYPE_CHECKING:
    from ripieno.participants.base import BaseParticipant

__all__ = ["ask", "declared_limits", "degrade", "stand_in"]


def ask(role: str, *, due: Duration | None = None) -> Ask:
    """Ask whoever holds `role` for more; the work waits where it stands.

    No answer within `due` counts as a refusal, and ends the work with the best result so far.
    """
    return Ask(role, due)


def degrade(to: BaseParticipant) -> Degrade:
    """Let a cheaper participant do it instead, within the limits above.

    It sees the best result so far under the name of the one whose place it takes.
    """
    return Degrade(to)


def declared_limits(parts: Iterable[BaseParticipant]) -> dict[str, frozenset[str]]:
    """Give the limits that each of some participants declares, by its name; `cost` stands for money."""
    from ripieno.participants.step import Step  # noqa: PLC0415 - which has a method that limits

    declared: dict[str, frozenset[str]] = {}
    for part in parts:
        limits = part.settings.limits if isinstance(part, Step) else None
        names = frozenset[str]() if limits is None else frozenset(limits.names)
        declared[part.name] = declared.get(part.name, frozenset()) | names
    return declared


def stand_in(limits: Limits | None) -> BaseParticipant | None:
    """Give who takes over when one of these limits trips, if anybody does."""
    from ripieno.participants.base import BaseParticipant  # noqa: PLC0415 - which has a method that limits

    rule = None if limits is None else limits.on_exhausted
    return rule.to if isinstance(rule, Degrade) and isinstance(rule.to, BaseParticipant) else None
