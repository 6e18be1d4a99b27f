"""Python objects by name: `module:attribute`, and the digest of their source."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

from ripieno.model.errors import DefinitionError, Place, nearest

__all__ = ["load", "reference", "source_digest"]


def reference(obj: Any) -> str:
    """Give the `module:attribute` by which an object can be imported."""
    try:
        return f"{obj.__module__}:{obj.__qualname__}"
    except AttributeError:
        msg = f"{obj!r} has no name to import it by"
        raise DefinitionError(msg, remedy="define a function at the top of a module, and use that") from None


def load(text: str) -> Any:
    """Import what `module:attribute` names; raises `DefinitionError` that says which half is wrong."""
    module_name, _, attribute = text.partition(":")
    if not module_name or not attribute:
        msg = f"expected 'module:attribute', got {text!r}"
        raise DefinitionError(msg)
    try:
        found: Any = sys.modules.get(module_name) or importlib.import_module(module_name)
    except ImportError as error:
        msg = f"cannot import {module_name!r}: {error}"
        remedy = "is its folder on the Python path, and the package installed?"
        raise DefinitionError(msg, place=place_of(error), remedy=remedy) from error
    except (Exception, SystemExit) as error:
        msg = f"importing {module_name!r} raised {type(error).__name__}: {error}"
        raise DefinitionError(msg, place=place_of(error)) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            msg = f"{module_name!r} has no {attribute!r}{nearest(part, dir(found))}"
            raise DefinitionError(msg)
        found = getattr(found, part)
    return found


def place_of(error: BaseException) -> Place | None:
    """Give where in a user's own file an import failed; None when no such file was reached."""
    if isinstance(error, SyntaxError) and error.filename:
        return Place(error.filename, error.lineno)
    paths = sysconfig.get_paths()
    installed = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed.append(str(Path(__file__).parents[1]))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(("<", *installed)):
            return Place(frame.filename, frame.lineno)
    return None


def source_digest(obj: Any) -> str:
    """Give the SHA-256 of an object's source, or `unknown` for what has none."""
    try:
        source = inspect.getsource(obj)
    except (OSError, TypeError):
        return "unknown"
    return hashlib.sha256(source.encode()).hexdigest()
