"""A loop whose condition never changes from one round to the next."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.patterns.loop import Loop
from ripieno.workflows.findings.base import Finding, FindingKind, everyone, names_in
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["ConstantCondition"]


class ConstantCondition(FindingKind):
    """Only an expression can be judged; what a function reads is not known."""

    code = "constant-condition"
    severity = "error"
    title = "A loop whose condition cannot change"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare what the condition reads with what the rounds give."""
        for loop in everyone(workflow):
            if not isinstance(loop, Loop) or loop.until.reads is None:
                continue
            body = loop.stages[0]
            if not loop.until.reads & {"previous", *names_in(body)}:
                reason = (
                    f"{loop.name!r} goes on until {str(loop.until)!r}, which reads nothing a round gives:"
                    f" it ends after the first round or after all {loop.rounds}"
                )
                fix = f"let the condition read `previous` or {body.name!r}, or leave the loop out"
                yield self.at(places.of(loop), reason, fix)
