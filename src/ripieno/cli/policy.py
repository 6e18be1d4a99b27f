"""`ripieno policy check` and `test`: whether policies are sound, and decide as they are meant to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.places import is_there
from ripieno.model.errors import DefinitionError, NotFoundError, Place, nearest

if TYPE_CHECKING:
    from ripieno.mediation.policy.expectations import Result
    from ripieno.mediation.policy.library import Library

__all__ = ["check_policies", "loaded", "try_policies"]

TESTS: Final = ("tests.yaml", "*.tests.yaml")
"""What files of tests are called, in a folder of policies and in those of its packs."""


def loaded(settings: Settings, folder: Path | None) -> Library:
    """Load the policies of a folder; of the project where none is named. Raises `NotFoundError`."""
    from ripieno.mediation.policy import load_library, policy_folder  # noqa: PLC0415 - Cedar takes its time

    if folder is not None and not folder.is_dir():
        msg = f"no folder {str(folder)!r}"
        raise NotFoundError(msg, remedy="name the folder that holds *.cedar files, or packs in folders")
    home = policy_folder(settings.home)
    return load_library(folder or home, shown=str(folder) if folder else None)


def check_policies(
    folder: Path | None = None, /, *, workflow: str | None = None, options: Options = DEFAULTS
) -> int:
    """Check policies as they are loaded, and list the packs. Exit code 1 when any cannot be used.

    Parameters
    ----------
    folder
        A folder of policies; `policies` beside the data folder when left out.
    workflow
        A workflow whose pack has to be there, and whose agents' tools the policies are compared with.

    """
    settings = options.settle()
    library = loaded(settings, folder)
    problems = [*library.problems, *(() if workflow is None else compared(library, workflow))]
    packs = [pack_document(library, name) for name in sorted(library.packs)]
    held = in_production(settings)
    if settings.output != "table":
        said = [problem_document(one) for one in problems]
        document = {"version": library.version, "in_production": held, "packs": packs, "problems": said}
        write(settings.output, document, None)
        return Exit.FAILED if problems else Exit.OK
    screen = console(sys.stdout)
    for one in problems:
        screen.print(
            Text.assemble(clean(one.place or "", style="bold"), "  ", ("error", "red")), soft_wrap=True
        )
        screen.print(Text.assemble("  ", clean(one.message)), soft_wrap=True)
        if one.remedy:
            screen.print(Text.assemble("  ", clean(one.remedy, style="dim")), soft_wrap=True)
    table = listing("pack", "policies", "asking", "about")
    for pack in packs:
        count = "cannot be used" if pack["policies"] is None else str(len(pack["policies"]))
        table.add_row(clean(pack["name"], style="bold"), count, str(pack["asking"]), clean(pack["about"]))
    write("table", packs, table)
    if held is not None:
        same = "they say the same" if held == library.version else f"ripieno policy diff {held[:12]}"
        note(f"version {held[:12]} is in production: these files are a draft and decide nothing ({same})")
    elif problems:
        note("whatever needs a decision by policies that cannot be used is denied")
    return Exit.FAILED if problems else Exit.OK


def in_production(settings: Settings) -> str | None:
    """Give the version that decides for the tenant; None while the files do."""
    if not is_there(settings.home):
        return None
    return asyncio.run(_in_production(settings))


async def _in_production(settings: Settings) -> str | None:
    async with opened(settings) as store:
        held = store.policy_stages(settings.principal.tenant).production
    return None if held is None else held.version


def compared(library: Library, workflow: str) -> Iterator[DefinitionError]:
    """Give what does not fit between policies, and a workflow and the tools of its agents."""
    from ripieno.cli.definitions import find_workflow  # noqa: PLC0415 - only where a workflow is named
    from ripieno.mediation.policy.library import DEFAULT_PACK  # noqa: PLC0415 - Cedar takes its time
    from ripieno.mediation.policy.problems import PolicyError  # noqa: PLC0415 - the same
    from ripieno.mediation.policy.tools import check_tool  # noqa: PLC0415 - the same

    found = find_workflow(workflow)
    try:
        rules = library.rules(found.policy or DEFAULT_PACK)
    except PolicyError:
        return  # told already
    except NotFoundError as error:
        yield DefinitionError(error.message, place=Place(workflow, field="policy"), remedy=error.remedy)
        return
    names = {f"{found.name}/{one.name}" for one in found.everyone()}
    for policy in rules.policies:
        kind, name = policy.resource
        if kind == "Participant" and name and name.startswith(f"{found.name}/") and name not in names:
            msg = f"{policy.id}: {found.name} has no participant {name!r}{nearest(name, names)}"
            yield DefinitionError(msg, place=policy.place, remedy=f"it has {', '.join(sorted(names))}")
    for name, schema in tool_schemas(found):
        yield from check_tool(rules.policies, name, schema)


def tool_schemas(workflow: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each tool that the agents of a workflow are declared with, and the schema of its arguments."""
    from ripieno.connectors.tool import Tool  # noqa: PLC0415 - only where a workflow is named

    seen: set[str] = set()
    for participant in workflow.everyone():
        for tool in getattr(participant, "tools", ()):
            if isinstance(tool, Tool) and tool.name not in seen:
                seen.add(tool.name)
                yield tool.name, dict(tool.input_schema)


def pack_document(library: Library, name: str) -> dict[str, Any]:
    """Give a pack as programs read it."""
    from ripieno.mediation.policy.problems import PolicyError  # noqa: PLC0415 - Cedar takes its time

    pack = library.packs[name]
    try:
        policies = library.rules(name).policies
    except PolicyError:
        return {"name": name, "about": pack.about, "policies": None, "asking": 0, "version": None}
    return {
        "name": name,
        "about": pack.about,
        "policies": [one.id for one in policies],
        "asking": sum(one.asks for one in policies),
        "version": library.rules(name).version,
    }


def problem_document(problem: DefinitionError) -> dict[str, Any]:
    """Give what is wrong with a policy as programs read it."""
    place = problem.place
    return {
        "file": None if place is None else place.file,
        "line": None if place is None else place.line,
        "reason": problem.message,
        "fix": problem.remedy or "",
    }


# -- test -------------------------------------------------------------------------------------------


def try_policies(
    *files: Path, policies: Path | None = None, shipped: bool = False, options: Options = DEFAULTS
) -> int:
    """Try the tests of policies: given this act, that is expected. Exit code 1 when any fails.

    Parameters
    ----------
    files
        Files of tests; tests.yaml and *.tests.yaml in the folder of policies and its packs when left out.
    policies
        The folder of policies; `policies` beside the data folder when left out.
    shipped
        Try the tests of the packs that ship as well.

    """
    from ripieno.mediation.policy import PolicyGate  # noqa: PLC0415 - Cedar takes its time
    from ripieno.mediation.policy.expectations import (  # noqa: PLC0415 - the same
        read_expectations,
        try_expectation,
    )

    settings = options.settle()
    gate = PolicyGate(loaded(settings, policies))
    found = list(test_files(gate.library, files, own_folder(settings, policies), shipped=shipped))
    if not found:
        msg = "there are no tests of policies here"
        raise NotFoundError(msg, remedy="write tests.yaml beside the policies, or try --shipped")
    results = [
        try_expectation(gate, one)
        for file in found
        for one in read_expectations(file.path, file.shown, file.pack)
    ]
    failed = sum(bool(result.wrong) for result in results)
    if settings.output != "table":
        write(settings.output, [result_document(result) for result in results], None)
        return Exit.FAILED if failed else Exit.OK
    screen = console(sys.stdout)
    for result in results:
        mark = ("✗ ", "red") if result.wrong else ("✓ ", "green")
        screen.print(Text.assemble(mark, clean(result.expectation.name)), soft_wrap=True)
        for line in result.wrong:
            where = clean(f"{result.expectation.place}: {line}", style="dim")
            screen.print(Text.assemble("    ", where), soft_wrap=True)
    screen.print(Text(f"{len(results)} tried, {failed} failed", style="bold red" if failed else "bold"))
    return Exit.FAILED if failed else Exit.OK


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file of tests."""

    path: Path
    shown: str
    pack: str | None
    """What holds where a test names none."""


def own_folder(settings: Settings, policies: Path | None) -> Path:
    """Give the folder of policies that is meant."""
    from ripieno.mediation.policy import policy_folder  # noqa: PLC0415 - Cedar takes its time

    return policies or policy_folder(settings.home)


def test_files(library: Library, files: Sequence[Path], own: Path, *, shipped: bool) -> Iterator[TestFile]:
    """Give the files of tests that are meant; those of a pack's folder are tried under that pack."""
    packs = {pack.folder.resolve(): pack for pack in library.packs.values()}
    for file in files:
        pack = packs.get(file.resolve().parent)
        yield TestFile(file, str(file), None if pack is None else pack.name)
    if files:
        return
    for name in TESTS:
        for file in sorted(own.glob(name)):
            yield TestFile(file, f"{own.name}/{file.name}", None)
    for pack in library.packs.values():
        if shipped or pack.folder.parent == own:
            for name in TESTS:
                for file in sorted(pack.folder.glob(name)):
                    yield TestFile(file, f"{pack.shown}/{file.name}", pack.name)


def result_document(result: Result) -> dict[str, Any]:
    """Give what became of a test as programs read it."""
    return {
        "name": result.expectation.name,
        "place": str(result.expectation.place),
        "passed": not result.wrong,
        "wrong": list(result.wrong),
        "verdict": result.decision.verdict,
        "policies": list(result.decision.policies),
    }
