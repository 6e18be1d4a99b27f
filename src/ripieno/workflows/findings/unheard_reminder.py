"""A reminder that is never given to somebody who is asked."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.model.durations import seconds
from ripieno.participants.human import Human
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UnheardReminder"]


class UnheardReminder(FindingKind):
    """Whoever is asked for a shorter time than the reminder takes hears of it only when it is too late."""

    code = "unheard-reminder"
    severity = "warning"
    title = "A reminder that would come too early or too late"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare each reminder with the time of each who is asked."""
        for person in everyone(workflow):
            if not isinstance(person, Human):
                continue
            for asked in person.asked:
                unheard = [
                    str(reminder)
                    for reminder in person.remind
                    if asked.due is not None and reminder.seconds >= seconds(asked.due)
                ]
                if unheard:
                    reason = (
                        f"{person.name!r} asks {asked.name!r}, who is never reminded: {', '.join(unheard)}"
                    )
                    fix = f"give {asked.name!r} more time than the reminder takes, or remind sooner"
                    yield self.at(places.of(person), reason, fix)
