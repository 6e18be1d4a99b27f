"""`ripieno config view`."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, write
from ripieno.cli.settings import KNOWN
from ripieno.model.errors import RipienoError

__all__ = ["view"]

MASTER: Final = "master key"

PASSWORD: Final = re.compile(r"//[^/@,\s]*@")
"""Who one comes as, in an address."""


def view(*, options: Options = DEFAULTS) -> int:
    """Show every setting, its value, and where it comes from.

    A flag goes before a variable RIPIENO_*, that before the nearest ripieno.toml upwards, that before
    the default.
    """
    settings = options.settle()
    table = listing("setting", "value", "from", "what it is")
    documents: list[dict[str, str]] = []
    for known in KNOWN:
        found = settings.origins[known.name]
        value = PASSWORD.sub("//…@", found.value)
        about = f"{known.about} ({known.variable})"
        table.add_row(
            clean(known.name, style="bold"),
            clean(value),
            clean(found.source),
            clean(about, style="dim"),
        )
        documents.append(
            {"setting": known.name, "value": value, "from": found.source, "variable": known.variable}
        )
    if (settings.home / "journal.sqlite").exists():
        kept = master(settings.home)
        about = "by which the keys of runs are wrapped (ripieno keys rotate)"
        table.add_row(clean(MASTER, style="bold"), clean(kept), "data folder", clean(about, style="dim"))
        documents.append({"setting": MASTER, "value": kept, "from": "data folder", "variable": ""})
    write(settings.output, documents, table)
    return Exit.OK


def master(home: Path) -> str:
    """Say by which master key the keys of runs are wrapped, as it stands there; no key service is asked."""
    from ripieno.journal.master_file import contents, keeper  # noqa: PLC0415 - only here
    from ripieno.journal.sqlite.read_only import read_only  # noqa: PLC0415 - only here

    try:
        with closing(read_only(home / "journal.sqlite")) as log:
            rows = log.execute("SELECT generation, id, state FROM masters ORDER BY generation").fetchall()
        generation, name, state = rows[-1] if rows else (1, "", "settled")
        found = contents(home / "master.key", name)
        kept = keeper(found.get(name) or next(iter(found.values())))
    except (RipienoError, sqlite3.Error) as error:
        return f"not known: {error.message if isinstance(error, RipienoError) else error}"
    over = "" if state == "settled" else "; what the one before has wrapped is not all wrapped anew"
    return f"generation {generation}, kept by {kept}{over}"
