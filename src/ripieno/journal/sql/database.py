"""What each database does in its own way; all else is said once, in statements that both of them take.

Statements mark values by `?`, and keep to what SQLite and PostgreSQL have in common:

- `INSERT ... ON CONFLICT`, with the columns named, and never `INSERT OR ...`: `put` makes the usual one;
- `CAST(? AS ...)` where nothing else says the type of a value: beside `IS NULL`, or in a function's length;
- `CAST(sum(...) AS BIGINT)`, as PostgreSQL adds integers up to a decimal;
- `marks(n)` for so many values, also for none;
- `x''` for no bytes, `lower(hex(...))` and `instr(...)`: PostgreSQL is given these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

from ripieno.model.errors import StoreError

__all__ = ["Connection", "Cursor", "Database", "Owners", "Reader", "marks", "put"]


class Cursor(Protocol):
    """What became of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """Give the next row; None where there is no more."""
        ...

    def fetchall(self) -> list[Any]:
        """Give all rows."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection to the database, within a transaction."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Cursor:
        """Carry out a statement."""
        ...


class Reader(ABC):
    """Reads what is committed."""

    @abstractmethod
    def all(self, statement: str, *values: Any) -> list[Any]:
        """Give every row.

        Raises `StoreError`, or `InputError` for a value that no table can hold, such as a lone
        surrogate or an integer beyond 64 bits.
        """

    def one(self, statement: str, *values: Any) -> Any:
        """Give the first row, or None."""
        rows = self.all(statement, *values)
        return rows[0] if rows else None


class Owners(Protocol):
    """Who owns runs: this process by its token, and whether another still may."""

    token: str
    others: str
    """What a statement says of the owner of a run that is worth asking for, with `token` as its value."""

    @property
    def spell(self) -> int | None:
        """Number the time since which nobody else can have taken over what this process owns.

        None while somebody may be doing so: its lease is over, and has not been renewed yet.
        """
        ...

    def alive(self, token: str) -> bool:
        """Tell whether what this owner has cannot be taken over."""
        ...

    def named(self, token: str) -> str:
        """Give where the owner with this token runs, for people: machine and process."""
        ...


class Database(ABC):
    """The connection by which one process commits; only its writer's thread uses it.

    A transaction is alone with the tables that it changes: what it has read stays so until it commits.
    """

    connection: Connection
    errors: ClassVar[type[Exception]]
    """Every failure of the database."""
    refusals: ClassVar[tuple[type[Exception], ...]]
    """Those among them that leave what was done before the operation unharmed."""
    place: str
    """What is written to, as people call it."""
    changed: bool = False
    """Whether the transaction that was committed last changed anything."""

    @abstractmethod
    def begin(self, runs: Sequence[str]) -> Iterable[Sequence[Any]]:
        """Begin a transaction, and `look` at these runs."""

    @abstractmethod
    def commit(self) -> None:
        """Commit what was done, or raise: then nothing of it was kept."""

    @abstractmethod
    def rollback(self) -> None:
        """Keep nothing of what was done; never raises."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def failed(self, error: Exception) -> StoreError:
        """Give the error of a commit or operation that failed; nothing of it was kept."""

    # -- many rows by one statement ---------------------------------------------------------------

    @abstractmethod
    def look(self, runs: Sequence[str]) -> Iterable[Sequence[Any]]:
        """Give those of these runs that have an owner: id, epoch, last event and number of messages."""

    @abstractmethod
    def write(
        self,
        events: Sequence[tuple[bytes, int, str, bytes]],
        payloads: Sequence[tuple[bytes, bytes, bytes]],
        heads: Sequence[tuple[str, int, str, int]],
    ) -> None:
        """Insert events in order, and values that are not there yet; say what the last events of runs are.

        Of an event stream, number, kind and envelope; of a value stream, commitment and what is sealed; of
        a run id, number, hash and time.
        """

    @abstractmethod
    def end_runs(self, rows: Sequence[tuple[str, str, int]]) -> None:
        """Say that runs have ended, and have no owner: id, status and time.

        What they had reserved for calls that were never sent is reserved no more.
        """


def marks(count: int) -> str:
    """Give the marks of so many values in a list; a list of none holds nothing."""
    return ", ".join("?" * count) or "NULL"


def put(table: str, key: str, columns: str) -> str:
    """Give the statement that inserts a row, or changes the one that has its key; values in this order."""
    names = f"{key}, {columns}"
    values = marks(names.count(",") + 1)
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns.split(", "))
    return f"INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {changed}"  # noqa: S608 - ours
