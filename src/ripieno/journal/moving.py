"""Moves the log of a data folder into a database: all of it or nothing, compared before it counts.

Rows are streamed, so that a log of any length takes the same memory. The log is verified before. What has
arrived is read again and compared with what stands in the folder: every chain by the hashes of its events,
computed anew, the tree by its root, and each table by a digest of its rows in the order of their keys. Only
then is it committed.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from ripieno.journal.postgres.store import REGION
from ripieno.journal.postgres.target import Table, Target
from ripieno.journal.sql.tree import StoredTree
from ripieno.journal.sqlite.moved import moved_to, unmark
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.sqlite.source import Source
from ripieno.journal.verify import verify
from ripieno.model.errors import NotFoundError, RefusedError, StoreError

__all__ = ["Moved", "Proof", "call_off", "move"]

SHOWN: Final = 5
"""How many findings are told."""


class Proof(NamedTuple):
    """What a log is known by, as its events have it."""

    events: int
    chains: int
    digest: str
    """Of the hashes of all events, chain by chain."""
    leaves: int
    root: str
    """The root of the tree over these leaves."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, and where."""

    place: str
    rows: Mapping[str, int]
    """How many, by table; none where it had been moved before."""
    proof: Proof


class Rows(Protocol):
    """Either side of a move."""

    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement."""
        ...

    def read(self, table: str, columns: Any, order: Any) -> Iterator[Any]:
        """Give the rows of a table in an order."""
        ...


class Digest:
    """The digest of rows, in the order in which they come."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def through(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Give these rows, and take each into the digest."""
        for row in rows:
            self.rows += 1
            for value in row:
                data = value if isinstance(value, bytes) else str(value).encode()
                self._hash.update(f"{type(value).__name__} {len(data)} ".encode())
                self._hash.update(data)
            yield row

    def found(self) -> tuple[int, str]:
        """Give how many there were, and the digest."""
        return self.rows, self._hash.hexdigest()


def move(home: Path, url: str, tell: Callable[[str], None], *, with_findings: bool = False) -> Moved:
    """Move the log of a data folder into an empty database.

    Nobody may work with either meanwhile, and nobody opens the folder afterwards: its file stays as it is,
    with a mark beside it. Where it breaks off nothing has arrived, and the same call does it. Raises
    `StoreError`, `RefusedError` and `NotFoundError` where it cannot be done: the folder stays in use then.
    """
    with Target(url) as target, Source(home, target.whole_place) as source:
        if holding := target.holding():
            return arrived(source, target, holding)
        check_regions(source, target)
        check_sound(home, tell, with_findings=with_findings)
        counted = {table.name: copied(source, target, table, tell) for table in target.tables}
        before = proof_of(source)
        if (after := proof_of(target)) != before:
            msg = f"what arrived in {target.place} is not the log of {home}: {after}, and not {before}"
            raise StoreError(msg, remedy="nothing of it was kept; see to triggers and rules of that database")
        for table in target.tables:
            compare(target, table, counted[table.name])
        source.settle()
        target.commit()
        return Moved(target.place, {name: rows for name, (rows, _) in counted.items()}, before)


def call_off(home: Path, url: str) -> str:
    """Have a data folder in use again after a move that did not end; give where it was to be moved.

    Raises `StoreError` where the database holds anything.
    """
    place = moved_to(home)
    if place is None:
        msg = f"no move of {home} was begun"
        raise NotFoundError(msg, remedy="ripieno db move begins one")
    with Target(url) as target:
        if target.whole_place != place:
            msg = f"the move was to {place}, and RIPIENO_DATABASE_URL names {target.whole_place}"
            raise StoreError(msg, remedy="name the database that it was to")
        if target.holding():
            msg = f"{target.place} holds a log: it was moved, or is another's"
            raise StoreError(msg, remedy="go on there: a run would go on in two places")
        unmark(home)
    return place


def arrived(source: Source, target: Target, holding: Any) -> Moved:
    """Tell that the log had arrived before; raises `StoreError` where the database holds something else."""
    first = "SELECT position, stream, envelope FROM events ORDER BY position LIMIT 1"
    if source.begun and list(source.rows(first)) == list(target.rows(first)):
        return Moved(target.place, {}, proof_of(source))
    msg = f"{target.place} is not empty: there is something in {', '.join(holding)}"
    remedy = "name another database, or a schema of its own: ?options=-csearch_path%3Dname"
    raise StoreError(msg, remedy=remedy)


def check_regions(source: Source, target: Target) -> None:
    """Raise `RefusedError` where a tenant is pinned to a region that the database does not say it is in."""
    ((region,),) = target.rows(REGION)
    for tenant, pinned in source.rows("SELECT tenant, region FROM tenant_regions ORDER BY tenant"):
        if pinned != region:
            where = f"is in region {region}" if region else "does not say in which region it is"
            msg = f"tenant {tenant!r} is pinned to region {pinned}, and {target.place} {where}"
            remedy = "move it to a database there: ALTER DATABASE ... SET ripieno.region says where one is"
            raise RefusedError(msg, remedy=remedy)


def check_sound(home: Path, tell: Callable[[str], None], *, with_findings: bool) -> None:
    """Verify the log before it is moved; raises `StoreError` for what does not hold together."""
    with SqliteAudit(home) as audit:
        report = verify(audit)
    if report.sound:
        tell(f"verified: {str(report).splitlines()[0]}")
        return
    for finding in report.findings:
        tell(f"found: {finding}")
    if not with_findings:
        shown = "; ".join(str(finding) for finding in report.findings[:SHOWN])
        msg = f"the log of {home} does not hold together, and is not moved: {shown}"
        raise StoreError(msg, remedy="restore it from a backup, or move it as it is: --with-findings")


def copied(source: Source, target: Target, table: Table, tell: Callable[[str], None]) -> tuple[int, str]:
    """Move the rows of a table, and give how many and their digest."""
    digest = Digest()
    target.fill(table, digest.through(source.read(table.name, table.columns, table.key)))
    target.number_from(table, source.most)
    if digest.rows:
        tell(f"{table.name}: {digest.rows:,} rows")
    return digest.found()


def compare(target: Target, table: Table, sent: tuple[int, str]) -> None:
    """Raise `StoreError` where a table does not hold what was sent to it."""
    digest = Digest()
    for _ in digest.through(target.read(table.name, table.columns, table.key)):
        pass
    if digest.found() != sent:
        msg = f"table {table.name} of {target.place} does not hold what was sent to it"
        raise StoreError(msg, remedy="nothing of it was kept; see to triggers and rules of that database")


def proof_of(side: Rows) -> Proof:
    """Go along every chain of a side, and give what its log is known by."""
    whole = hashlib.sha256()
    events = chains = 0
    stored = side.read("events", ("stream", "seq", "envelope"), ("stream", "seq"))
    for stream, chain in itertools.groupby(stored, key=lambda row: row[0]):
        linked = hashlib.sha256()
        for _, seq, envelope in chain:
            linked.update(f"{seq} ".encode() + hashlib.sha256(envelope).digest())
            events += 1
        chains += 1
        whole.update(stream + linked.digest())

    def rows(statement: str, *values: Any) -> list[Any]:
        return list(side.rows(statement, *values))

    tree = StoredTree(rows)
    leaves = tree.size
    return Proof(events, chains, whole.hexdigest(), leaves, tree.root(leaves).hex())
