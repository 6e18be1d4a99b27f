"""Envelopes are RFC 8785, and only an envelope is read as one."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ripieno.model.event import FORMAT, GENESIS, KINDS, Event, Kind, canonical, digest, encoded

LARGEST = 2**53 - 1

text = st.text(st.characters(exclude_categories=["Cs"]))
ascii_keys = st.text(st.characters(max_codepoint=127))
integers = st.integers(-LARGEST, LARGEST)
values = st.recursive(
    st.none() | st.booleans() | integers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4),
    max_leaves=20,
)
bodies = st.dictionaries(ascii_keys, values, max_size=5)
events = st.builds(
    Event,
    stream=text,
    seq=integers,
    prev=text,
    at=integers,
    epoch=integers,
    kind=st.sampled_from(sorted(KINDS)),
    path=text,
    body=bodies,
)


def sealed(event: Event) -> bytes:
    return Event.seal(
        stream=event.stream,
        seq=event.seq,
        prev=event.prev,
        at=event.at,
        epoch=event.epoch,
        kind=event.kind,
        path=event.path,
        body=encoded(event.body),
    )


@given(document=bodies)
def test_canonical_bytes_are_rfc_8785(document: dict[str, Any]) -> None:
    assert canonical(document) == rfc8785.dumps(document)
    assert digest(document) == hashlib.sha256(rfc8785.dumps(document)).hexdigest()


@given(event=events)
def test_an_envelope_is_rfc_8785_and_reads_back_as_the_same_event(event: Event) -> None:
    envelope = sealed(event)
    fields = {name: getattr(event, name) for name in event.__slots__}
    assert envelope == rfc8785.dumps({"v": FORMAT} | fields)
    assert Event.read(envelope) == event


@given(document=bodies, order=st.randoms(use_true_random=False))
def test_the_order_in_which_a_body_was_built_does_not_matter(document: dict[str, Any], order: Any) -> None:
    items = list(document.items())
    order.shuffle(items)
    assert canonical(dict(items)) == canonical(document)


@pytest.mark.parametrize(
    "value",
    [LARGEST + 1, -LARGEST - 1, 10**40, "\ud800", b"bytes", {1: "key"}, {1, 2}, object()],
    ids=["large", "low", "huge", "surrogate", "bytes", "key", "set", "object"],
)
def test_what_the_envelope_rule_excludes_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"value": value})
    with pytest.raises(TypeError):
        encoded({"value": value})  # pyright: ignore[reportArgumentType] - that is what is refused


def test_a_body_is_what_it_was_when_it_was_handed_over() -> None:
    document: dict[str, Any] = {"count": 1}
    body = encoded(document)
    document["count"] = 2
    envelope = Event.seal(stream="s", seq=1, prev=GENESIS, at=0, epoch=1, kind="step", path="", body=body)
    assert Event.read(envelope).body == {"count": 1}


WHOLE: dict[str, Any] = {
    "v": FORMAT,
    "stream": "s",
    "seq": 1,
    "prev": GENESIS,
    "at": 0,
    "epoch": 1,
    "kind": "step",
    "path": "",
    "body": {},
}


@pytest.mark.parametrize("field", sorted(WHOLE.keys() - {"v"}))
@pytest.mark.parametrize(
    "value", [None, 1.5, ["list"], True, ...], ids=["null", "float", "list", "true", "missing"]
)
def test_an_envelope_with_a_field_missing_or_of_another_type_is_refused(field: str, value: object) -> None:
    damaged = {name: item for name, item in (WHOLE | {field: value}).items() if item is not ...}
    with pytest.raises(ValueError, match=f"{field}: missing, unknown or of another type"):
        Event.read(orjson.dumps(damaged))


@pytest.mark.parametrize(
    ("envelope", "problem"),
    [
        (b"", "empty document"),
        (b"{", "end of"),
        (b"\xff", "utf-8|UTF-8"),
        (b"[]", "envelope of format 1"),
        (b'"text"', "envelope of format 1"),
        (orjson.dumps(WHOLE | {"v": 2}), "envelope of format 1"),
        (orjson.dumps(WHOLE | {"v": True} | {"extra": 1}), "extra: missing, unknown"),
        (orjson.dumps(WHOLE | {"kind": "guess"}), "unknown kind of event 'guess'"),
    ],
    ids=["empty", "cut", "no text", "list", "string", "format", "extra", "kind"],
)
def test_what_is_no_envelope_is_refused_with_what_is_wrong(envelope: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Event.read(envelope)


@given(event=events, at=st.integers(0), byte=st.integers(0, 255))
def test_a_changed_byte_never_reads_as_the_same_event_without_another_hash(
    event: Event, at: int, byte: int
) -> None:
    envelope = bytearray(sealed(event))
    place = at % len(envelope)
    if envelope[place] == byte:
        return
    envelope[place] = byte
    assert hashlib.sha256(envelope).digest() != hashlib.sha256(sealed(event)).digest()
    try:
        found = Event.read(bytes(envelope))
    except ValueError:
        return
    assert found.kind in KINDS


def test_every_kind_is_a_word_of_ascii() -> None:
    kinds: frozenset[Kind] = KINDS
    assert all(kind.isascii() and kind.islower() for kind in kinds)
