"""Entering the files of a folder into a collection, and taking documents out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ripieno.connectors.connector import NAME
from ripieno.connectors.documents.passages import parts_of
from ripieno.connectors.ranking import words_of
from ripieno.journal.documents import DocumentRow, NewDocument, NewPassage
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.model.errors import InputError, NotFoundError, nearest
from ripieno.model.principal import Principal
from ripieno.model.value import decode, encode

__all__ = ["Added", "Listed", "add", "listed", "remove"]

TEXTS: Final = frozenset({".md", ".markdown", ".txt", ".rst", ".text", ".csv", ".adoc", ".org"})
"""Files that are text; others are refused by name rather than searched as what they are not."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one file: it is entered in one commit, which others wait for."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the files that were named."""

    added: list[str] = field(default_factory=list[str])
    unchanged: list[str] = field(default_factory=list[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Why, by source."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document that is there."""

    row: DocumentRow
    source: str
    digest: str
    """SHA-256 of its content."""
    size: int
    """Bytes."""


async def add(
    store: Store, collection: str, paths: Sequence[Path], *, by: Principal, reason: str | None = None
) -> Added:
    """Enter files, and all text files of folders, in place of those with the same source.

    A source is the path within the folder that was named, or the file's own name. What is not text is
    refused and told of; the rest is entered. Raises `NotAllowedError` where policy does not permit it, and
    `InputError` for what is not there.
    """
    if not NAME.fullmatch(collection):
        msg = f"collection {collection!r} must be lower-case letters, digits and `-`, starting with a letter"
        raise InputError(msg)
    files = [one for path in paths for one in files_at(path)]
    given = {"add": collection, "sources": [source for source, _ in files]}
    by = await check_command(store, None, by, "documents", given=given, reason=reason)
    found = Added()
    for source, file in files:
        new = read(by.tenant, collection, source, file)
        if isinstance(new, str):
            found.refused[source] = new
        elif await store.add_document(new, by.id):
            found.added.append(source)
        else:
            found.unchanged.append(source)
    return found


def files_at(path: Path) -> Iterator[tuple[str, Path]]:
    """Give a file, or those of a folder and of the folders in it; hidden ones are left out."""
    if path.is_file():
        yield path.name, path
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            within = file.relative_to(path)
            if file.is_file() and not any(part.startswith(".") for part in within.parts):
                yield within.as_posix(), file
    else:
        msg = f"there is no file or folder at {path}"
        raise InputError(msg)


def read(tenant: str, collection: str, source: str, file: Path) -> NewDocument | str:
    """Give a file as it is entered; why it is not, where it cannot be."""
    if file.suffix.lower() not in TEXTS:
        return f"not known as text ({file.suffix or 'no ending'}): there are {', '.join(sorted(TEXTS))}"
    try:
        if file.stat().st_size > LARGEST:
            return f"larger than {LARGEST // 1024 // 1024} MB: cut it into files of its parts"
        data = file.read_bytes()
        parts = parts_of(data.decode())
    except UnicodeDecodeError:
        return "not text in UTF-8"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not parts:
        return "it says nothing"
    digest = sha256(data).hexdigest()
    about = {"source": source, "digest": digest, "bytes": len(data)}
    passages: list[NewPassage] = []
    for number, part in enumerate(parts):
        told: dict[str, Any] = {"collection": collection, "source": source, "passage": number + 1}
        told |= {"title": part.title, "text": part.text, "digest": digest}
        words = Counter(words_of(f"{part.title} {part.text}"))
        passages.append(NewPassage(encode(told), words))
    return NewDocument(tenant, collection, source, encode(about), bytes.fromhex(digest), passages)


def listed(store: Store, tenant: str, collection: str | None = None) -> list[Listed]:
    """Give the documents there are, by collection and source."""
    found: list[Listed] = []
    for row in store.documents(tenant, collection):
        about = decode(store.of_tenant(tenant, row.about))
        found.append(Listed(row, about["source"], about["digest"], about["bytes"]))
    return sorted(found, key=lambda one: (one.row.collection, one.source))


async def remove(
    store: Store, collection: str, sources: Sequence[str], *, by: Principal, reason: str
) -> list[str]:
    """Destroy documents by their sources, all of the collection where none is named; give their sources.

    Raises `NotAllowedError`, `InputError` without a reason, and `NotFoundError` for what is not there.
    """
    if not reason.strip():
        msg = "removing documents needs a reason"
        raise InputError(msg)
    given = {"remove": collection, "sources": [*sources]}
    by = await check_command(store, None, by, "documents", given=given, reason=reason)
    there = {one.source: one.row.document for one in listed(store, by.tenant, collection)}
    for source in sources:
        if source not in there:
            msg = f"no document {source!r} in {collection!r}{nearest(source, there)}"
            raise NotFoundError(msg, remedy="ripieno documents list shows what there is")
    gone = list(sources) or list(there)
    await store.remove_documents(by.tenant, collection, [there[one] for one in gone], by=by.id, reason=reason)
    return gone
