"""Documents as a store keeps them: found by their words, encrypted, and destroyed whole."""

from __future__ import annotations

import pytest

from ripieno.journal.documents import NewDocument, NewPassage
from ripieno.journal.store import Store
from ripieno.model.errors import StoreError


def passage(text: str) -> NewPassage:
    return NewPassage(text.encode(), {word: text.split().count(word) for word in text.split()})


def new(source: str, *texts: str, tenant: str = "default", collection: str = "handbook") -> NewDocument:
    digest = " ".join(texts).encode()
    return NewDocument(tenant, collection, source, source.encode(), digest, [passage(one) for one in texts])


def found(store: Store, *words: str, tenant: str = "default", collection: str = "handbook") -> list[str]:
    postings = store.postings(tenant, collection, words)
    places = {(one.document, one.number) for one in postings.found}
    return sorted(store.passage(tenant, collection, *place).decode() for place in places)


async def test_passages_are_found_by_their_words_in_their_collection_and_tenant(store: Store) -> None:
    assert await store.add_document(new("a.md", "leave is leave", "pay is late"), "person:ada")
    assert await store.add_document(new("b.md", "leave later"), "person:ada")
    assert await store.add_document(new("a.md", "leave it", collection="other"), "person:ada")
    assert await store.add_document(new("a.md", "leave north", tenant="north"), "person:ada")
    assert found(store, "leave") == ["leave is leave", "leave later"]
    assert found(store, "late", "leave") == ["leave is leave", "leave later", "pay is late"]
    assert found(store, "leave", collection="other") == ["leave it"]
    assert found(store, "leave", tenant="north") == ["leave north"]
    assert found(store, "leave", tenant="nowhere") == found(store) == found(store, "no") == []
    postings = store.postings("default", "handbook", ["is", "leave"])
    assert (postings.passages, postings.words) == (3, 8)
    assert sorted((one.word, one.times, one.length) for one in postings.found) == [
        (0, 1, 3),
        (0, 1, 3),
        (1, 1, 2),
        (1, 2, 3),
    ]


async def test_a_document_takes_the_place_of_one_with_its_source(store: Store) -> None:
    assert await store.add_document(new("a.md", "old words"), "person:ada")
    [before] = store.documents("default")
    assert not await store.add_document(new("a.md", "old words"), "person:eve")
    assert await store.add_document(new("a.md", "new words"), "person:eve")
    [row] = store.documents("default", "handbook")
    assert (row.document, row.by, row.digest != before.digest) == (before.document, "person:eve", True)
    assert (found(store, "words"), found(store, "old")) == (["new words"], [])
    with pytest.raises(StoreError):
        store.of_tenant("default", before.about + "00")


async def test_what_is_removed_is_destroyed_and_a_deleted_tenant_holds_nothing(store: Store) -> None:
    many = " ".join(f"word{number}" for number in range(250))
    assert await store.add_document(new("a.md", many), "person:ada")
    assert await store.add_document(new("b.md", "more words"), "person:ada")
    [place] = store.postings("default", "handbook", ["word249"]).found
    about = next(row.about for row in store.documents("default") if row.document == place.document)
    gone = [*(row.document for row in store.documents("default")), "none"]
    assert await store.remove_documents("default", "handbook", gone, by="person:ada", reason="x") == 2
    assert (found(store, "word249", "words"), store.documents("default")) == ([], [])
    with pytest.raises(StoreError):
        store.of_tenant("default", about)
    with pytest.raises(StoreError, match="has no passage 0"):
        store.passage("default", "handbook", place.document, 0)
    assert await store.remove_documents("default", "handbook", ["none"], by="person:ada", reason="x") == 0
    assert await store.add_document(new("c.md", "last words"), "person:ada")
    await store.delete_tenant("default", by="person:ada", reason="closed")
    assert (found(store, "last"), store.documents("default")) == ([], [])
    for tenant in ("default", "nowhere"):
        with pytest.raises(StoreError, match="holds nothing"):
            store.of_tenant(tenant, about)
