"""A folder of policies as a pack: what it says of itself, and the texts of its files as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from ripieno.mediation.pack_names import SHIPPED
from ripieno.model.errors import DefinitionError, Place

__all__ = ["SHIPPED", "Pack", "Source", "read_pack", "sources_in"]

ABOUT: Final = "pack.yaml"


@dataclass(frozen=True, slots=True)
class Source:
    """A policy file as it was when it was read."""

    name: str
    """What places call it."""
    text: str
    problem: DefinitionError | None = None
    """Why it could not be read."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A named set of policies, and the packs that it builds on."""

    name: str
    folder: Path
    shown: str
    """What places call the folder."""
    sources: tuple[Source, ...]
    about: str = ""
    extends: tuple[str, ...] = ()
    problem: DefinitionError | None = None
    """Why what it says of itself cannot be used."""

    @property
    def about_place(self) -> Place:
        """Where it says what it builds on."""
        return Place(f"{self.shown}/{ABOUT}", field="extends")


def sources_in(folder: Path, shown: str) -> tuple[Source, ...]:
    """Read the policy files right in a folder, in the order of their names."""
    found: list[Source] = []
    for file in sorted(folder.glob("*.cedar")):
        name = f"{shown}/{file.name}"
        try:
            found.append(Source(name, file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            found.append(Source(name, "", DefinitionError(f"cannot be read: {error}", place=Place(name))))
    return tuple(found)


def read_pack(folder: Path, shown: str) -> Pack:
    """Read a pack; what cannot be used is among what it is."""
    sources = sources_in(folder, shown)
    try:
        about, extends = said_of(folder / ABOUT, Place(f"{shown}/{ABOUT}"))
    except DefinitionError as error:
        return Pack(folder.name, folder, shown, sources, problem=error)
    return Pack(folder.name, folder, shown, sources, about, extends)


def said_of(file: Path, place: Place) -> tuple[str, tuple[str, ...]]:
    """Read what a pack is about and which it builds on; raises `DefinitionError`."""
    try:
        said: Any = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        msg = f"cannot be read: {error}"
        raise DefinitionError(msg, place=place) from error
    fields = cast("dict[str, Any]", said) if isinstance(said, dict) else {"": said}
    about: Any = fields.get("about", "")
    extends: Any = fields.get("extends", [])
    names = cast("list[Any]", extends) if isinstance(extends, list) else list[Any]([None])
    known = fields.keys() <= {"about", "extends"}
    if not known or not isinstance(about, str) or not all(isinstance(name, str) for name in names):
        msg = "expected `about`, a text, and `extends`, a list of packs"
        raise DefinitionError(msg, place=place)
    return about, tuple(names)
