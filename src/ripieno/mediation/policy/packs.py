"""A folder of policies as a pack: what it says of itself, and the texts of its files as they are now."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import yaml

from ripieno.mediation.pack_names import SHIPPED
from ripieno.model.errors import DefinitionError, Place

__all__ = ["SHIPPED", "Pack", "Source", "meant", "read_pack", "sources_in"]

ABOUT: Final = "pack.yaml"
LARGEST_FILE: Final = 10_000_000
"""Bytes. A file of ten thousand policies has a third of that."""


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


def sources_in(folder: Path, shown: str, *, pack: bool = False) -> tuple[Source, ...]:
    """Read the policy files right in a folder, in the order of their names.

    What somebody may take for one and is none is not passed over: it may forbid something. In a pack that
    holds for folders, too.
    """
    found: list[Source] = []
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        return (Source(shown, "", DefinitionError(f"cannot be read: {error}", place=Place(shown))),)
    for file in entries:
        name = f"{shown}/{as_text(file.name)}"
        if file.name.endswith(".cedar"):
            try:
                found.append(Source(name, text_of(file)))
            except (OSError, UnicodeDecodeError) as error:
                found.append(Source(name, "", DefinitionError(f"cannot be read: {error}", place=Place(name))))
        elif problem := passed_over(file, pack=pack):
            said, remedy = problem
            found.append(Source(name, "", DefinitionError(said, place=Place(name), remedy=remedy)))
    return tuple(found)


def passed_over(file: Path, *, pack: bool) -> tuple[str, str] | None:
    """Say why something that is not read looks as if it were, and what to do; None for all else."""
    if meant(file.name) and file.name != ABOUT and (pack or not plain(file.name).startswith("pack.")):
        return "is not read", f"policies are in files such as rules.cedar, what a pack is in {ABOUT}"
    if pack and file.is_dir() and any(file.rglob("*.cedar")):
        return "is not read", "a pack is one folder, with none in it that has policies"
    return None


def meant(name: str) -> bool:
    """Tell whether a name is, or may be taken for, that of a file of policies."""
    said = plain(name)
    return said.endswith(".cedar") or said in (ABOUT, "pack.yml")


def as_text(name: str) -> str:
    """Give a name as text, also where it is none in the file system's encoding."""
    return name.encode("utf-8", "backslashreplace").decode()


def plain(name: str) -> str:
    """Give a name without what people overlook in it."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def text_of(file: Path) -> str:
    """Read a file; raises `OSError` for what is none, or has no end."""
    if not file.is_file():
        file.stat()
        msg = "it is no file"
        raise OSError(msg)
    if (size := file.stat().st_size) > LARGEST_FILE:
        msg = f"it has {size:,} bytes, over {LARGEST_FILE:,}"
        raise OSError(msg)
    return file.read_text(encoding="utf-8")


def read_pack(folder: Path, shown: str) -> Pack:
    """Read a pack; what cannot be used is among what it is."""
    shown, name = as_text(shown), as_text(folder.name)
    sources = sources_in(folder, shown, pack=True)
    try:
        about, extends = said_of(folder / ABOUT, Place(f"{shown}/{ABOUT}"))
    except DefinitionError as error:
        return Pack(name, folder, shown, sources, problem=error)
    return Pack(name, folder, shown, sources, about, extends)


def said_of(file: Path, place: Place) -> tuple[str, tuple[str, ...]]:
    """Read what a pack is about and which it builds on; raises `DefinitionError`."""
    try:
        return meaning(text_of(file) if file.exists() or file.is_symlink() else "{}", place)
    except (OSError, ValueError, yaml.YAMLError) as error:
        msg = f"cannot be read: {error}"
        raise DefinitionError(msg, place=place) from error


@lru_cache(maxsize=256)
def meaning(text: str, place: Place) -> tuple[str, tuple[str, ...]]:
    """Read what a pack says of itself; a text that made sense is known at the next look."""
    twice = next(keys_twice(yaml.compose(text, yaml.SafeLoader)), None)
    said: Any = yaml.safe_load(text)
    if twice is not None:
        msg = f"{twice!r} is given twice"
        raise DefinitionError(msg, place=place)
    fields = cast("dict[str, Any]", said) if isinstance(said, dict) else {"": said}
    about: Any = fields.get("about", "")
    extends: Any = fields.get("extends", [])
    names = cast("list[Any]", extends) if isinstance(extends, list) else list[Any]([None])
    known = fields.keys() <= {"about", "extends"}
    if not known or not isinstance(about, str) or not all(isinstance(name, str) for name in names):
        msg = "expected `about`, a text, and `extends`, a list of packs"
        raise DefinitionError(msg, place=place)
    return about, tuple(names)


def keys_twice(node: yaml.Node | None) -> Iterator[str]:
    """Give what is said more than once: of two the latter would hold."""
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        names = [str(key.value) for key, _ in pairs]
        yield from (name for number, name in enumerate(names) if name in names[:number])
