"""How runs look while one follows them: a live table in a terminal, a line per change anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ripieno.cli.following import Followed
from ripieno.cli.output import clean, console, duration, listing, mark
from ripieno.connectors.progress import PROGRESS
from ripieno.connectors.watching import watching
from ripieno.model.ids import short

__all__ = ["Board", "table_of"]

MARGIN: Final = 4
"""Lines of the terminal that are left free."""

NAME_WIDTH: Final = 28
SAYING: Final = 80
"""So much is shown of what a model is saying, the end of it."""
OFTEN: Final = 0.1
"""Seconds between two pictures while a model speaks."""


def table_of(cases: Sequence[Followed], *, headings: bool = False, brief: bool = False) -> Table:
    """Give runs as a table; with `brief` each on one line, however long its reason is."""
    columns = ("", "run", "input", "status", "steps", "time", "") if headings else ("",) * 7
    table = listing(*columns)
    if brief:
        last = table.columns[-1]
        last.no_wrap, last.overflow, last.ratio = True, "ellipsis", 1
        table.expand = True  # the reason takes what the others leave
    for case in cases:
        table.add_row(
            mark(case.status),
            Text("" if case.row is None else short(case.row.id), style="bold"),
            clean(case.name, limit=NAME_WIDTH),
            Text(case.status, style="" if case.settled else "dim"),
            Text(f"{case.steps} step{'' if case.steps == 1 else 's'}" if case.row else "", style="dim"),
            Text(duration(case.seconds) if case.row else "", style="dim"),
            clean(said_of(case), style="" if case.settled or case.asked else "dim"),
        )
    return table


def said_of(case: Followed) -> str:
    """Say how a run stands: what a model is saying, where one is, else what was done last."""
    return case.saying[-SAYING:] if case.going and case.saying else case.why()


class Board:
    """What is shown of a number of runs while they go on; on stderr unless told otherwise."""

    def __init__(
        self,
        cases: Sequence[Followed],
        *,
        hint: str = "",
        stream: TextIO | None = None,
        folder: Path | None = None,
    ) -> None:
        """`folder`: the data folder, where it may be another process that runs them."""
        self._cases = cases
        self._folder = folder
        self._hint = hint
        self._console = console(stream or sys.stderr)
        self._live: Live | None = None
        self._told: dict[int, str] = {}
        self._hinted = False
        self._pictured = 0.0
        self._listening = ExitStack()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
            self._listening.enter_context(PROGRESS.listen(self._hear))
            for case in self._cases:
                if case.row is not None and self._folder is not None:
                    self._listening.enter_context(watching(self._folder, case.row.id, self._hear))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        if self._live is not None:
            self._live.stop()

    def _hear(self, run: str, path: str, text: str) -> None:
        """Show what a model is saying; seen here and recorded nowhere."""
        for case in self._cases:
            if case.row is not None and case.row.id == run:
                case.hear(path, text)
        if time.monotonic() - self._pictured > OFTEN:
            self.look()

    def look(self) -> None:
        """Show how things stand."""
        if self._live is not None:
            self._pictured = time.monotonic()
            self._live.update(self._picture(), refresh=True)
            return
        for case in self._cases:
            if case.status not in ("queued", "running", self._told.get(id(case))) and not case.going:
                self._told[id(case)] = case.status
                self._console.print(line_of(case), soft_wrap=True)
        hint = self._waits()
        if hint is not None and not self._hinted:
            self._hinted = True
            self._console.print(hint, soft_wrap=True)

    def _waits(self) -> Text | None:
        """Say what people can do, once nothing else goes on."""
        waiting = sum(bool(case.asked) for case in self._cases)
        if not self._hint or not waiting or any(case.going or case.row is None for case in self._cases):
            return None
        return Text(f"{waiting} wait{'s' if waiting == 1 else ''} for a person: {self._hint}", "yellow")

    def _picture(self) -> Group:
        room = max(5, self._console.height - MARGIN)
        shown = self._cases
        if len(shown) > room:
            # what goes on matters most, then what waits, then what was last settled
            order = {"running": 0, "waiting": 1, "paused": 1, "stopped": 1, "queued": 3}
            shown = sorted(self._cases, key=lambda case: order.get(case.status, 2))[: room - 1]
        parts: list[Table | Text] = [table_of(shown, brief=True)]
        done = sum(case.settled for case in self._cases)
        if len(shown) < len(self._cases):
            parts.append(
                Text(f"… {len(self._cases) - len(shown)} more; {done} of {len(self._cases)} at rest", "dim")
            )
        hint = self._waits()
        if hint is not None:
            parts.append(hint)
        return Group(*parts)


def line_of(case: Followed) -> Text:
    """Give a run on one short line, for where no table can be kept up to date: the table comes at the end."""
    line = Text.assemble(
        mark(case.status),
        f" {short(case.row.id) if case.row else '------'}  ",
        clean(case.name, limit=NAME_WIDTH),
        f"  {case.status}",
    )
    return Text.assemble(line, "  ", clean(case.why())) if case.doubts else line
