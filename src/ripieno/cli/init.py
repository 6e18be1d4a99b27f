"""`ripieno init`: a small workflow of one's own that runs at once."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import console, write
from ripieno.model.errors import InputError, RefusedError

__all__ = ["init"]

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")

WORKFLOW: Final = """\
{line}
workflow: {name}
owner: you
purpose: greet people, and ask before it gets long
risk: low
limits: {{deadline: 7d}}
participants:
  measure: {{function: {{import: "{module}:measure", pure: true}}}}
  greet: {{function: {{import: "{module}:greet", pure: true}}}}
  editor: {{human: {{role: editor}}}}
flow:
  sequential:
    - step: measure
      escalate: {{below: 0.8, to: editor}}
    - step: greet
"""

CODE: Final = '''\
"""The work of {name}. A function takes what it needs by name: the input, or an earlier step's output."""

from ripieno.model.outcome import Confidence, Outcome


def measure(input: dict) -> Outcome:
    """Count the letters of the name; long names make it unsure, and an editor is asked."""
    letters = len(input["name"])
    return Outcome("complete", letters, confidence=Confidence(0.95 if letters < 10 else 0.5, "length"))


def greet(input: dict, measure: int) -> str:
    """Say hello."""
    return f"Hello {{input['name']}}, your name has {{measure}} letters."
'''

INPUTS: Final = {"short.json": '{"name": "Ada"}\n', "long.json": '{"name": "Wolfeschlegelstein"}\n'}


def init(name: str = "greeting", /, *, options: Options = DEFAULTS) -> int:
    """Write a workflow, its code and two inputs into a new folder.

    Parameters
    ----------
    name
        The workflow's name, and the folder's.

    """
    settings = options.settle()
    if not NAME.fullmatch(name):
        msg = f"expected a name of lower-case letters, digits and '-', starting with a letter, got {name!r}"
        raise InputError(msg)
    folder = Path(name)
    if folder.exists():
        msg = f"{folder} exists already; nothing was written"
        raise RefusedError(msg, remedy="choose another name, or remove it")
    files = contents(name)
    for file, text in files.items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if settings.output != "table":
        write(settings.output, {"folder": str(folder), "files": sorted(files)}, None)
        return Exit.OK
    screen = console(sys.stdout)
    for file in files:
        screen.print(Text.assemble(("  wrote ", "dim"), str(folder / file)))
    screen.print(Text("\nNext", style="bold"))
    for line in (
        f"cd {name}",
        f"ripieno run {name}.yaml --input inputs --no-wait-people",
        "ripieno inbox list",
        f"ripieno check {name}.yaml",
    ):
        screen.print(Text(f"  {line}"))
    return Exit.OK


def contents(name: str) -> dict[str, str]:
    """Give the files of a new workflow, by path."""
    from ripieno.cli.schema import schema_text  # noqa: PLC0415 - pulls in the model of workflow files
    from ripieno.workflows.schema import schema_line  # noqa: PLC0415 - the same

    module = name.replace("-", "_") + "_steps"
    return {
        f"{name}.yaml": WORKFLOW.format(name=name, module=module, line=schema_line()),
        f"{module}.py": CODE.format(name=name),
        "ripieno.schema.json": schema_text(),
        **{f"inputs/{file}": text for file, text in INPUTS.items()},
    }
