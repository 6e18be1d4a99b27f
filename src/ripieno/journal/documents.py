"""A tenant's own documents, to be found by their words: rows of an index, and the store that keeps it.

What a document says, and what it is called, stands encrypted beside the tenant's log. The index holds no
word: each stands in it as a code under the tenant's key, so that whoever has the file alone reads nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["DocumentRow", "DocumentStore", "NewDocument", "NewPassage", "Posting", "Postings"]


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A part of a document that is found as one, and given as one."""

    text: bytes
    """What it says and where it stands, encoded."""
    words: Mapping[str, int]
    """How often it holds each word."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be entered."""

    tenant: str
    collection: str
    source: str
    """Where it is from, such as `leave/parental.md`: the same within a collection for the same document."""
    about: bytes
    """What a list shows of it, encoded."""
    digest: bytes
    """Of its content: one that is there with this digest stays as it is."""
    passages: Sequence[NewPassage]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document that is there."""

    tenant: str
    collection: str
    document: str
    """16 hexadecimal digits that stand for its source."""
    about: str
    """Commitment of what a list shows of it, in the tenant's stream."""
    digest: str
    """Commitment of its content's digest, under the tenant's key."""
    passages: int
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Posting:
    """That a passage holds a word."""

    word: int
    """Its place among the words that were asked for."""
    document: str
    number: int
    """Of the passage within its document, from 0."""
    times: int
    length: int
    """Of the passage, in words."""


@dataclass(frozen=True, slots=True)
class Postings:
    """Which passages of a collection hold any of the words that were asked for."""

    found: Sequence[Posting]
    passages: int
    """How many the collection has."""
    words: int
    """How many words these have together."""


class DocumentStore(ABC):
    """The part of a store that keeps documents, and finds passages of them."""

    @abstractmethod
    async def add_document(self, new: NewDocument, by: str) -> bool:
        """Enter a document with an event, in place of one with its source; False where it is there so."""

    @abstractmethod
    async def remove_documents(
        self, tenant: str, collection: str, gone: Sequence[str], *, by: str, reason: str
    ) -> int:
        """Destroy documents with an event each, and give how many there were."""

    @abstractmethod
    def documents(self, tenant: str, collection: str | None = None) -> Sequence[DocumentRow]:
        """Give what there is, by collection."""

    @abstractmethod
    def postings(self, tenant: str, collection: str, words: Sequence[str]) -> Postings:
        """Give which passages hold any of these words."""

    @abstractmethod
    def passage(self, tenant: str, collection: str, document: str, number: int) -> bytes:
        """Give what a passage says, encoded; raises `StoreError` when it is gone."""

    @abstractmethod
    def of_tenant(self, tenant: str, commitment: str) -> bytes:
        """Give an encoded value that stands beside the tenant's log; raises `StoreError` when it is gone."""
