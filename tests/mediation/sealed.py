"""Tools with secrets, and where everything that a run leaves behind is looked through."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ripieno.journal.sqlite import SqliteStore

__all__ = ["everything_decoded", "files_with", "forms_of"]


def forms_of(value: str) -> list[bytes]:
    """Give the forms that a search goes for, written down apart from the code under test."""
    data = value.encode()
    return [
        data,
        json.dumps(value)[1:-1].encode(),
        json.dumps(value, ensure_ascii=False)[1:-1].encode(),
        base64.b64encode(data)[:-4],
        base64.b64encode(b"me:" + data)[4:-4],
        quote(value, safe="").encode(),
        data.hex().encode(),
    ]


def files_with(folder: Path, value: str) -> list[str]:
    """Give every file under a folder in which a value stands in any form."""
    forms = forms_of(value)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return [str(file) for file in files if any(form in file.read_bytes() for form in forms)]


async def everything_decoded(store: SqliteStore, home: Path) -> list[bytes]:
    """Give every envelope and every payload of a data folder, decrypted."""
    found = list(payloads(store, home))
    connection = sqlite3.connect(home / "journal.sqlite")
    try:
        found.extend(bytes(envelope) for (envelope,) in connection.execute("SELECT envelope FROM events"))
    finally:
        connection.close()
    return found


def payloads(store: SqliteStore, home: Path) -> Iterator[bytes]:
    connection = sqlite3.connect(home / "journal.sqlite")
    try:
        rows: list[Any] = connection.execute("SELECT stream, commitment FROM payloads").fetchall()
    finally:
        connection.close()
    for stream, ref in rows:
        yield store.payload(bytes(stream).hex(), bytes(ref).hex())
