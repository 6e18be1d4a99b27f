"""The way that a value took to the argument of an act: its sources, and who passed it on in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ripieno.mediation.provenance.histories import Histories
from ripieno.mediation.provenance.index import Index, Mark, Source
from ripieno.mediation.provenance.leaves import leaves, place
from ripieno.mediation.provenance.tracing import told_match
from ripieno.mediation.provenance.words import short_form
from ripieno.model.errors import RipienoError
from ripieno.model.event import Event
from ripieno.model.provenance import Label, RunLog, Traced

__all__ = ["Proposed", "Stop", "Way", "changed", "followed", "ways"]

PASSED: Final = ("output", "evidence", "reason")


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit that passed the value on."""

    event: int
    path: str
    at: str
    """Where in what it gave."""


@dataclass(frozen=True, slots=True)
class Way:
    """One value of an act, and the way that it took."""

    at: str
    """Where it stands in the arguments, such as `items[0].iban`."""
    value: Any
    found: Mapping[str, Any]
    """What is recorded of its sources."""
    through: Sequence[Stop]
    elsewhere: Sequence[Mapping[str, Any]] = ()
    """Where it was from in the run that this one had it from, as is recorded of a source."""
    proposed: Proposed | None = None
    """What stood there before somebody who approved the act changed it."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What an act was to be made with, as it was proposed."""

    event: int
    value: Any


async def followed(log: RunLog, events: Sequence[Event], way: Way) -> Way:
    """Give a way with its sources in other runs: a child, one that it began from, those that remembered it.

    events: all of the run's.
    """
    runs = dict.fromkeys(run for by in way.found["by"] for run in other_runs(events, by))
    histories = Histories(log)
    found: list[Mapping[str, Any]] = []
    for run in runs:
        with suppress(RipienoError):  # erased since, or damaged: the source here is told all the same
            history = await histories.of(run)
            found += [told_match(match) for match in history.index.look(way.value, Label("model")).matches]
    return replace(way, elsewhere=found)


def other_runs(events: Sequence[Event], by: Mapping[str, Any]) -> list[str]:
    """Give the runs in which a source of this one has to be looked for; none for any other source."""
    event = next((one for one in events if one.seq == by.get("event")), None)
    if event is None:
        return []
    if event.kind == "result":
        retrieved: Any = event.body.get("noted", {}).get("retrieved")  # of a model's answer it is a list
        runs = cast("dict[str, Any]", retrieved).get("runs", ()) if isinstance(retrieved, dict) else ()
        return [str(run) for run in runs]
    found: Iterator[str] = iter(())
    if event.kind == "answered" and event.body["what"] == "child":
        asked = (one for one in events if one.kind == "asked" and one.path == event.path)
        found = (str(one.body["child"]) for one in asked if "child" in one.body)
    elif event.kind == "run.started" and "parent" in event.body:
        found = iter((str(event.body["parent"]["run"]),))
    elif event.kind == "run.started":
        found = (str(one.body["from"]) for one in events if one.kind == "run.forked")
    return list(found)[:1]


def changed(way: Way, proposals: Iterable[tuple[int, Mapping[str, Any]]]) -> Way:
    """Give a way with what was proposed first, where that was something else.

    proposals: events by which the act was proposed before, with its arguments then.
    """
    for seq, arguments in proposals:
        was = {place(at): leaf for at, leaf in leaves(arguments)}.get(way.at, way.value)
        if was != way.value:
            return replace(way, proposed=Proposed(seq, was))
    return way


def ways(
    traced: Traced,
    arguments: Mapping[str, Any],
    argument: str,
    before: Sequence[Event],
    opened: Callable[[str], Any],
) -> Iterator[Way]:
    """Give the way of each value in an argument, such as `recipient` or `items[0].iban`.

    traced: what was found of the act. before: the events of its run before it. opened: gives a value by
    its commitment.
    """
    known = cast("Mapping[str, Any]", traced.document["from"])
    for inner, leaf in leaves(arguments):
        at = place(inner)
        found = next((known[one] for one in above(at) if one in known), None)
        if found is not None and argument in set(above(at)):
            first = min((by["event"] for by in found["by"] if "event" in by), default=None)
            passed = () if first is None else tuple(through(leaf, before, first, opened))
            yield Way(at, leaf, found, passed)


def above(at: str) -> Iterator[str]:
    """Give a place and all that hold it: `items[0].iban`, `items[0]`, `items`."""
    while at:
        yield at
        at = at[: max(at.rfind("."), at.rfind("["), 0)]


def through(leaf: Any, events: Sequence[Event], first: int, opened: Callable[[str], Any]) -> Iterator[Stop]:
    """Give the visits after a source whose result holds a value, in the order of the log."""
    if short_form(leaf) is not None:
        return
    for event in events:
        if event.seq > first and event.kind in ("step", "scope"):
            outcome = cast("Mapping[str, Any]", event.body["outcome"])
            for ref in (outcome[part] for part in PASSED if part in outcome):
                at = where(leaf, opened(ref), event)
                if at is not None:
                    yield Stop(event.seq, event.path, at)
                    break


def where(leaf: Any, value: Any, event: Event) -> str | None:
    """Give the place in a value at which all of a leaf is found; None where it is not."""
    index = Index()
    source = Source(event.stream, event.seq, event.path, "")
    for at, held in leaves(value):
        index.add(held, Mark(source, place(at), Label("untrusted", frozenset({place(at)}))))
    for match in index.look(leaf, Label("model")).matches:
        if match.how != "in part":
            return match.mark.at
    return None
