"""A set of policies as a text that the log can keep: all that decides, shipped packs among it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ripieno.mediation.policy.library import Library
from ripieno.mediation.policy.packs import Pack, Source
from ripieno.model.errors import DefinitionError, Place, StoreError

__all__ = ["digest_of_pack", "files_of", "library_from", "text_of"]


def text_of(library: Library) -> bytes:
    """Give all that a library decides by, from which it can be put together again."""
    return orjson.dumps(
        {
            "packs": [
                {
                    "name": pack.name,
                    "shown": pack.shown,
                    "about": pack.about,
                    "extends": list(pack.extends),
                    "problem": said_of(pack.problem),
                    "files": [source_document(one) for one in pack.sources],
                }
                for pack in library.given
            ],
            "files": [source_document(one) for one in library.everywhere],
        }
    )


def source_document(source: Source) -> dict[str, Any]:
    """Give a policy file as it was read."""
    return {"name": source.name, "text": source.text, "problem": said_of(source.problem)}


def said_of(problem: DefinitionError | None) -> str | None:
    """Give why something could not be read."""
    return None if problem is None else problem.message


def library_from(text: bytes, version: str) -> Library:
    """Put a library together from what the log kept; raises `StoreError` where it is not of that version."""
    found: Any = orjson.loads(text)
    packs = [
        Pack(
            one["name"],
            Path(one["shown"]),
            one["shown"],
            tuple(source_from(file) for file in one["files"]),
            one["about"],
            tuple(one["extends"]),
            problem_from(one["problem"], f"{one['shown']}/pack.yaml"),
        )
        for one in found["packs"]
    ]
    library = Library(packs, [source_from(file) for file in found["files"]])
    could_be_read = all(part.problem is None for part in (*library.given, *library.sources))
    if could_be_read and library.version != version:
        msg = f"what is kept of policies {version[:12]} is not what they said: it is {library.version[:12]}"
        raise StoreError(msg, remedy="ripieno audit verify tells what was changed")
    return library


def source_from(file: Mapping[str, Any]) -> Source:
    """Give a policy file as the log kept it."""
    return Source(file["name"], file["text"], problem_from(file["problem"], file["name"]))


def problem_from(said: str | None, name: str) -> DefinitionError | None:
    """Give why something could not be read, as the log kept it."""
    return None if said is None else DefinitionError(said, place=Place(name))


def files_of(library: Library) -> dict[str, str]:
    """Give the text of every policy file by its name, and what packs build on."""
    found = {one.name: one.text for one in library.sources}
    for pack in library.given:
        if pack.extends:
            found[f"{pack.shown}/pack.yaml"] = f"extends: [{', '.join(pack.extends)}]\n"
    return dict(sorted(found.items()))


def digest_of_pack(pack: Pack) -> str:
    """Give the SHA-256 of what a pack says, without those that it builds on."""
    whole = hashlib.sha256(f"{pack.name}\n{pack.extends}".encode())
    for source in pack.sources:
        whole.update(hashlib.sha256(f"{source.name}\n{source.text}".encode()).digest())
    return whole.hexdigest()
