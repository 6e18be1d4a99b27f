"""The master key lies nowhere in clear when a key service keeps it; nothing starts without the service."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from ripieno.journal.key_services import AwsKms, opened, sealed, service_named
from ripieno.journal.keys import MasterKey, UnknownMasterError
from ripieno.journal.master_file import draw, keeper, put
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import StoreError

STREAM: Final = bytes(16)


async def test_a_new_folder_has_its_master_key_kept_by_the_service_that_is_set(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIPIENO_KEY_SERVICE", service)
    store = SqliteStore(tmp_path)
    await store.open()
    await store.record("default", "emergency", {}, reason="a value")
    await store.close()
    file = tmp_path / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = json.loads(file.read_bytes().partition(b"\n")[2])
    assert (said["service"], said["context"]["application"]) == (service, "ripieno")
    monkeypatch.setenv("RIPIENO_KEY_SERVICE", "file")  # the file says who keeps it
    again = SqliteStore(tmp_path)
    await again.open()
    try:
        stream = await again.tenant_stream("default")
        event = (await again.events(stream))[-1]
        assert again.reason_of("default", event.body["reason"]) == "a value"
    finally:
        await again.close()


def test_what_stood_in_the_file_is_overwritten_where_it_stood(tmp_path: Path, service: str) -> None:
    file = tmp_path / "master.key"
    MasterKey.at(file)
    descriptor = os.open(file, os.O_RDONLY)  # as whoever reads the disk itself
    name, data = draw(service_named(service))
    put(file, {name.hex(): data})
    assert os.read(descriptor, 100) == bytes(32)
    os.close(descriptor)
    assert MasterKey.read(file).id == name
    assert (keeper(data), keeper(bytes(32))) == (service, "file")


def test_two_keys_in_a_file_are_both_known_and_the_older_one_wraps_until_another_is_chosen(
    tmp_path: Path,
) -> None:
    file = tmp_path / "master.key"
    first = MasterKey.at(file)
    name, data = draw(None)
    put(file, {first.id.hex(): file.read_bytes(), name.hex(): data})
    both = MasterKey.read(file)
    assert both.id == first.id
    both.choose(name)
    wrapped, key = both.new(STREAM)
    with pytest.raises(UnknownMasterError, match=f"the master key {name.hex()} is not in"):
        first.unwrap(STREAM, wrapped)
    assert first.reach(STREAM, wrapped).commit(b"x") == key.commit(b"x")
    with pytest.raises(UnknownMasterError, match="is not in memory"):
        MasterKey(bytes(32)).reach(STREAM, wrapped)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write the key file"):
        put(tmp_path / "master.key", {"": b""})


def test_nothing_starts_without_the_service(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MasterKey.at(tmp_path / "master.key", service_named(service))
    (tmp_path / "journal.sqlite").touch()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # where there is no such key
    with pytest.raises(StoreError, match="refuses to decrypt it: AWS says NotFoundException"):
        SqliteStore(tmp_path)


def test_a_service_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(StoreError, match="awskms:x cannot be asked: NoRegionError"):
        AwsKms("x").wrap(b"", {})


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(StoreError, match="boto3 is not installed") as caught:
        AwsKms("x").wrap(b"", {})
    assert "ripieno[aws]" in str(caught.value)


@pytest.mark.parametrize("change", ["context", "wrapped", "service", "json"])
def test_a_file_that_was_changed_gives_no_key(service: str, change: str) -> None:
    mark, _, text = sealed(bytes(32), service_named(service)).partition(b"\n")
    said = json.loads(text)
    if change == "context":
        said["context"]["folder"] = "another"
    elif change == "wrapped":
        said["wrapped"] = "no base64!"
    elif change == "service":
        said["service"] = "nobody:x"
    data = b"{" if change == "json" else json.dumps(said).encode()
    with pytest.raises(StoreError, match=r"was changed|refuses to decrypt"):
        opened(mark + b"\n" + data)


def test_a_service_that_gives_something_else_back_keeps_nothing(service: str) -> None:
    class Forgetful(AwsKms):
        def wrap(self, key: bytes, context: Any) -> bytes:
            return super().wrap(bytes(len(key)), context)

    with pytest.raises(StoreError, match="gives another key back"):
        draw(Forgetful(service.partition(":")[2]))
