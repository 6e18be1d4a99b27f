"""What people have vouched for in a run, beside the acts that they approved: values, and whole sources.

It is read from their answers. It counts in the run that it was said in, and under the policies that let it be
said; a break of the glass, or a yes to other arguments, vouches for nothing. What came in later is another
source, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ripieno.mediation.provenance.index import Found, Index, Mark, Match, Source
from ripieno.mediation.provenance.leaves import keys, leaves, place
from ripieno.mediation.provenance.words import text_of
from ripieno.model.event import Event
from ripieno.model.provenance import Label, OpenSource

__all__ = ["Vouched", "Vouchings"]

APPROVED = Label("approved")


@dataclass(slots=True)
class Vouched:
    """What counts under one version of the policies."""

    index: Index = field(default_factory=Index)
    """All that the sources said."""
    sources: dict[int, Mark] = field(default_factory=dict[int, Mark])
    """Who vouched for them, by their events."""
    values: dict[tuple[str, str], dict[str, Mark]] = field(
        default_factory=dict[tuple[str, str], dict[str, Mark]]
    )
    """Who vouched for a value, by tool and argument."""

    def value(self, tool: str, argument: object, leaf: Any, found: Found) -> Found:
        """Give what is said of a value: approved where somebody vouched for it in this very place."""
        mark = self.values.get((tool, str(argument)), {}).get(text_of(leaf))
        if mark is None or found.label.trust not in ("model", "untrusted"):
            return found
        return Found(Label("approved", found.label.data), (Match(mark, "approved"), *found.matches))


class Vouchings:
    """All that was vouched for in one run, whatever the policies."""

    def __init__(self) -> None:
        self._all: dict[str, Vouched] = {}
        self._offers: dict[str, tuple[str, Mapping[str, Any]]] = {}
        """What was offered with a question, and about which tool, by the question's path."""
        self.open: dict[int, OpenSource] = {}
        """What came in that nobody answers for, by its event."""

    def under(self, version: str) -> Vouched | None:
        """Give what counts under a version of the policies."""
        return self._all.get(version)

    def came_in(self, ref: str, source: Source) -> None:
        """Take in something that nobody answers for."""
        before = self.open.get(source.event)
        refs = (ref,) if before is None else (*before.values, ref)
        self.open[source.event] = OpenSource(source.event, source.path, source.what, refs)

    def proposed(self, at: str, body: Mapping[str, Any]) -> None:
        """Take in what was proposed, about which people are asked at a path."""
        if "vouch" in body:
            self._offers[at] = (str(body["tool"]), body["vouch"])

    def answered(
        self,
        event: Event,
        said: Any,
        arguments: Any,
        read: Callable[[str], Any],
    ) -> None:
        """Take in what an approver has vouched for; `arguments` as they were proposed."""
        offer = self._offers.pop(event.path, None)
        told = cast("dict[str, Any]", said if isinstance(said, dict) else {})
        answer: dict[str, Any] = told.get("value", {})
        chosen = set(answer.get("vouch", ()))
        if offer is None or not chosen or not answer["proceed"] or told.get("emergency"):
            return
        if answer.get("arguments", arguments) != arguments:
            return  # whoever changed it proposes it, and others approve it
        tool, offered = offer
        vouched = self._all.setdefault(str(offered["under"]), Vouched())
        mark = Mark(
            Source(event.stream, event.seq, event.path, f"approval of {event.body['by']}"), "", APPROVED
        )
        for name, number in offered["sources"].items():
            if name in chosen and number in self.open:
                vouched.sources[number] = mark
                for ref in self.open[number].values:
                    value = read(ref)
                    for at, leaf in (*leaves(value), *keys(value)):
                        vouched.index.add(leaf, Mark(mark.source, place(at), APPROVED))
        for at, leaf in leaves(arguments):
            if text_of(leaf) and not chosen.isdisjoint((place(at), place(at[:1]))):
                vouched.values.setdefault((tool, str(at[0])), {})[text_of(leaf)] = mark
