"""No data value stands in an envelope; each is stored once, encrypted, and committed to."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.journal.support.backends import Backend
from tests.journal.support.writing import appended, begin, keep, owned, step, write

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.master_file import make
from ripieno.journal.store import Store
from ripieno.model.errors import NotFoundError, StoreError
from ripieno.model.ids import new_id
from ripieno.model.value import decode

PATIENT = "Ottilie Wagenknecht, born 1931"


async def test_a_run_or_tenant_that_there_is_not_has_no_key(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.key(new_id())


async def test_a_value_comes_back_byte_for_byte(store: Store) -> None:
    lease = await owned(store)
    draft = step(lease, output={"patient": PATIENT})
    await write(store, draft)
    commitment, data = draft.payloads[0]
    assert store.payload(lease.run, commitment.hex()) == data


def test_a_renewed_key_commits_as_before_and_opens_what_both_have_encrypted() -> None:
    key = StreamKey(b"s" * 16, b"k" * 32)
    renewed = key.renewed(3)
    commitment = key.commit(b"a value")
    assert (renewed.commit(b"a value"), renewed.round, key.round) == (commitment, 3, 0)
    for by in (key, renewed):
        assert renewed.open(commitment, by.seal(commitment, b"a value")) == b"a value"
    with pytest.raises(StoreError):
        key.open(commitment, renewed.seal(commitment, b"a value"))


async def test_nothing_on_disk_shows_a_value(backend: Backend, store: Store) -> None:
    lease = await owned(store, value={"patient": PATIENT})
    await write(store, step(lease, output={"patient": PATIENT}))
    on_disk = backend.on_disk()
    assert lease.stream in on_disk, "what is looked for can be found"
    assert PATIENT.encode() not in on_disk


async def test_a_value_is_stored_once_per_run_however_often_it_is_handed_over(store: Store) -> None:
    lease = await owned(store)
    first, again = step(lease, "a", output="the same"), step(lease, "b", output="the same")
    await write(store, first)
    commitment = first.payloads[0][0].hex()
    sealed = store.sealed(lease.run, commitment)
    await write(store, again)
    assert store.sealed(lease.run, commitment) == sealed, "encrypted anew it would differ"


async def test_values_of_one_commit_are_each_encrypted_under_a_nonce_of_their_own(
    backend: Backend, store: Store
) -> None:
    lease = await owned(store)
    drafts = [step(lease, f"step@{number}", output=number) for number in range(20)]
    await backend.together(store, *(appended(store, draft) for draft in drafts))
    references = [draft.payloads[0][0].hex() for draft in drafts]
    assert [decode(store.payload(lease.run, reference)) for reference in references] == list(range(20))
    assert len({store.sealed(lease.run, reference)[:12] for reference in references}) == 20


async def test_equal_values_of_two_runs_look_different(store: Store) -> None:
    one, two = await owned(store), await owned(store)
    assert keep(one, "the same")[0] != keep(two, "the same")[0]
    assert one.key.derive("purpose") != two.key.derive("purpose")


async def test_the_key_of_a_run_is_the_same_after_every_reading(store: Store) -> None:
    lease = await owned(store)
    assert store.key(lease.run).commit(b"x") == lease.key.commit(b"x")
    assert store.key(lease.run).derive("x") == lease.key.derive("x")


async def test_a_value_that_is_not_there_is_missed_by_name(store: Store) -> None:
    run = await begin(store)
    with pytest.raises(StoreError, match=f"value 000000000000 of run {run[-6:]} is not in the store"):
        store.payload(run, "0" * 64)
    with pytest.raises(NotFoundError):
        store.payload("nonsense", "0" * 64)


# -- keys ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> StreamKey:
    stream = bytes.fromhex(new_id())
    master = MasterKey(bytes(32))
    return master.new(stream)[1]


@given(secret=st.binary(min_size=32, max_size=32), data=st.binary(max_size=300))
def test_a_commitment_is_the_hmac_of_the_value(secret: bytes, data: bytes) -> None:
    key = hashlib.sha256(secret + b"ripieno commitment 1").digest()
    assert StreamKey(bytes(16), secret).commit(data) == hmac.digest(key, data, "sha256")


@given(data=st.binary(max_size=300))
def test_what_was_sealed_opens_again_and_never_looks_the_same_twice(key: StreamKey, data: bytes) -> None:
    commitment = key.commit(data)
    sealed = key.seal(commitment, data)
    assert key.open(commitment, sealed) == data
    assert key.seal(commitment, data) != sealed


@given(data=st.binary(max_size=60), at=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_of_a_sealed_value_is_noticed(key: StreamKey, data: bytes, at: int, bit: int) -> None:
    commitment = key.commit(data)
    sealed = bytearray(key.seal(commitment, data))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(StoreError, match="was changed in the store"):
        key.open(commitment, bytes(sealed))


def test_a_value_cut_short_or_put_in_anothers_place_is_noticed(key: StreamKey) -> None:
    commitment = key.commit(b"one")
    sealed = key.seal(commitment, b"one")
    for place, found in ((commitment, b""), (commitment, sealed[:20]), (key.commit(b"two"), sealed)):
        with pytest.raises(StoreError, match="was changed in the store"):
            key.open(place, found)


def test_a_value_sealed_under_a_commitment_that_is_not_its_own_is_noticed(key: StreamKey) -> None:
    commitment = key.commit(b"one")
    with pytest.raises(StoreError, match="does not match its commitment"):
        key.open(commitment, key.seal(commitment, b"two"))


def test_a_wrapped_key_opens_for_its_stream_and_under_its_master_key_alone() -> None:
    stream, master = bytes(16), MasterKey(bytes(32))
    wrapped, _ = master.new(stream)
    master.unwrap(stream, wrapped)
    for other, place, found in (
        (MasterKey(b"\1" * 32), stream, wrapped),
        (master, b"\1" * 16, wrapped),
        (master, stream, wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
        (master, stream, b""),
    ):
        with pytest.raises(StoreError, match="cannot be unwrapped"):
            other.unwrap(place, found)


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    wrapped, _ = MasterKey.at(path).new(bytes(16))
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    MasterKey.at(path).unwrap(bytes(16), wrapped)
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"], "no draft is left behind"


def test_a_key_file_that_another_process_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first, _ = MasterKey.at(path).new(bytes(16))
    make(path, bytes(32))
    MasterKey.at(path).unwrap(bytes(16), first)
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_file_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(bytes(size))
    with pytest.raises(StoreError, match=f"holds {size} bytes, expected 32") as raised:
        MasterKey.at(path)
    assert "backup" in str(raised.value)


def test_a_key_file_that_is_missing_is_not_made_by_who_only_reads(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(StoreError, match="cannot read the key file"):
        MasterKey.read(path)
    assert not path.exists()


def test_a_key_file_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot make the key file") as raised:
        MasterKey.at(tmp_path / "nowhere" / "master.key")
    assert "has to exist" in str(raised.value)
