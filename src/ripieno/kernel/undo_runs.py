"""Taking back what a child run did that has ended: by a run of its own, since only whoever acted undoes.

The ended run stays closed. The run that undoes works under its paths, so that what it did stands to the
ended run's effects as if the ended run had gone on; a later one takes up where an earlier one stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.awaited_runs import AwaitedRun
from ripieno.kernel.births import UNDOING, UndoBirth, bear_undo
from ripieno.kernel.effect_book import EffectBook, Entry
from ripieno.model.event import Json

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Standing", "UndoRun", "book_of", "done_since", "standing_in", "undoers"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An effect that stands, and the run that made it."""

    run: str
    entry: Entry


async def undoers(store: Store, run: str) -> list[RunRow]:
    """Give the runs that take back what a run did, in the order in which they do so."""
    found: list[RunRow] = []
    for row in store.keyed(run, UNDOING):
        first = (await store.events(row.id, limit=1))[0]
        if first.body.get("undoes", {}).get("run") == run:  # and not one whose key somebody chose like that
            found.append(row)
    return found


async def book_of(store: Store, run: str) -> EffectBook:
    """Give the effects of a run that has ended, as those that were to undo them have left them."""
    book = EffectBook(await store.events(run))
    for row in await undoers(store, run):
        for event in await store.events(row.id):
            book.note(event.kind, event.path, event.body)
    return book


async def done_since(store: Store, run: str, since: int) -> frozenset[str]:
    """Give the paths of effects, and of child runs, that were over after an event of their run."""
    return frozenset(
        event.path
        for event in await store.events(run, after=since)
        if (event.kind == "result" and event.body["status"] == "done")
        or (event.kind == "answered" and event.body["what"] == "child")
    )


async def standing_in(store: Store, run: str, since: int = 0) -> list[Standing]:
    """Give what a run that has ended, and those within it, did that stands, the latest first."""
    found: list[Standing] = []
    only = await done_since(store, run, since)
    for entry in (await book_of(store, run)).standing([""]):
        if entry.path not in only:
            continue
        if entry.run is None:
            found.append(Standing(run, entry))
        else:
            found.extend(await standing_in(store, entry.run))
    return found


class UndoRun(AwaitedRun):
    """A run that takes back what a child run has done; whoever is cancelled with undo waits for it."""

    def __init__(self, scope: Scope, path: str, whose: tuple[str, str], *, asks: bool) -> None:
        """`whose`: the name of the child run's workflow, and the child run."""
        self._workflow, self._undoes = whose
        self._asks = asks
        super().__init__(scope, path, scope.execution.value({"undoes": self._undoes}))

    def _described(self) -> dict[str, Json]:
        return {"workflow": self._workflow, "undoes": self._undoes}

    def _withdraw(self) -> None:
        going_on = self._begun and self._execution.rest is None
        if not (going_on and self._execution.undoes_all):  # else what it takes back is wanted back
            super()._withdraw()

    async def _bear(self) -> None:
        execution = self._execution
        await bear_undo(
            execution.store,
            UndoBirth(
                self._run,
                self._undoes,
                execution.row.principal,
                parent=(execution.lease.run, self.path),
                effects=self._rule(),
                asks=self._asks,
                rights=execution.proposals.inherited,
                restored=execution.restored,
            ),
            execution.clock.now(),
        )
