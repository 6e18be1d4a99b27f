"""Taking back what a child run did that has ended: by a run of its own, since only whoever acted undoes.

The ended run stays closed. The run that undoes works under its paths, so that what it did stands to the
ended run's effects as if the ended run had gone on; a later one takes up where an earlier one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ripieno.journal.store import Store
from ripieno.kernel.awaited_runs import AwaitedRun
from ripieno.kernel.births import UndoBirth, bear_undo
from ripieno.kernel.effect_book import EffectBook, Entry
from ripieno.model.errors import NotFoundError
from ripieno.model.event import Json

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Standing", "UndoRun", "book_of", "standing_in"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An effect that stands, and the run that made it."""

    run: str
    entry: Entry


async def book_of(store: Store, run: str, after: Sequence[str]) -> EffectBook:
    """Give the effects of a run that has ended, as those `after` it that were to undo them have left them."""
    book = EffectBook(await store.events(run))
    for later in after:
        with suppress(NotFoundError):  # one that was cancelled before it was made
            for event in await store.events(later):
                book.note(event.kind, event.path, event.body)
    return book


async def standing_in(store: Store, run: str, after: Sequence[str]) -> list[Standing]:
    """Give what a child run that has ended, and those within it, did that stands, the latest first."""
    found: list[Standing] = []
    for entry in (await book_of(store, run, after)).standing([""]):
        if entry.run is None:
            found.append(Standing(run, entry))
        else:
            found.extend(await standing_in(store, entry.run, entry.after))
    return found


class UndoRun(AwaitedRun):
    """A run that takes back what a child run has done; whoever is cancelled with undo waits for it."""

    def __init__(self, scope: Scope, path: str, whose: tuple[str, str], after: Sequence[str]) -> None:
        """`whose`: the name of the child run's workflow, and the child run."""
        self._workflow, self._undoes = whose
        self._after = tuple(after)
        given = scope.execution.value({"undoes": self._undoes, "after": list(after)})
        super().__init__(scope, path, given)

    def _described(self) -> dict[str, Json]:
        return {"workflow": self._workflow, "undoes": self._undoes}

    def _withdraw(self) -> None:
        going_on = self._begun and self._execution.rest is None
        if not (going_on and self._execution.undoes_all):  # else what it takes back is wanted back
            super()._withdraw()

    async def _bear(self) -> None:
        birth = UndoBirth(self._run, self.path, self._undoes, self._after, self._rule())
        await bear_undo(self._execution, birth, self._given.data)
