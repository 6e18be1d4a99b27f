"""Failures of PostgreSQL, in words that say what to do."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import errors

from ripieno.model.errors import StoreError

__all__ = ["misnamed", "opening", "reading", "writing"]

REMEDIES: Final[dict[type[Exception], str]] = {
    errors.DiskFull: "free some space there and resume; whatever was not recorded did not happen",
    errors.LockNotAvailable: "another process holds the database; end it or try again",
    errors.IdleInTransactionSessionTimeout: "this process stood still meanwhile; it goes on by itself",
    errors.TooManyConnections: "let the server take more connections, or end some: `max_connections` there",
    errors.InvalidPassword: "RIPIENO_DATABASE_URL has to name a user and its password",
    errors.InsufficientPrivilege: "the user has to own the tables, or be let create them in its schema",
    errors.ReadOnlySqlTransaction: "name the primary: this server is a standby, or set to be read only",
    psycopg.OperationalError: "see to the server and the way to it; RIPIENO_DATABASE_URL says where it is",
}
"""What to do, by what PostgreSQL says; the first that fits."""


def misnamed() -> StoreError:
    """Give the error of an address that is none; what stands there may be a password."""
    return StoreError(
        "RIPIENO_DATABASE_URL is no address of a PostgreSQL database",
        remedy="write it like postgresql://user:password@host:5432/database",
    )


def opening(place: str, error: Exception) -> StoreError:
    """Give the error of a database that could not be opened."""
    return failure(f"cannot open {place}", error)


def reading(place: str, error: Exception) -> StoreError:
    """Give the error of a read that failed."""
    return failure(f"cannot read {place}", error)


def writing(place: str, error: Exception) -> StoreError:
    """Give the error of a commit that failed."""
    return failure(f"cannot write to {place}", error)


def failure(what: str, error: Exception) -> StoreError:
    """Give an error that names its cause and what to do about it."""
    remedy = next((remedy for kind, remedy in REMEDIES.items() if isinstance(error, kind)), None)
    text = " ".join(str(error).split())
    failed = StoreError(f"{what}: {text}", remedy=remedy)
    failed.__cause__ = error
    return failed
