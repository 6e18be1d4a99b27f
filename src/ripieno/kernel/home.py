"""The data folder: where it is, what is in it, who may read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ripieno.model.errors import SettingsError

__all__ = ["data_folder", "find_data_folder"]

NAME = ".ripieno"


def find_data_folder(environment: Mapping[str, str] | None = None, start: Path | None = None) -> Path:
    """Give the data folder: `RIPIENO_HOME`, else the nearest `.ripieno` upwards, else one here."""
    settings = os.environ if environment is None else environment
    named = settings.get("RIPIENO_HOME")
    if named:
        return Path(named).expanduser().absolute()
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / NAME).is_dir():
            return folder / NAME
    return here / NAME


def data_folder(path: Path) -> Path:
    """Make the data folder where there is none, readable by its owner alone, and out of git."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        msg = f"cannot use the data folder {path}: {error.strerror}"
        raise SettingsError(msg, remedy="set RIPIENO_HOME to a folder that can be written") from error
    return path
