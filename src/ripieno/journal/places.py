"""Where a log is: in the data folder, or in the database that `RIPIENO_DATABASE_URL` names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ripieno.journal.sql.seat import Seat
from ripieno.journal.sql.snapshot import Snapshot
from ripieno.journal.sqlite import bringing_up, read_only
from ripieno.journal.sqlite import status as of_folder
from ripieno.journal.sqlite.seat import SqliteSeat
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.journal.status import DatabaseStatus
from ripieno.model.errors import SettingsError

__all__ = [
    "DATABASE_URL",
    "bring_up",
    "database_url",
    "is_there",
    "missing",
    "only_readable",
    "seat_at",
    "snapshot_at",
    "status_at",
]

DATABASE_URL: Final = "RIPIENO_DATABASE_URL"
"""Stands in the environment alone, as a password is in it."""

SCHEMES: Final = ("postgresql://", "postgres://")


def database_url(environment: Mapping[str, str] | None = None) -> str | None:
    """Give the database that holds the log; None where the data folder does. Raises `SettingsError`."""
    url = (os.environ if environment is None else environment).get(DATABASE_URL, "")
    if not url:
        return None
    if not url.startswith(SCHEMES):
        msg = f"{DATABASE_URL} names no PostgreSQL database"
        raise SettingsError(
            msg, remedy="write it like postgresql://user:password@host:5432/database, or leave it out"
        )
    return url


def missing() -> SettingsError:
    """Give the error for a database whose driver is not installed."""
    return SettingsError(
        f"{DATABASE_URL} names a PostgreSQL database, and what speaks with one is not installed",
        remedy="pip install 'ripieno[postgres]'",
    )


def is_there(home: Path) -> bool:
    """Tell whether anything can have been recorded: a database may be new, a data folder has its file."""
    return database_url() is not None or (home / "journal.sqlite").exists()


def only_readable(home: Path) -> bool:
    """Tell whether the log is in a data folder that is there and cannot be written."""
    return database_url() is None and read_only.only_readable(home)


def seat_at(home: Path, lock_name: str, busy_seconds: float) -> Seat:
    """Give where to sit beside the log of a data folder, to do something for all."""
    url = database_url()
    if url is None:
        return SqliteSeat(home, lock_name, busy_seconds)
    try:
        from ripieno.journal.postgres.seat import PostgresSeat  # noqa: PLC0415 - only who has such a database
    except ModuleNotFoundError as error:
        raise missing() from error
    return PostgresSeat(url, lock_name, busy_seconds)


def snapshot_at(home: Path) -> Snapshot:
    """Give what reads the log of a data folder as it stands now, or that of the database in its place."""
    url = database_url()
    if url is None:
        return SqliteSnapshot(home)
    try:
        from ripieno.journal.postgres.snapshot import PostgresSnapshot  # noqa: PLC0415 - only who has one
    except ModuleNotFoundError as error:
        raise missing() from error
    return PostgresSnapshot(home, url)


def status_at(home: Path) -> DatabaseStatus:
    """Look at the log of a data folder, or at the database in its place, whatever its format."""
    url = database_url()
    if url is None:
        return of_folder.status(home)
    try:
        from ripieno.journal.postgres.status import status  # noqa: PLC0415 - only who has such a database
    except ModuleNotFoundError as error:
        raise missing() from error
    return status(url)


def bring_up(home: Path, tell: Callable[[str], None]) -> None:
    """Bring what `status_at` looks at up to this version's format, and say what was done."""
    url = database_url()
    if url is None:
        bringing_up.bring_up(home, tell)
        return
    try:
        from ripieno.journal.postgres import migrations  # noqa: PLC0415 - only who has such a database
    except ModuleNotFoundError as error:
        raise missing() from error
    migrations.bring_up_at(url, tell)
