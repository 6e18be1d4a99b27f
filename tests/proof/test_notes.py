"""Notes and checkpoints of others are read, ours fit the specification, and nothing else passes."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.proof.checkpoints import Checkpoint, event_leaf
from ripieno.proof.merkle import EMPTY
from ripieno.proof.notes import NoteError, Signer, Verifier

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""A key and a note of Go's `golang.org/x/mod/sumdb/note`, from its documentation."""
PETERS = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer("example.com/log", bytes(range(32)))
CHECKPOINT = Checkpoint("example.com/log", 3, bytes(32))


def test_a_note_signed_by_others_is_read() -> None:
    key = Verifier.read(PETER)
    assert key.open(PETERS) == PETERS.rpartition("\n\n")[0] + "\n"
    assert str(key) == PETER


def test_a_checkpoint_is_a_note_as_the_specification_writes_it() -> None:
    note = CHECKPOINT.signed(SIGNER)
    public = Ed25519PrivateKey.from_private_bytes(SIGNER.secret).public_key()
    text, _, signatures = note.rpartition("\n\n")
    name, signature = signatures.removeprefix("— ").split()
    raw = b64decode(signature)
    expected = hashlib.sha256(b"example.com/log\n\x01" + public.public_bytes_raw()).digest()[:4]
    assert text == f"example.com/log\n3\n{b64encode(bytes(32)).decode()}"
    assert (name, raw[:4]) == ("example.com/log", expected)
    public.verify(raw[4:], f"{text}\n".encode())
    assert Checkpoint.opened(note, SIGNER.verifier) == CHECKPOINT


def test_a_key_is_handed_out_and_read_again() -> None:
    assert Verifier.read(f"{SIGNER.verifier}\n") == SIGNER.verifier


def test_signatures_of_witnesses_beside_ours_do_not_matter() -> None:
    witness = Signer("witness.example/w", bytes(32)).sign(CHECKPOINT.text)
    note = CHECKPOINT.signed(SIGNER) + witness.rpartition("\n\n")[2]
    assert Checkpoint.opened(note, SIGNER.verifier) == CHECKPOINT


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("", "ends in a newline"),
        ("text", "ends in a newline"),
        ("text\n", "an empty line"),
        ("text\n\n", "an empty line"),
        ("text\r\n\n— a b\n", "ends in a newline"),
        ("text \ud800\n\n— a b\n", "ends in a newline"),
        ("text\n\n- example.com/log AAAA\n", "expected '— name signature'"),
        ("text\n\n— example.com/log AAA\n", "not base64"),
        ("text\n\n— example.com/log AAB=\n", "not base64 as it is written"),
        ("text\n\n— example.com/log AAAA\n", "too short"),
        (CHECKPOINT.signed(Signer("example.com/log", bytes(32))), "not signed by example.com/log"),
        (CHECKPOINT.signed(Signer("example.com/other", SIGNER.secret)), "not signed by example.com/log"),
        (SIGNER.sign("example.com/other\n3\nAAAA\n"), "the checkpoint is of 'example.com/other'"),
        (SIGNER.sign(f"example.com/log\n03\n{b64encode(bytes(32)).decode()}\n"), "expected the size"),
        (SIGNER.sign("example.com/log\n3\nAAAA\n"), "expected the size"),
        (SIGNER.sign("example.com/log\n"), "expected the size"),
    ],
)
def test_what_is_no_checkpoint_of_this_key_is_refused(note: str, said: str) -> None:
    with pytest.raises(NoteError, match=said):
        Checkpoint.opened(note, SIGNER.verifier)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 1000), changed=st.characters(codec="utf-8"))
def test_a_changed_character_anywhere_is_refused(at: int, changed: str) -> None:
    note = CHECKPOINT.signed(SIGNER)
    at %= len(note)
    if note[at] != changed:
        with pytest.raises(NoteError):
            Checkpoint.opened(note[:at] + changed + note[at + 1 :], SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    [
        *("", "example.com/log", "example.com/log+00000000", "a b+00000000+AAAA"),
        str(SIGNER.verifier)[:-4],
        str(SIGNER.verifier).replace("example", "exemple"),
        f"example.com/log+00000000+{b64encode(bytes(33)).decode()}",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Verifier.read(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\x00"])
def test_a_key_has_a_name_that_fits_a_line(name: str) -> None:
    with pytest.raises(NoteError, match="a key's name"):
        Signer(name, bytes(32))


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", ""])
def test_nothing_is_signed_that_is_no_note(text: str) -> None:
    with pytest.raises(NoteError, match="ends in a newline"):
        SIGNER.sign(text)


def test_a_leaf_is_bound_to_run_number_and_event() -> None:
    leaves = {
        event_leaf(bytes(16), 1, EMPTY),
        event_leaf(bytes(15) + b"\x01", 1, EMPTY),
        event_leaf(bytes(16), 2, EMPTY),
        event_leaf(bytes(16), 1, bytes(32)),
    }
    assert len(leaves) == 4
    assert (
        event_leaf(bytes(16), 1, EMPTY)
        == hashlib.sha256(
            b"\x00ripieno leaf 1\n" + bytes(16) + b"\x00\x00\x00\x00\x00\x00\x00\x01" + EMPTY
        ).digest()
    )
