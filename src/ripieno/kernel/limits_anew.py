"""What limits led to in a run: work that is done anew has its limits anew, and leaves all of that out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ripieno.kernel.recording import origin, scopes_around
from ripieno.model.event import Event

__all__ = ["begun", "led_to_by_limits"]

LIMIT: Final = "/limit"
"""What stands behind the path of a visit in those of the acts by which its limits are kept."""

ENDED: Final = ("ending", "budget")
"""What is chosen by whoever ends before a limit does, since a look ahead found too little left."""

DEGRADED: Final = "degrade to "
"""How a choice begins that let somebody cheaper take over."""


def led_to_by_limits(events: Sequence[Event], anew: Callable[[str], bool]) -> set[int]:
    """Give the places of all that the limits of visits led to that are done `anew`.

    That is what tripped, who was asked for more and what was granted, when the time is up, what was set
    aside; the visits of those who took over since a limit had tripped; and what came of a look ahead
    that found too little left.
    """
    first = begun(events)
    found: set[int] = set()
    tripped: dict[str, int] = {}
    """Where somebody cheaper was chosen, by what the paths of that visit begin with."""
    for event in events:
        what = origin(event) if event.kind == "imported" else event
        ran = ran_away(what)
        if ran is not None and anew(ran):
            found.add(event.seq)
        around = (what.path, *scopes_around(what.path))
        visit = next((path.removesuffix(LIMIT) for path in around if path.endswith(LIMIT)), None)
        if visit is not None and anew(visit):
            found.add(event.seq)
            if what.kind == "choice" and what.body["chosen"].startswith(DEGRADED):
                tripped[f"{visit}/{what.body['chosen'].removeprefix(DEGRADED)}@"] = event.seq
        elif any(path.startswith(by) and first[path] > tripped[by] for path in around for by in tripped):
            found.add(event.seq)
    return found | foreseen(events, anew)


def foreseen(events: Sequence[Event], anew: Callable[[str], bool]) -> set[int]:
    """Give the places of what came of a look ahead that found too little left, the look itself included."""
    last: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in events:
        what = origin(event) if event.kind == "imported" else event
        visit = what.path.rpartition("/")[0].rpartition("/")[0]
        if what.kind == "moment" and "left" in what.body:
            last[visit] = event.seq
        elif what.kind == "choice" and visit in last and (what.body["what"], what.body["chosen"]) == ENDED:
            ended[visit] = last[visit]
    from_there = {visit: seq for visit, seq in ended.items() if anew(visit)}
    return {
        event.seq
        for event in events
        if any(event.seq >= from_there.get(path, event.seq + 1) for path in scopes_around(event.path))
    }


def ran_away(event: Event) -> str | None:
    """Give the visit that was ended since it had run away, where an event says so."""
    if event.kind != "choice" or event.body["what"] != "runaway":
        return None
    return next(path for path in scopes_around(event.path) if "@" in path.rpartition("/")[2])


def begun(events: Sequence[Event]) -> dict[str, int]:
    """Give where the first thing at or within each path was recorded."""
    first: dict[str, int] = {}
    for event in events:
        for path in (event.path, *scopes_around(event.path)):
            first.setdefault(path, event.seq)
    return first
