"""What a log says of having been put back counts by its key alone, and excuses nothing but what it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import NoteError, Signer
from ripieno.proof.restores import Restore, explained, restores_in

SIGNER = Signer("example.com/log", bytes(32))
OTHER = Signer("example.com/log", bytes([1]) * 32)
ROOT = bytes(range(32))
TOLD = Restore("r", 0, 60_000_000, 10, "00" * 32, 14, ROOT.hex(), compared=True)


def test_it_comes_back_as_it_was_signed() -> None:
    assert Restore.opened(TOLD.signed(SIGNER), SIGNER.verifier) == TOLD


@pytest.mark.parametrize(
    ("note", "problem"),
    [
        (TOLD.signed(OTHER), "not signed by"),
        (SIGNER.sign("example.com/log\n3\nAAAA\n"), "expected what a restore says"),
        (SIGNER.sign("ripieno restore 1\nnothing\n"), "cannot be read"),
        (SIGNER.sign('ripieno restore 1\n{"id": "r"}\n'), "cannot be read"),
    ],
    ids=["another key", "a checkpoint", "no document", "too little"],
)
def test_what_is_none_says_nothing(note: str, problem: str) -> None:
    with pytest.raises(NoteError, match=problem):
        Restore.opened(note, SIGNER.verifier)
    assert restores_in([{"statement": note}, {}, {"statement": TOLD.signed(SIGNER)}], SIGNER.verifier) == [
        TOLD
    ]


@pytest.mark.parametrize(
    ("size", "root", "excused"),
    [(10, ROOT, False), (11, bytes(32), True), (14, ROOT, True), (14, bytes(32), False), (15, ROOT, False)],
    ids=["before it", "within what is lost", "the newest", "another newest", "after it"],
)
def test_only_what_is_lost_is_excused(size: int, root: bytes, excused: bool) -> None:  # noqa: FBT001 - a case
    assert explained([TOLD], Checkpoint("example.com/log", size, root)) == excused
    nothing = replace(TOLD, known=10)
    assert not explained([nothing], Checkpoint("example.com/log", 10, ROOT))


def test_it_says_how_much_is_lost() -> None:
    start = "restored at 1970-01-01T00:01Z from a backup of 1970-01-01T00:00Z: "
    assert (
        str(TOLD) == f"{start}4 events lost for certain (11 to 14 of the log), what came after them unknown"
    )
    assert "1 event lost" in str(replace(TOLD, known=11))
    assert "no event is known to be lost" in str(replace(TOLD, known=10))
    assert "compared with no place outside" in str(replace(TOLD, known=10, compared=False))
