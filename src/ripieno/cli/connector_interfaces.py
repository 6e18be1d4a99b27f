"""`ripieno connectors`: which there are, what they offer, pins, and two interfaces compared."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ripieno.cli.definitions import find_workflow
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.connectors.connector import Connector
from ripieno.model.errors import DefinitionError, InputError, NotFoundError, nearest
from ripieno.workflows.load import from_module, from_python_file

if TYPE_CHECKING:
    from ripieno.connectors.comparison import Change
    from ripieno.connectors.openapi.connector import OpenApi

__all__ = [
    "approve_document",
    "compare_interfaces",
    "find_connector",
    "list_connectors",
    "pin",
    "show_connector",
    "told",
    "versions_with",
]

LENGTH = 12


def find_connector(reference: str) -> Connector:
    """Give the connector that people mean: `workflow.yaml:name`, `file.py:name` or `module:name`."""
    where, _, name = reference.rpartition(":")
    if not where or not name:
        msg = f"expected workflow.yaml:name, file.py:name or module:name, got {reference!r}"
        raise InputError(msg)
    if Path(where).suffix in {".yaml", ".yml"}:
        known = find_workflow(where).connectors
        if name not in known:
            msg = f"{where} declares no connector {name!r}{nearest(name, known)}"
            raise NotFoundError(msg)
        return known[name]
    python = where.endswith(".py")
    found, _ = from_python_file(Path(where), name) if python else from_module(where, name)
    if not isinstance(found, Connector):
        msg = f"expected a connector at {reference!r}, found {type(found).__name__}"
        raise DefinitionError(msg)
    return found


def list_connectors(workflow: str, /, *, options: Options = DEFAULTS) -> int:
    """List the connectors of a workflow, and which of its registered versions are pinned to what.

    Parameters
    ----------
    workflow
        A YAML file, `package.module:workflow`, or the name of a workflow that ships with Ripieno.

    """
    settings = options.settle()
    known = find_workflow(workflow).connectors
    table = listing("connector", "kind", "version", "tools", "interface", "pinned by")
    documents: list[dict[str, Any]] = []
    for name, connector in known.items():
        pinned = asyncio.run(versions_with(settings, name))
        table.add_row(
            clean(name, style="bold"),
            clean(connector.kind),
            clean(connector.version),
            str(len(connector.names)),
            connector.digest[:LENGTH],
            clean(", ".join(told(one) for one in pinned)),
        )
        documents.append(
            {
                "connector": name,
                "kind": connector.kind,
                "version": connector.version,
                "tools": list(connector.names),
                "digest": connector.digest,
                "pinned_by": pinned,
            }
        )
    write(settings.output, documents, table if known else None)
    return Exit.OK


def show_connector(reference: str, /, *, options: Options = DEFAULTS) -> int:
    """Show the tools of a connector: what each does, whether it changes anything, how it is taken back.

    Parameters
    ----------
    reference
        Where the connector is: workflow.yaml:name, file.py:name or module:name.

    """
    settings = options.settle()
    connector = find_connector(reference)
    table = listing("tool", "effect", "undone by", "gives", "about")
    documents: list[dict[str, Any]] = []
    for tool in connector.tools:
        undo = "" if tool.undo is None else tool.undo.name
        about = tool.description.partition("\n")[0]
        table.add_row(
            clean(tool.name, style="bold"), tool.effect, clean(undo), tool.trust or "untrusted", clean(about)
        )
        documents.append(
            {
                "tool": tool.name,
                "effect": tool.effect,
                "undo": undo or None,
                "trust": tool.trust or "untrusted",
                "on_uncertain": tool.on_uncertain,
                "description": tool.description,
                "input_schema": dict(tool.input_schema),
                "output_schema": None if tool.output_schema is None else dict(tool.output_schema),
            }
        )
    write(settings.output, documents, table)
    note(f"{connector.name} {connector.version}: interface {connector.digest[:LENGTH]}")
    return Exit.OK


def pin(reference: str, /, *, options: Options = DEFAULTS) -> int:
    """Give the digest that a connector is pinned to by writing it where it is declared, under `pin`.

    Parameters
    ----------
    reference
        Where the connector is: workflow.yaml:name, file.py:name or module:name.

    """
    settings = options.settle()
    connector = find_connector(reference)
    state = "is pinned to it" if connector.pin else "is not pinned yet"
    if settings.output != "table":
        write(settings.output, {"connector": connector.name, "pin": connector.digest}, None)
    else:
        sys.stdout.write(f"pin: {connector.digest}\n")
    note(f"{connector.name} {state}")
    return Exit.OK


def compare_interfaces(before: str, after: str | None, settings: Settings) -> int:
    """Compare two documents, a connector with a document, or with what its service shows now."""
    from ripieno.connectors.comparison import compare  # noqa: PLC0415 - most commands do without it
    from ripieno.connectors.openapi.connector import interfaces  # noqa: PLC0415 - the same
    from ripieno.connectors.openapi.document import read_document  # noqa: PLC0415 - the same

    name = ""
    if Path(before).is_file():
        if after is None:
            msg = "with what? give another document, or name a connector"
            raise InputError(msg)
        old = interfaces(read_document(Path(before)))
        new = interfaces(read_document(Path(after)))
    else:
        connector = openapi_at(before)
        name = connector.name
        old = interfaces(connector.document, connector.names)
        document = asyncio.run(live(connector)) if after is None else read_document(Path(after))
        new = interfaces(
            document, [*connector.names, *(() if connector.allow != ("*",) else interfaces(document))]
        )
    changes = compare(old, new)
    affected = asyncio.run(versions_with(settings, name)) if name and changes else []
    if settings.output != "table":
        found = [{"tool": one.tool, "change": one.what, "breaking": one.breaking} for one in changes]
        write(settings.output, {"changes": found, "affects": affected}, None)
    else:
        show_changes(changes, affected)
    return Exit.FAILED if any(one.breaking for one in changes) else Exit.OK


def show_changes(changes: Sequence[Change], affected: Sequence[dict[str, str]]) -> None:
    """Show what is different, what breaks first."""
    out = console(sys.stdout)
    for one in changes:
        mark = ("breaks   ", "red") if one.breaking else ("fits     ", "green")
        out.print(Text.assemble(mark, clean(one.tool, style="bold"), "  ", clean(one.what)), soft_wrap=True)
    if not changes:
        note("nothing that callers depend on is different")
    if affected:
        note(f"pinned by {', '.join(told(one) for one in affected)}")


def approve_document(connector: OpenApi, settings: Settings, *, yes: bool) -> int:
    """Write what a service shows now into a file of its own, once somebody has seen what is different.

    What was approved before stays where it is: runs that go on are served by it.
    """
    from ripieno.connectors.comparison import compare  # noqa: PLC0415 - most commands do without it
    from ripieno.connectors.openapi.connector import interfaces  # noqa: PLC0415 - the same

    document = asyncio.run(live(connector))
    changes = compare(interfaces(connector.document), interfaces(document))
    show_changes(changes, asyncio.run(versions_with(settings, connector.name)))
    if document.digest == connector.document.digest:
        note(f"{connector.name} is as it was approved")
        return Exit.OK
    if not yes:
        msg = "nobody can be asked whether it may be called so"
        raise InputError(msg, remedy="look at it, then --yes")
    folder = Path() if connector.file is None else connector.file.parent
    file = folder / f"{connector.name}.{document.digest[:LENGTH]}.json"
    file.write_text(json.dumps(document.data, indent=1) + "\n", "utf-8")
    note(
        f"{file.name}: name it as the document of {connector.name}, in a workflow of its own while runs go on"
    )
    if settings.output != "table":
        write(settings.output, {"file": str(file), "digest": document.digest}, None)
    return Exit.OK


def openapi_at(reference: str) -> OpenApi:
    """Give a connector of a service; raises `InputError` for one of another kind."""
    from ripieno.connectors.openapi.connector import OpenApi  # noqa: PLC0415 - most commands do without it

    found = find_connector(reference)
    if not isinstance(found, OpenApi):
        msg = f"{found.name} is a connector of kind {found.kind!r}: what it offers now cannot be asked for"
        raise InputError(msg)
    return found


async def live(connector: OpenApi) -> Any:
    """Give the document that a service shows now."""
    from ripieno.connectors.openapi.live import fetched  # noqa: PLC0415 - most commands do without it

    if connector.live is None:
        msg = f"{connector.name} does not say where its service shows its document"
        raise InputError(msg, remedy="declare it with `live`, or give a document to compare with")
    return await fetched(connector.live.url)


async def versions_with(settings: Settings, connector: str) -> list[dict[str, str]]:
    """Give the registered versions of workflows that are pinned to a connector of this name."""
    try:
        async with opened(settings) as store:
            rows = await store.versions(settings.principal.tenant)
    except NotFoundError:
        return []
    found: list[dict[str, str]] = []
    for row in rows:
        pinned = json.loads(row.pins).get("connectors", {}).get(connector)
        if pinned is not None:
            found.append({"workflow": row.workflow, "version": row.version, "digest": pinned["digest"]})
    return found


def told(one: dict[str, str]) -> str:
    """Give a version of a workflow in short."""
    return f"{one['workflow']} {one['version'][:LENGTH]}"
