"""The gate of a data folder, loaded at the first decision: reading and helping need none."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.journal.sqlite import SqliteStore
from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.provenance import RunLog, Tracer

if TYPE_CHECKING:
    from ripieno.mediation.policy.in_force import InForce

__all__ = ["FolderGate", "governed"]


class GovernedStore(SqliteStore):
    """The log of a data folder with the gate that decides about what is done to it."""

    gate: FolderGate


class FolderGate:
    """Decides by the policies in force: those of the data folder and its project, or what was promoted."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._store: SqliteStore | None = None

    def follow(self, store: SqliteStore) -> None:
        """Decide by what is promoted in a log, too, and let it keep what is decided by."""
        self._store = store

    def load(self) -> None:
        """Load it now: whoever serves runs will need it."""
        _ = self._gate

    @property
    def version(self) -> str:
        """Changes whenever a decision may."""
        return self._gate.version

    def decide(self, action: Action) -> Decision:
        """Decide about one action."""
        return self._gate.decide(action)

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Tell what policies read of where the values of an act come from."""
        return self._gate.traces(action)

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Give what finds where the values of a run's acts come from."""
        return self._gate.tracer(log, run)

    @cached_property
    def _gate(self) -> InForce:
        from ripieno.mediation.policy.in_force import InForce  # noqa: PLC0415 - a fifth of a second

        return InForce(self._home, self._store)


def governed(home: Path) -> GovernedStore:
    """Give the log of a data folder with its gate, to be opened."""
    gate = FolderGate(home)
    store = GovernedStore(home, gate)
    gate.follow(store)
    return store
