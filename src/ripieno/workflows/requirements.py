"""What some patterns need of the workflow around them before it may start at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ripieno.model.limits import Limits
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.magentic import Magentic

__all__ = ["Lacking", "lacking"]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Something that a workflow does not say, and a participant in it needs."""

    participant: BaseParticipant
    message: str
    remedy: str


def lacking(root: BaseParticipant, limits: Limits, policy: str | None) -> Iterator[Lacking]:
    """Give what is lacking; who acts by a plan of its own has to be held by limits and by a policy."""
    found = [one for one in dict.fromkeys(root.everyone()) if isinstance(one, Magentic)]
    for pattern in found:
        if not limits.bounded:
            message = f"{pattern.name!r} makes its own plans, and the workflow has no limits"
            yield Lacking(pattern, message, "set at least one of the workflow's `limits`")
        if not (policy or "").strip():
            message = f"{pattern.name!r} makes its own plans, and the workflow has no policy"
            yield Lacking(pattern, message, "set the workflow's `policy`")
