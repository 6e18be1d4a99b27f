"""From what people call a workflow to the workflow, and from a registered version to its code."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.model.errors import RipienoError
from ripieno.workflows.deployed import load_registered, load_version
from ripieno.workflows.load import BLUEPRINTS, Loaded, load
from ripieno.workflows.workflow import Workflow

__all__ = ["BLUEPRINTS", "find_loaded", "find_workflow", "load_registered", "load_version", "workflow_of"]


def find_loaded(text: str) -> Loaded:
    """Give the workflow that people mean by `text`, with the places of its parts.

    A file (`discharge.yaml`, or `discharge` for short), a Python object (`package.module:workflow`), or
    the name of a workflow that ships with Ripieno. Raises `NotFoundError` when there is none.
    """
    if text not in BLUEPRINTS and not Path(text).is_file():
        for ending in (".yaml", ".yml"):
            if Path(text + ending).is_file():
                return load(text + ending)
    return load(text)


def find_workflow(text: str) -> Workflow:
    """Give the workflow that people mean by `text`; see `find_loaded`."""
    return find_loaded(text).workflow


async def workflow_of(store: Store, row: RunRow) -> Workflow | None:
    """Give the workflow of the version that a run is pinned to; None where its code is not here."""
    for version in await store.versions(row.tenant, row.workflow):
        if version.version == row.version:
            with suppress(RipienoError):
                return await load_registered(store, version)
    return None
