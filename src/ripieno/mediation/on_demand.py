"""The gate of a data folder, loaded at the first decision: reading and helping need none."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.journal.places import database_url, missing
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.provenance import RunLog, Tracer

if TYPE_CHECKING:
    from ripieno.mediation.policy.in_force import InForce

__all__ = ["FolderGate", "governed"]


class FolderGate:
    """Decides by the policies in force: those of the data folder and its project, or what was promoted."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._store: SqlStore | None = None

    def follow(self, store: SqlStore) -> None:
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


def governed(home: Path, *, loaded: bool = False) -> SqlStore:
    """Give the log of a data folder, or of the database that there is for it, with its gate, to be opened.

    `loaded`: whoever serves runs will need the gate, and loads it now. Raises `SettingsError` where the name
    of the database is none, or what speaks with one is not installed.
    """
    gate = FolderGate(home)
    url = database_url()
    store = SqliteStore(home, gate) if url is None else in_database(home, url, gate)
    gate.follow(store)
    if loaded:
        gate.load()
    return store


def in_database(home: Path, url: str, gate: FolderGate) -> SqlStore:
    """Give the log in a database."""
    try:
        from ripieno.journal.postgres import PostgresStore  # noqa: PLC0415 - only who has such a database
    except ModuleNotFoundError as error:
        raise missing() from error
    return PostgresStore(home, url, gate)
