"""The part of a store that keeps documents, and finds passages of them."""

# ruff: noqa: S608 - only our own column names, and marks, are put into statements

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence

from ripieno.journal.documents import DocumentRow, DocumentStore, NewDocument, Posting, Postings
from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.sql import documents
from ripieno.journal.sql.database import Reader, marks
from ripieno.journal.sql.documents import COLUMNS, PLACE
from ripieno.journal.sql.writer import Writer
from ripieno.model.errors import StoreError

__all__ = ["SqlDocuments"]

FOUND = "SELECT word, document, places FROM postings WHERE tenant = ? AND collection = ? AND word IN"


class SqlDocuments(DocumentStore):
    """Documents, and an index of their words, in tables of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _scrubbing: asyncio.Lock

    async def add_document(self, new: NewDocument, by: str) -> bool:
        """Enter a document with an event; False where it is there as it is."""
        return await self._writer.perform(lambda batch: documents.add(batch, self._master, new, by))

    async def remove_documents(
        self, tenant: str, collection: str, gone: Sequence[str], *, by: str, reason: str
    ) -> int:
        """Destroy documents with an event each, and give how many there were."""
        place, said = (tenant, collection), (by, reason)
        async with self._scrubbing:
            count, pieces = await self._writer.perform(
                lambda batch: documents.remove(batch, self._master, place, gone, said)
            )
            if count:
                await self._clean(pieces)
        return count

    def documents(self, tenant: str, collection: str | None = None) -> Sequence[DocumentRow]:
        """Give what there is, by collection."""
        of, values = ("", ()) if collection is None else (" AND collection = ?", (collection,))
        rows = self._reader.all(
            f"SELECT {COLUMNS} FROM documents WHERE tenant = ?{of} ORDER BY collection, document",
            tenant,
            *values,
        )
        return [DocumentRow(*row) for row in rows]

    def postings(self, tenant: str, collection: str, words: Sequence[str]) -> Postings:
        """Give which passages hold any of these words."""
        key = self._key_of_tenant(tenant)
        if key is None or not words:
            return Postings((), 0, 0)
        codes = {documents.code_of(key, word): number for number, word in enumerate(words)}
        count, length = self._reader.one(
            "SELECT count(*), CAST(coalesce(sum(words), 0) AS BIGINT) FROM passages"
            " WHERE tenant = ? AND collection = ?",
            tenant,
            collection,
        )
        rows = self._reader.all(f"{FOUND} ({marks(len(codes))})", tenant, collection, *codes)
        found = [
            Posting(codes[bytes(word)], document, *place)
            for word, document, places in rows
            for place in PLACE.iter_unpack(bytes(places))
        ]
        return Postings(found, count, int(length))

    def passage(self, tenant: str, collection: str, document: str, number: int) -> bytes:
        """Give what a passage says, encoded."""
        row = self._reader.one(
            "SELECT text FROM passages WHERE tenant = ? AND collection = ? AND document = ? AND number = ?",
            *(tenant, collection, document, number),
        )
        if row is None:
            msg = f"document {document} of {collection!r} has no passage {number}"
            raise StoreError(msg)
        return self.of_tenant(tenant, row[0])

    def of_tenant(self, tenant: str, commitment: str) -> bytes:
        """Give an encoded value that stands beside the tenant's log."""
        key = self._key_of_tenant(tenant)
        if key is None:
            msg = f"tenant {tenant!r} holds nothing"
            raise StoreError(msg)
        return self.payload(key.stream.hex(), commitment)

    def _key_of_tenant(self, tenant: str) -> StreamKey | None:
        """Give the key of a tenant; None where nothing was ever done in it, or it was deleted."""
        row = self._reader.one("SELECT stream, wrapped FROM tenants WHERE name = ?", tenant)
        return self._master.reach(row[0], row[1]) if row is not None and row[1] else None

    # -- of the rest of the store -----------------------------------------------------------------

    @abstractmethod
    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value."""

    @abstractmethod
    async def _clean(self, needles: Sequence[bytes] | None) -> bool:
        """Take what was deleted out of every free byte."""
