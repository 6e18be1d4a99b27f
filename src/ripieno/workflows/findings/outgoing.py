"""What is declared of calls on their way out, and does not do what it seems to."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.connectors.tool import Tool
from ripieno.participants.base import BaseParticipant
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.tools import tools_in
from ripieno.workflows.workflow import Workflow

__all__ = ["DividedSystem", "HedgedWrite", "UncountedTokens"]


def guarded(workflow: Workflow) -> Iterator[tuple[BaseParticipant, Tool]]:
    """Give the tools of a workflow that declare something, each with who has it first."""
    seen: set[str] = set()
    for participant in everyone(workflow):
        for tool in tools_in(participant):
            if tool.resilience is not None and tool.name not in seen:
                seen.add(tool.name)
                yield participant, tool


class HedgedWrite(FindingKind):
    """A second request may be a second effect, and so is never made."""

    code = "hedged-write"
    severity = "warning"
    title = "A hedge on a tool that writes"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each tool that is hedged."""
        for participant, tool in guarded(workflow):
            if tool.resilience is not None and tool.resilience.hedge is not None and tool.effect == "write":
                reason = f"{tool.name!r} writes: a second request of it is never made, though one is declared"
                fix = "leave `hedge` out, or say effect='read' where it changes nothing"
                yield self.at(places.of(participant), reason, fix)


class UncountedTokens(FindingKind):
    """What is not declared is not reserved."""

    code = "uncounted-tokens"
    severity = "warning"
    title = "A limit of tokens on a tool that declares none"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look at each tool whose tokens are limited."""
        for participant, tool in guarded(workflow):
            limits = () if tool.resilience is None else tool.resilience.limits
            if any(limit.tokens is not None for limit in limits) and tool.cost is None:
                reason = f"the tokens of {tool.name!r} are limited, and it declares none that a call needs"
                fix = (
                    "declare the most: @tool(cost=Cost(tokens=...)), and tell what they were by call.spent()"
                )
                yield self.at(places.of(participant), reason, fix)


class DividedSystem(FindingKind):
    """Two declarations are two sets of places and limits, and the system has both."""

    code = "divided-system"
    severity = "warning"
    title = "A system of which tools say different things"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the tools that name the same system."""
        first: dict[str, Tool] = {}
        for participant, tool in guarded(workflow):
            declared = tool.resilience
            if declared is None or declared.system is None:
                continue
            other = first.setdefault(declared.system, tool).resilience
            assert other is not None, "only those that declare something are kept"
            shared = [limit for limit in declared.limits if limit.of == "system"]
            others = [limit for limit in other.limits if limit.of == "system"]
            if (declared.bulkhead, shared) != (other.bulkhead, others):
                names = f"{tool.name!r} and {first[declared.system].name!r}"
                reason = (
                    f"{names} are of system {declared.system!r}, and declare other limits or another"
                    " bulkhead for it: each is kept by itself"
                )
                fix = "declare them once, and give it to both"
                yield self.at(places.of(participant), reason, fix)
