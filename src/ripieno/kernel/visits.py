"""The visits of a run, by what people call them: open, ended, or still to come."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ripieno.kernel.recording import ENDS, origin, scopes_around
from ripieno.model.errors import InputError, NotFoundError, RefusedError, nearest
from ripieno.model.event import Event

__all__ = ["find_visit", "name_of"]


def find_visit(events: Sequence[Event], step: str, names: Collection[str] | None) -> str:
    """Give the path of the visit that `step` means, or its name where it means one still to come.

    `step` is a path or a participant's name; `names` are those that the workflow has, None where its
    code is not at hand.
    """
    ended, begun = visits(events)
    known = {*map(name_of, (*ended, *begun)), *(names or ())}
    missing = [part for part in map(name_of_part, step.split("/")) if part not in known]
    if missing:
        where = "the workflow has no participant" if names is not None else "nothing is recorded of a step"
        msg = f"{where} called {missing[0]!r}{nearest(missing[0], known)}"
        raise NotFoundError(msg, remedy="ripieno runs show and ripieno workflows show name the steps")
    if "@" not in step and "/" not in step:
        return by_name(step, ended, begun)
    path = "/".join(part if "@" in part else f"{part}@1" for part in step.split("/"))
    for around in (path, *scopes_around(path)):
        if around in ended:
            within = "" if around == path else f"{around}, around it, "
            msg = f"{path}: {within}has ended as {ended[around]}"
            raise RefusedError(msg)
    return path


def by_name(name: str, ended: Mapping[str, str], begun: Collection[str]) -> str:
    """Give the one visit of a participant that is open; its name when none is, unless it is over.

    A step that stands alone has its participant below it under the same name: both are the step.
    """
    named = {path for path in begun if name_of(path) == name}
    found = sorted(path for path in named if path.rpartition("/")[0] not in named)
    if len(found) > 1:
        msg = f"{name!r} is at several visits: {', '.join(found)}"
        raise InputError(msg, remedy="give the path of one of them")
    if found:
        return found[0]
    over = {path: status for path, status in ended.items() if name_of(path) == name}
    if over:
        path, status = list(over.items())[-1]
        msg = f"{path} has ended as {status}"
        raise RefusedError(msg, remedy="give the whole path of a visit that is still to come")
    return name


def visits(events: Sequence[Event]) -> tuple[dict[str, str], set[str]]:
    """Give the visits that have ended with how, in order, and those that something was recorded in."""
    ended: dict[str, str] = {}
    begun: set[str] = set()
    for event in events:
        event = origin(event) if event.kind == "imported" else event  # noqa: PLW2901 - it stands for that one
        if event.kind in ENDS:
            ended[event.path] = event.body["outcome"]["status"]
        if event.kind != "message":
            begun.update(scopes_around(event.path))
    return ended, {path for path in begun if "@" in path.rpartition("/")[2]} - ended.keys()


def name_of(path: str) -> str:
    """Give the name of the participant whose visit a path is."""
    return name_of_part(path.rpartition("/")[2])


def name_of_part(part: str) -> str:
    """Give the name in one part of a path."""
    return part.partition("@")[0]
