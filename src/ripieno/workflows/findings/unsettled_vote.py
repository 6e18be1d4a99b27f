"""A vote that may settle nothing, with nobody to settle it then."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.step import Step
from ripieno.patterns.concurrent import Concurrent
from ripieno.patterns.resolvers.votes import Vote
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UnsettledVote"]


class UnsettledVote(FindingKind):
    """Branches that disagree are what a vote is for; the question is who decides a tie."""

    code = "unsettled-vote"
    severity = "warning"
    title = "A vote without a rule for dissent"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look for votes that escalate to nobody."""
        all_of_them = everyone(workflow)
        escalating = {
            step.participant
            for step in all_of_them
            if isinstance(step, Step) and step.settings.escalate_to is not None
        }
        for pattern in all_of_them:
            if isinstance(pattern, Concurrent) and isinstance(pattern.resolver, Vote):
                if pattern in escalating or len(pattern.stages) == 1:
                    continue
                reason = (
                    f"{pattern.name!r} ends as escalated where {pattern.resolver.kind!r} settles nothing,"
                    " and nobody is named to decide then"
                )
                fix = "add escalate: {below: ..., to: ...}, such as a person; or let a judge settle dissent"
                yield self.at(places.of(pattern), reason, fix)
