"""The formats of a database: what each adds to the one before, and which programs can work with it.

`STEPS[n]` turns format `n` into `n + 1`, while programs of the earlier one work with it. The rule, which
`tests/journal/test_postgres_formats.py` holds each step to, is **expand before contract**. A step adds
tables, columns that may be null or have a default, and indexes; a program that knows nothing of them goes
on as before. What is not used any more is taken away by a step that says so in `oldest`, no earlier than one
release after the last that uses it. Once a version with a format was released, its step is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.model.errors import StoreError

__all__ = ["FIRST", "FORMAT", "STEPS", "Formats", "Step", "formats_of", "oldest_after", "tables"]

FORMAT: Final = 8
"""That of the tables which this version makes, and needs."""

FIRST: Final = 7
"""The first format that there was of a database: `tables.sql`."""

FORMATS: Final = (
    "SELECT format, coalesce(CAST(to_jsonb(ripieno) ->> 'reached' AS BIGINT), format) FROM ripieno"
)


class Formats(NamedTuple):
    """For whom the tables of a database are."""

    oldest: int
    """The oldest format whose programs may work with them. A program of format 7 looks at this alone."""
    reached: int
    """The format that they were brought up to."""


@dataclass(frozen=True, slots=True)
class Step:
    """What turns a format into the next."""

    statements: str
    """In one transaction, alone with the tables."""
    oldest: int
    """The oldest format whose programs can work with the tables after it."""
    indexes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Indexes of tables that are there already: `ON table (columns)`, by name. They are built afterwards,
    while everybody reads and writes; so nothing may depend on one, and none is unique."""


def sql(name: str) -> str:
    """Give the statements of a file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


STEPS: Final[Mapping[int, Step]] = {7: Step(sql("format_8.sql"), oldest=7)}
"""By the format that they start from."""


def tables() -> str:
    """Give the statements that make all tables in a new database."""
    later = [
        step.statements + "".join(f"CREATE INDEX {name} {on};\n" for name, on in step.indexes.items())
        for step in STEPS.values()
    ]
    return "\n".join([sql("tables.sql"), *later])


def oldest_after(steps: Mapping[int, Step], reached: int) -> int:
    """Give the oldest format whose programs can work with tables of a format."""
    return steps[reached - 1].oldest if reached > FIRST else FIRST


def formats_of(connection: PostgresConnection) -> Formats | None:
    """Tell for whom the tables of a database are; None where there is no table.

    Raises `StoreError` for tables of another program.
    """
    (ours, others) = connection.execute(
        "SELECT to_regclass('ripieno') IS NOT NULL,"
        " (SELECT count(*) FROM pg_tables WHERE schemaname = current_schema())"
    ).fetchone() or (False, 0)
    if ours:
        return Formats(*(connection.execute(FORMATS).fetchone() or (0, 0)))
    if others:
        msg = f"{connection.place} has tables of another program"
        raise StoreError(msg, remedy="name another database, or a schema: ?options=-csearch_path%3Dname")
    return None
