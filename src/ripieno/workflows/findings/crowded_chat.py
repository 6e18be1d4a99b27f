"""A group chat of more participants than such chats are good for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ripieno.patterns.group_chat import GroupChat
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["CrowdedChat"]

MOST: Final = 3


class CrowdedChat(FindingKind):
    """Everybody reads everything: cost grows with the square of the participants."""

    code = "crowded-chat"
    severity = "warning"
    title = "A group chat of more than three"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Count the speakers."""
        for pattern in everyone(workflow):
            if isinstance(pattern, GroupChat) and len(pattern.stages) > MOST:
                reason = (
                    f"{pattern.name!r} has {len(pattern.stages)} speakers, and everybody reads everything"
                )
                fix = "let those who need not hear each other work side by side, and then talk it over"
                yield self.at(places.of(pattern), reason, fix)
