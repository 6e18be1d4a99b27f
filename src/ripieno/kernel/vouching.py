"""What whoever approves a call may vouch for beside it: values in its arguments, and sources of the run.

It is offered only where every policy that asks lets it (`@vouch`), with what a source said, whole: what is
too long to be looked through is not offered. What was vouched for stands in the answer, where provenance
reads it: for the run that it was said in alone, and as long as the same policies are in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ripieno.model.event import Json
from ripieno.model.gate import Decision
from ripieno.model.provenance import OpenSource, Traced

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["Offer", "offered"]

LONGEST: Final = 20_000
"""So many bytes of sources are shown to somebody who may vouch for them; more is not looked through."""

OPEN: Final = frozenset({"model", "untrusted"})
"""What is said of a value that somebody may vouch for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be vouched for with one approval, by what it is called in the answer."""

    said: Mapping[str, Any]
    sources: Mapping[str, int]
    """The events of those that are sources."""
    under: str
    """The version of the policies that ask."""

    @property
    def noted(self) -> dict[str, Json]:
        """Give what the event of the proposal says of it: structure alone."""
        return {"vouch": {"sources": dict(self.sources), "under": self.under}}

    @property
    def field(self) -> dict[str, Any]:
        """Give the field of the answer."""
        return {
            "type": "array",
            "items": {"enum": [*self.said]},
            "uniqueItems": True,
            "description": "what you vouch for in the rest of this run",
        }


def offered(execution: Execution, decision: Decision, traced: Traced | None, under: str) -> Offer | None:
    """Give what whoever approves may vouch for; None for nothing."""
    if traced is None or not decision.vouch:
        return None
    said: dict[str, Any] = {}
    if "values" in decision.vouch:
        said |= {
            place: "that it may be given here again"
            for place, found in traced.document["from"].items()
            if found["trust"] in OPEN and "(key)" not in place
        }
    sources: dict[str, int] = {}
    if "sources" in decision.vouch:
        for name, one, content in shown(execution, traced):
            said[name] = {"what": one.what, "path": one.path, "said": content}
            sources[name] = one.event
    return Offer(said, sources, under) if said else None


def shown(execution: Execution, traced: Traced) -> Iterator[tuple[str, OpenSource, Any]]:
    """Give the sources that are short enough to be looked through, with what they said."""
    left = LONGEST
    for one in traced.open:
        values = [execution.stored(ref) for ref in one.values]
        left -= sum(len(value.data) for value in values)
        if left < 0:
            return
        content = [value.decode() for value in values]
        yield f"source {one.event}", one, content[0] if len(content) == 1 else content
