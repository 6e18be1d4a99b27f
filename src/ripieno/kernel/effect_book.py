"""What a run has done to the world, by path, in order of completion; filled from its events.

It serves a run that is resident, and whoever lists a run's effects without running it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ripieno.model.event import Event

__all__ = ["NOTED", "UNDO", "EffectBook", "Entry", "within"]

UNDO: Final = "/undo"
"""The path of what takes an effect back is the effect's own with this at its end."""

NOTED: Final[frozenset[str]] = frozenset({"asked", "answered", "intent", "result", "undo"})
"""Kinds of events that may say something of effects."""

Standing = Literal["in doubt", "done", "undone", "left to a person"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One write effect of the run's own, or a child run with all that it did."""

    path: str
    tool: str
    """Of a child run, the name of its workflow."""
    arguments: str
    """Commitment."""
    undo: str | None
    """Where its undo is found; None when its tool declares none."""
    output: str | None = None
    """Commitment of what the call gave."""
    standing: Standing = "in doubt"
    run: str | None = None
    """The child run; None for an effect of the run's own."""
    ongoing: bool = False
    """True for what goes on elsewhere while its visit waits for it."""


class EffectBook:
    """The write effects of a run; what was imported from another run is not among them.

    Made from all events of a run, or from those that a replay reads: it then knows of which paths it
    cannot tell.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._asked: dict[str, str] = {}
        """Effects that a person is asked about, by the path of the question."""
        self.begins = False
        """True once anything was begun that goes on elsewhere."""
        self._torn: set[str] = set()
        """Paths at or around which more may have been done than this book holds."""
        picked: list[str] = []
        last = 0
        for event in events:
            if event.seq != last + 1:  # what stands before a gap was picked from among others
                self._torn.update(picked)
                picked.clear()
            last = event.seq
            picked.append(event.path)
            if event.kind == "segment":
                self._torn.add(event.path)
            self.note(event.kind, event.path, event.body)

    def note(self, kind: str, path: str, body: Mapping[str, Any]) -> None:
        """Take up an event; those that say nothing of effects are passed over."""
        if kind in ("asked", "answered") and body.get("what") == "child":
            self._child(kind, path, body)
        elif kind == "intent" and body["effect"] == "write" and not path.endswith(UNDO):
            entry = Entry(
                path, body["tool"], body["arguments"], body.get("undo"), ongoing=body.get("ongoing", False)
            )
            self.begins = self.begins or entry.ongoing
            self._entries[path] = entry
        elif kind == "result" and body["status"] == "done":
            self._finished(path, body.get("output"))
        elif kind == "result" and body["status"] in ("failed", "unsent"):
            self._entries.pop(path, None)
        elif kind == "undo":
            items: Sequence[Mapping[str, Any]] = body["effects"]
            self._asked.update({f"{path}/ask/{n}": item["path"] for n, item in enumerate(items, 1)})
        elif kind == "answered" and path in self._asked:
            self._mark(self._asked[path], "left to a person")

    def _child(self, kind: str, path: str, body: Mapping[str, Any]) -> None:
        """Take up that a child run was begun or has ended; one that takes back what another did is none."""
        if kind == "answered":
            self._finished(path, body["content"])
        elif "undoes" not in body:
            self._entries[path] = Entry(path, body["workflow"], body["input"], None, run=body["child"])

    def _finished(self, path: str, output: str | None) -> None:
        entry = self._entries.pop(path, None)
        if entry is not None:
            self._entries[path] = dataclasses.replace(entry, output=output, standing="done")
        elif path.endswith(UNDO):
            self._mark(path.removesuffix(UNDO), "undone")

    def _mark(self, path: str, standing: Standing) -> None:
        if path in self._entries:
            self._entries[path] = dataclasses.replace(self._entries[path], standing=standing)

    def knows(self, under: Iterable[str]) -> bool:
        """Tell whether nothing can be missing at or under any of these paths."""
        return not any(within(torn, above) for above in under for torn in self._torn)

    def standing(self, under: Iterable[str]) -> list[Entry]:
        """Give what was done at or under these paths and stands, the latest first."""
        paths = list(under)
        return [entry for entry in self.entries(paths) if entry.standing == "done"]

    def entries(self, under: Iterable[str] = ("",)) -> list[Entry]:
        """Give every effect that took place or may have, at or under these paths, the latest first.

        Those of which it is not known yet come before all others: they have to be settled first.
        """
        paths = list(under)
        found = [entry for path, entry in self._entries.items() if any(within(path, one) for one in paths)]
        found.reverse()
        return sorted(found, key=lambda entry: entry.standing != "in doubt")

    def forget(self, scope: str, still_open: Iterable[str]) -> None:
        """Let go of the visits within a scope that have ended: nobody asks for one of them alone again."""
        kept = [path for path in still_open if path != scope and within(path, scope)]

        def over(path: str) -> bool:
            return within(path, scope) and not any(within(path, one) for one in kept)

        self._entries = {path: entry for path, entry in self._entries.items() if not over(path)}
        self._asked = {path: effect for path, effect in self._asked.items() if not over(path)}
        self._torn = {path for path in self._torn if not over(path)} | {f"{scope}/segment"}


def within(path: str, above: str) -> bool:
    """Tell whether a path is at or under another; all are under the empty one."""
    return not above or path == above or path.startswith(f"{above}/")
