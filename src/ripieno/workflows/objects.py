"""Python objects that workflow files name, with the file's own folder importable while it is read."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ripieno.model.errors import DefinitionError
from ripieno.participants.references import load

__all__ = ["import_from", "importable"]


@contextmanager
def importable(folder: Path) -> Generator[None]:
    """Let modules of `folder` be imported within the block, before any others of their name."""
    entry = str(folder)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(entry)


def import_from(folder: Path, reference: str) -> Any:
    """Give the object that `module:attribute` names, `folder` being importable.

    A module of the folder whose name is taken by another that is loaded already is refused: it would
    silently be the other one.
    """
    top = reference.partition(":")[0].partition(".")[0]
    check_name(folder, top)
    with importable(folder):
        return load(reference)


def check_name(folder: Path, top: str) -> None:
    """Raise `DefinitionError` when the folder's module `top` cannot be had for another of its name."""
    loaded = getattr(sys.modules.get(top), "__file__", None)
    own = [file for file in (folder / f"{top}.py", folder / top / "__init__.py") if file.is_file()]
    if top not in sys.modules or not own:
        return
    if loaded is None or Path(loaded).resolve() not in [file.resolve() for file in own]:
        msg = f"module {top!r} beside the file has the name of one that is loaded already, from {loaded!r}"
        raise DefinitionError(msg, remedy="give it a name of its own")
