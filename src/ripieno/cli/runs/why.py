"""`ripieno runs why`: the way that a value took to the argument of an act."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, words, write
from ripieno.cli.policy_explain import is_at
from ripieno.cli.policy_whatif import past_acts
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import read_run
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.mediation.provenance.words import short_form
from ripieno.model.errors import NotFoundError, nearest
from ripieno.model.ids import short
from ripieno.model.provenance import source_in_words
from ripieno.model.value import decode

if TYPE_CHECKING:
    from ripieno.mediation.policy.past import PastAct
    from ripieno.mediation.provenance.sentences import Sentence
    from ripieno.mediation.provenance.way import Way

__all__ = ["ToldWay", "call_at", "show_why", "traced_ways"]

SHOWN: int = 48
"""Letters of a value that are shown."""
SAID: int = 800
"""Letters of what a source said that are shown."""


@dataclass(frozen=True, slots=True)
class ToldWay:
    """A way, and what those said whom nobody answers for."""

    way: Way
    said: Sequence[Sentence]


def show_why(run: str, path: str, argument: str, /, *, options: Options = DEFAULTS) -> int:
    """Show where the value of an argument came from, how that was seen, and who passed it on.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    path
        The path of the call as `runs events` shows it, or its end without visits: pay/tool/1.
    argument
        The argument, or a value within it: recipient, items[0].iban.

    """
    return asyncio.run(_show(options.settle(), run, path, argument))


async def _show(settings: Settings, run: str, path: str, argument: str) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, run)
        await read_run(store, row, "runs why", by=settings.principal)
        call = await call_at(store, row, path)
        found = await traced_ways(store, row, call, argument)
        arguments: Mapping[str, Any] = call.action.given() if call.action.given is not None else {}
    if not found:
        known = ", ".join(sorted(arguments)) or "nothing"
        msg = f"{call.action.subject.name} was given no {argument!r}{nearest(argument, arguments)}"
        raise NotFoundError(msg, remedy=f"it was given {known}")
    show_ways(settings, call, found)
    return Exit.OK


async def call_at(store: Store, row: RunRow, path: str) -> PastAct:
    """Give the call of a run that is at a path, the latest of it; raises `NotFoundError`."""
    acts = [one async for _, found in past_acts(store, [row]) for one in found]
    calls = [one for one in acts if one.action.given is not None]
    call = next((one for one in reversed(calls) if is_at(one.path, path)), None)
    if call is None:
        msg = f"no call of run {short(row.id)} is at {path!r}{nearest(path, {one.path for one in calls})}"
        raise NotFoundError(msg, remedy="ripieno runs events RUN shows the paths")
    return call


async def traced_ways(store: Store, row: RunRow, call: PastAct, argument: str) -> list[ToldWay]:
    """Give the way of each value in an argument of a call, and the sentences that it came from."""
    from ripieno.mediation.provenance.past import PastSources  # noqa: PLC0415 - only where it is shown
    from ripieno.mediation.provenance.sentences import sentences  # noqa: PLC0415 - the same
    from ripieno.mediation.provenance.way import changed, followed, ways  # noqa: PLC0415 - the same

    def open_value(ref: str) -> Any:
        return decode(store.payload(row.id, ref))

    assert call.action.given is not None, "it was found by what it was given"
    arguments = call.action.given()
    events = await store.events(row.id)
    before = [event for event in events if event.seq < call.seq]
    traced = call.traced
    if traced is None:
        traced = await PastSources(store, row.id, events).at(call.seq, call.path, arguments)
    acts = [one async for _, found in past_acts(store, [row]) for one in found]
    earlier = [
        (one.seq, one.action.given())
        for one in acts
        if one.path == call.path and one.seq < call.seq and one.action.given is not None
    ]
    found: list[ToldWay] = []
    for way in ways(traced, arguments, argument, before, open_value):
        said = tuple(sentences(way.value, way.found["by"], events, open_value))
        found.append(ToldWay(await followed(store, events, changed(way, earlier)), said))
    return found


def show_ways(settings: Settings, call: PastAct, found: Sequence[ToldWay]) -> None:
    """Show for each value of an argument the way that it took, and the sentence that it came from."""
    if settings.output != "table":
        write(settings.output, [document(call, one) for one in found], None)
        return
    screen = console(sys.stdout)
    tool = call.action.subject.name
    by = ", ".join(one.by for one in call.action.approvals)
    approved = f", approved by {by}" if by else ""
    if call.editors:
        approved = f", edited by {', '.join(call.editors)}{approved}"
    denied = ", denied" if call.verdict == "deny" else ""
    screen.print(
        Text.assemble((tool, "bold"), f" at {call.path} (event {call.seq}){denied}{approved}"), soft_wrap=True
    )
    for one in found:
        for line in told(one.way, call.editors, one.said):
            screen.print(line, soft_wrap=True)


def told(way: Way, editors: Sequence[str], said: Sequence[Sentence] = ()) -> Iterator[Text]:
    """Tell one way, line by line."""
    data = f", {', '.join(way.found['data'])}" if way.found.get("data") else ""
    yield Text.assemble(
        (way.at, "bold"), " = ", clean(shortened(way.value)), f" is {way.found['trust']}{data}"
    )
    if way.proposed is not None:
        was = clean(shortened(way.proposed.value))
        yield Text.assemble(
            f"  put there by {', '.join(editors) or 'whoever approved it'}, in place of ",
            was,
            f" (event {way.proposed.event})",
        )
    brief = short_form(way.value) is not None
    for by in way.found["by"]:
        why = ": too short to be told from chance" if brief and "what" not in by else ""
        yield Text.assemble("  ", clean(source_in_words(by)), why, at_of(by))
    for sentence in said:
        where = f"{sentence.reference}: " if sentence.reference else ""
        yield Text.assemble("  said there: ", clean(f"{where}“{sentence.text}”", limit=SAID))
    for by in way.elsewhere:
        yield Text.assemble("  there from ", clean(source_in_words(by)), at_of(by, run=True))
    for stop in way.through:
        held = f" as {stop.at}" if stop.at else ""
        yield Text(f"  passed on by {stop.path} (event {stop.event}){held}", "dim")


def at_of(by: Mapping[str, Any], *, run: bool = False) -> str:
    """Say where in what a source gave, and at which event, of which `run` where that is another."""
    if "event" not in by:
        return ""
    of = f" of run {short(by['run'])}" if run else ""
    return f" (event {by['event']}{of}" + (f", {by['at']})" if by.get("at") else ")")


def shortened(value: Any) -> str:
    """Give a value for a line of its own."""
    said = words(value)
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 8]}…{said[-7:]}"


def document(call: PastAct, told_way: ToldWay) -> dict[str, Any]:
    """Give a way as programs read it."""
    way = told_way.way
    return {
        "event": call.seq,
        "path": call.path,
        "tool": call.action.subject.name,
        "argument": way.at,
        "value": way.value,
        **way.found,
        "approved": [one.by for one in call.action.approvals],
        "edited_by": list(call.editors),
        "proposed": None
        if way.proposed is None
        else {"event": way.proposed.event, "value": way.proposed.value},
        "verdict": call.verdict,
        "said": [{"event": one.event, "reference": one.reference, "text": one.text} for one in told_way.said],
        "elsewhere": [dict(by) for by in way.elsewhere],
        "passed_on": [{"event": one.event, "path": one.path, "at": one.at} for one in way.through],
    }
