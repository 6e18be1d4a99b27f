"""`ripieno schema`: the JSON Schema of workflow files, for editors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, to_json
from ripieno.workflows.schema import schema_line, workflow_schema

__all__ = ["schema", "schema_text"]


def schema(
    *,
    to: Annotated[Path | None, Parameter(name=("--to", "-o"))] = None,
    options: Options = DEFAULTS,
) -> int:
    """Give the JSON Schema of workflow files, so that editors complete and explain while one writes.

    Parameters
    ----------
    to
        The file to write; by default it goes to stdout.

    """
    options.settle()
    if to is None:
        sys.stdout.write(schema_text())
        return Exit.OK
    to.write_text(schema_text(), encoding="utf-8")
    note(f"wrote {to}; editors find it by the first line of a workflow file:\n  {schema_line(to.name)}")
    return Exit.OK


def schema_text() -> str:
    """Give the schema as it is written to a file."""
    return to_json(workflow_schema(), indent=2) + "\n"
