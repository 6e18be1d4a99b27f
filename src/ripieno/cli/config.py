"""`ripieno config view`."""

from __future__ import annotations

import re
from typing import Final

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, write
from ripieno.cli.settings import KNOWN

__all__ = ["view"]

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
    write(settings.output, documents, table)
    return Exit.OK
