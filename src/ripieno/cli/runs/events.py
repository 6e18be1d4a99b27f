"""`ripieno runs events`: the log of a run as it stands."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, show, to_json, write
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.kernel.clock import moment
from ripieno.model.event import Event

__all__ = ["event_document", "line_of_event", "show_events"]


def show_events(
    run: str,
    /,
    *,
    full: Annotated[bool, Parameter(negative="")] = False,
    after: int = 0,
    options: Options = DEFAULTS,
) -> int:
    """Show the events of a run in order.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    full
        Every field of every event.
    after
        Only events after this one.

    """
    return asyncio.run(_events(options.settle(), run, full=full, after=after))


async def _events(settings: Settings, text: str, *, full: bool, after: int) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        settings.principal.check_scope("data.read", row.workflow)
        events = await store.events(row.id, after=after)
    if settings.output != "table":
        write(settings.output, [event_document(event) for event in events], None)
        return Exit.OK
    screen = console(sys.stdout)
    if full:
        for event in events:
            screen.print(Text(to_json(event_document(event), indent=2)), soft_wrap=True)
        return Exit.OK
    table = listing("event", "at", "kind", "path", "", right=("event",))
    for event in events:
        table.add_row(
            str(event.seq),
            Text(f"{moment(event.at).astimezone():%H:%M:%S.%f}"[:-3], style="dim"),
            event.kind,
            event.path,
            clean(line_of_event(event), style="dim"),
        )
    show(screen, table)
    return Exit.OK


def event_document(event: Event) -> dict[str, Any]:
    """Give an event with all its fields."""
    return {
        "run_id": event.stream,
        "seq": event.seq,
        "prev": event.prev,
        "at": event.at,
        "epoch": event.epoch,
        "kind": event.kind,
        "path": event.path,
        "body": dict(event.body),
    }


def line_of_event(event: Event) -> str:
    """Say what an event is about, in a few words."""
    body: Any = event.body
    if "outcome" in body:
        outcome = body["outcome"]
        sure = f" at {outcome['confidence']} ({outcome['method']})" if "confidence" in outcome else ""
        return f"{outcome['status']}{sure}"
    names = (
        "workflow",
        "what",
        "chosen",
        "tool",
        "attempt",
        "status",
        "how",
        "role",
        "by",
        "round",
        "from",
        "kind",
    )
    return ", ".join(f"{name} {body[name]}" for name in names if body.get(name) is not None)
