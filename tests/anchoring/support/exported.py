"""An export of a data folder, and its verification by those who have nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ripieno.anchoring.export import Exporter
from ripieno.journal.signing import PUBLIC_KEY
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.proof.notes import Verifier
from ripieno.proof.verification import Report, verify_export

__all__ = ["exported", "key_of", "written"]


def exported(home: Path, **options: Any) -> list[dict[str, Any]]:
    """Give the lines of an export."""
    file = io.StringIO()
    with Extract(SqliteSnapshot(home)) as log:
        Exporter(log, file, **options).write()
    return [json.loads(line) for line in file.getvalue().splitlines()]


def key_of(home: Path) -> Verifier:
    """Give the public key, as it was handed out."""
    return Verifier.read((home / PUBLIC_KEY).read_text("ascii"))


def written(lines: Iterable[dict[str, Any]], key: Verifier, *earlier: str) -> Report:
    """Verify these lines as they would stand in a file."""
    return verify_export([json.dumps(line) + "\n" for line in lines], key, earlier)
