"""`ripieno check`: known failure modes and over-engineering, each with the place, the reason and the fix."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from ripieno.cli.definitions import find_loaded
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, write
from ripieno.model.errors import DefinitionError, Place
from ripieno.workflows.check import check as check_workflow
from ripieno.workflows.findings.base import Finding
from ripieno.workflows.problems import WorkflowFileError

__all__ = ["check"]


def check(workflow: str, /, *, options: Options = DEFAULTS) -> int:
    """Look for known failure modes in a workflow. Exit code 1 when any finding is an error.

    Parameters
    ----------
    workflow
        A YAML file, `package.module:workflow`, or the name of a workflow that ships with Ripieno.

    """
    settings = options.settle()
    try:
        loaded = find_loaded(workflow)
        found = [finding_document(finding) for finding in check_workflow(loaded.workflow, loaded.places)]
    except WorkflowFileError as error:
        found = [problem_document(problem) for problem in error.problems]
    except DefinitionError as error:
        found = [problem_document(error)]
    errors = sum(item["severity"] == "error" for item in found)
    if settings.output != "table":
        write(settings.output, found, None)
        return Exit.FAILED if errors else Exit.OK
    screen = console(sys.stdout)
    for item in found:
        show(screen, item)
    warnings = len(found) - errors
    counted = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    verdict = "nothing found" if not found else counted
    screen.print(Text(f"{workflow}: {verdict}", style="bold red" if errors else "bold"), soft_wrap=True)
    return Exit.FAILED if errors else Exit.OK


def show(screen: Console, item: dict[str, Any]) -> None:
    """Show a finding: where, what, why, and what to do."""
    colour = "red" if item["severity"] == "error" else "yellow"
    screen.print(
        Text.assemble(
            clean(item["place"], style="bold"), "  ", (item["severity"], colour), f"  {item['code']}"
        ),
        soft_wrap=True,
    )
    for name, style in (("reason", ""), ("fix", "dim")):
        if item[name]:
            screen.print(Text.assemble("  ", clean(item[name], style=style)), soft_wrap=True)
    screen.print()


def finding_document(finding: Finding) -> dict[str, Any]:
    """Give a finding as programs read it."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        **place_document(finding.place),
        "reason": finding.reason,
        "fix": finding.fix,
    }


def problem_document(problem: DefinitionError) -> dict[str, Any]:
    """Give what keeps a workflow from being loaded, in the shape of a finding."""
    return {
        "code": "definition",
        "severity": "error",
        **place_document(problem.place),
        "reason": problem.message,
        "fix": problem.remedy or "",
    }


def place_document(place: Place | None) -> dict[str, Any]:
    """Give a place in a file."""
    if place is None:
        return {"place": "", "file": None, "line": None, "field": None}
    return {"place": str(place), "file": place.file, "line": place.line, "field": place.field}
