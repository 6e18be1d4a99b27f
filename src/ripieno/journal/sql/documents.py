"""A tenant's documents and the index of their words; each operation within a group commit."""

# ruff: noqa: S608 - only our own column names, and marks, are put into statements

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ripieno.journal.documents import DocumentRow, NewDocument
from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import marks
from ripieno.journal.sql.ownership import now
from ripieno.model.event import Json
from ripieno.model.value import encode

__all__ = ["COLUMNS", "HELD", "PLACE", "add", "code_of", "remove", "remove_all"]

COLUMNS: Final = 'tenant, collection, document, about, digest, passages, "by", at'
WHERE: Final = "tenant = ? AND collection = ? AND document = ?"
HELD: Final = (
    "SELECT text FROM passages WHERE tenant = (SELECT name FROM tenants WHERE stream = ?)"
    " UNION SELECT about FROM documents WHERE tenant = (SELECT name FROM tenants WHERE stream = ?)"
)
"""Of the values beside a tenant's stream, those of its documents: no event tells of them one by one."""
ID_DIGITS: Final = 16
WORD_BYTES: Final = 8
"""Of the code of a word: two words of a million share one by a chance of one in forty million."""
PLACE: Final = struct.Struct(">IHH")
"""In which passage a word stands, how often, and how many words that has."""
MOST: Final = 2**16 - 1
AT_ONCE: Final = 100
"""Postings in one statement."""
PIECE: Final = 20
NEEDLES: Final = 32


def code_of(key: StreamKey, word: str) -> bytes:
    """Give what stands for a word in the index of a tenant."""
    return key.derive(f"word {word}")[:WORD_BYTES]


def add(batch: Batch, master: MasterKey, new: NewDocument, by: str) -> bool:
    """Enter a document, with an event; False where it is there as it is."""
    key = key_of(batch, master, new.tenant)
    document = key.derive(f"document {new.collection} {new.source}").hex()[:ID_DIGITS]
    place = (new.tenant, new.collection, document)
    digest = key.commit(new.digest).hex()
    execute = batch.connection.execute
    before = execute(f"SELECT digest FROM documents WHERE {WHERE}", place).fetchone()
    if before is not None:
        if before[0] == digest:
            return False
        destroy(batch, key, place)
    row = DocumentRow(*place, keep(batch, key, new.about), digest, len(new.passages), by, now())
    body: dict[str, Json] = {
        "collection": row.collection,
        "document": row.document,
        "about": row.about,
        "digest": row.digest,
        "passages": row.passages,
        "by": row.by,
        "at": row.at,
    }
    tenants.record(batch, master, new.tenant, ("document.added", "", body))
    values = (*place, row.about, digest, row.passages, by, row.at)
    execute(f"INSERT INTO documents ({COLUMNS}) VALUES ({marks(8)})", values)
    places: dict[str, bytearray] = {}
    for number, passage in enumerate(new.passages):
        length = sum(passage.words.values())
        text = keep(batch, key, passage.text)
        execute(f"INSERT INTO passages VALUES ({marks(6)})", (*place, number, text, length))
        for word, times in passage.words.items():
            places.setdefault(word, bytearray()).extend(
                PLACE.pack(number, min(times, MOST), min(length, MOST))
            )
    index(batch, key, place, places)
    return True


def index(batch: Batch, key: StreamKey, place: tuple[str, str, str], places: Mapping[str, bytearray]) -> None:
    """Enter which words a document holds, and where."""
    tenant, collection, document = place
    known = sorted({code_of(key, word): bytes(held) for word, held in places.items()}.items())
    for first in range(0, len(known), AT_ONCE):
        some, values = known[first : first + AT_ONCE], list[Any]()
        for word, held in some:
            values += (tenant, collection, word, document, held)
        holders = ", ".join([f"({marks(5)})"] * len(some))
        batch.connection.execute(f"INSERT INTO postings VALUES {holders}", values)


def remove(
    batch: Batch, master: MasterKey, place: tuple[str, str], documents: Sequence[str], said: tuple[str, str]
) -> tuple[int, list[bytes]]:
    """Destroy documents, with an event each; give how many, and pieces of what was destroyed."""
    tenant, collection = place
    by, reason = said
    key, pieces, count = key_of(batch, master, tenant), list[bytes](), 0
    for document in documents:
        whole = (tenant, collection, document)
        if batch.connection.execute(f"SELECT 1 FROM documents WHERE {WHERE}", whole).fetchone() is None:
            continue
        pieces += destroy(batch, key, whole)
        body: dict[str, Json] = {"collection": collection, "document": document, "by": by}
        body["reason"] = tenants.keep(batch, master, tenant, encode(reason))
        tenants.record(batch, master, tenant, ("document.removed", "", body))
        count += 1
    return count, pieces[:NEEDLES]


def remove_all(batch: Batch, master: MasterKey, tenant: str, said: tuple[str, str]) -> None:
    """Destroy all documents of a tenant."""
    rows = batch.connection.execute(
        "SELECT collection, document FROM documents WHERE tenant = ?", (tenant,)
    ).fetchall()
    for collection, document in rows:
        remove(batch, master, (tenant, collection), [document], said)


def destroy(batch: Batch, key: StreamKey, place: tuple[str, str, str]) -> list[bytes]:
    """Take away a document, what it says and its part of the index; give pieces of what it said."""
    execute = batch.connection.execute
    texts = execute(f"SELECT text FROM passages WHERE {WHERE}", place).fetchall()
    abouts = execute(f"SELECT about FROM documents WHERE {WHERE}", place).fetchall()
    pieces: list[bytes] = []
    for (commitment,) in (*texts, *abouts):
        held = (key.stream, bytes.fromhex(commitment))
        where = "stream = ? AND commitment = ?"
        (sealed,) = execute(f"SELECT sealed FROM payloads WHERE {where}", held).fetchone()
        pieces.append(sealed[:PIECE])
        execute(f"DELETE FROM payloads WHERE {where}", held)
    for table in ("postings", "passages", "documents"):
        execute(f"DELETE FROM {table} WHERE {WHERE}", place)
    return pieces


def keep(batch: Batch, key: StreamKey, data: bytes) -> str:
    """Store a value beside the tenant's stream, and give its commitment."""
    commitment = key.commit(data)
    batch.connection.execute(
        "INSERT INTO payloads (stream, commitment, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (key.stream, commitment, key.seal(commitment, data)),
    )
    return commitment.hex()


def key_of(batch: Batch, master: MasterKey, tenant: str) -> StreamKey:
    """Give the key of a tenant as this transaction sees it, making the tenant where there is none."""
    stream, _, _ = tenants.head(batch, master, tenant)
    (wrapped,) = batch.connection.execute("SELECT wrapped FROM tenants WHERE name = ?", (tenant,)).fetchone()
    return master.unwrap(stream, wrapped)
