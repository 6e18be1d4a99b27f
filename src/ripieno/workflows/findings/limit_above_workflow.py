"""A participant's limit that the workflow's own comes before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ripieno.model.durations import in_seconds, seconds
from ripieno.model.limits import Limits
from ripieno.model.spending import dollars
from ripieno.participants.step import Step
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["LimitAboveWorkflow"]


class LimitAboveWorkflow(FindingKind):
    """The run ends first, and what the participant's limit declares never happens."""

    code = "limit-above-workflow"
    severity = "warning"
    title = "A participant's limit above that of the workflow"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare each limit with the workflow's of the same name."""
        whole = measured(workflow.limits)
        for step in everyone(workflow):
            if not isinstance(step, Step) or step.settings.limits is None:
                continue
            for name, amount in measured(step.settings.limits).items():
                if name in whole and amount > whole[name]:
                    reason = (
                        f"{step.name!r} is limited to {said(name, amount)}, and the whole run to"
                        f" {said(name, whole[name])}: the run ends before that limit is ever reached"
                    )
                    yield self.at(places.of(step), reason, "set it below the limit of the workflow")


def measured(limits: Limits) -> Mapping[str, float]:
    """Give each limit that is set as a number: times in seconds, money in millionths of a dollar."""
    times = {"active": limits.active, "deadline": limits.deadline}
    return {**limits.amounts, **{name: seconds(time) for name, time in times.items() if time is not None}}


def said(name: str, amount: float) -> str:
    """Give a limit as people say it."""
    if name in ("active", "deadline"):
        what = "of active time" if name == "active" else "from beginning to end"
        return f"{in_seconds(amount)} s {what}"
    return f"{dollars(int(amount))} US dollars" if name == "cost" else f"{amount} {name.replace('_', ' ')}"
