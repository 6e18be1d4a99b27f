"""`ripieno documents`: what agents find by its words, entered from files and taken out again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.connectors.documents import adding
from ripieno.kernel.clock import moment
from ripieno.model.errors import InputError

__all__ = ["add_documents", "list_documents", "remove_documents"]


def add_documents(
    collection: str, /, *paths: Path, reason: str | None = None, options: Options = DEFAULTS
) -> int:
    """Enter files, and the text files of folders, in place of those with the same name.

    Parameters
    ----------
    collection
        The name under which a workflow declares them: handbook.
    paths
        Files and folders.
    reason
        Why, for whoever has to approve it.

    """
    if not paths:
        msg = "which documents? Name files or folders"
        raise InputError(msg)
    return asyncio.run(_add(options.settle(), collection, paths, reason))


async def _add(settings: Settings, collection: str, paths: tuple[Path, ...], reason: str | None) -> int:
    async with opened_or_new(settings) as store:
        found = await adding.add(store, collection, paths, by=settings.principal, reason=reason)
    table = listing("document", "", "")
    documents: list[dict[str, Any]] = []
    became = {"added": found.added, "unchanged": found.unchanged, "refused": list(found.refused)}
    for state, sources in became.items():
        for source in sources:
            why = found.refused.get(source)
            table.add_row(clean(source, style="bold"), state, clean(why or ""))
            documents.append({"collection": collection, "source": source, "state": state, "why": why})
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("there is no file in what was named")
    return Exit.USAGE if found.refused and not (found.added or found.unchanged) else Exit.OK


def list_documents(collection: str | None = None, /, *, options: Options = DEFAULTS) -> int:
    """List the documents there are.

    Parameters
    ----------
    collection
        Only those of this one.

    """
    return asyncio.run(_list(options.settle(), collection))


async def _list(settings: Settings, collection: str | None) -> int:
    async with opened(settings) as store:
        rows = adding.listed(store, settings.principal.tenant, collection)
    table = listing("collection", "document", "passages", "added", "by", right=("passages",))
    for one in rows:
        row, added = one.row, f"{moment(one.row.at).astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(
            row.collection, clean(one.source, style="bold"), str(row.passages), added, clean(row.by)
        )
    documents = [
        {
            "collection": one.row.collection,
            "source": one.source,
            "digest": one.digest,
            "bytes": one.size,
            "passages": one.row.passages,
            "added": moment(one.row.at).isoformat(),
            "by": one.row.by,
        }
        for one in rows
    ]
    write(settings.output, documents, table if rows else None)
    if not rows:
        note("there are no documents")
    return Exit.OK


def remove_documents(
    collection: str,
    /,
    *sources: str,
    reason: str,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Destroy documents, and what the index has of them.

    Parameters
    ----------
    collection
        The collection that they are in.
    sources
        Their names, as ripieno documents list shows them.
    reason
        Why, for the log. Do not name what is removed.
    every
        All of the collection.

    """
    if bool(sources) == every:
        msg = "name what is to be removed, or --all"
        raise InputError(msg, remedy="ripieno documents list shows what there is")
    return asyncio.run(_remove(options.settle(), collection, sources, reason))


async def _remove(settings: Settings, collection: str, sources: tuple[str, ...], reason: str) -> int:
    async with opened(settings) as store:
        gone = await adding.remove(store, collection, sources, by=settings.principal, reason=reason)
    table = listing("document", "")
    for source in gone:
        table.add_row(clean(source, style="bold"), "removed")
    documents = [{"collection": collection, "source": source, "state": "removed"} for source in gone]
    write(settings.output, documents, table if gone else None)
    if not gone:
        note("there were none")
    return Exit.OK
