"""Backups in object storage: the same files as in a folder, and the manifest last, which makes them a backup.

A backup is made beside the data folder, verified there, sent in parts and read back; one that is put back
is fetched beside it. Memory stays the same whatever its size.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import importlib
import os
import secrets
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ripieno.anchoring.backup import BLOCK_BYTES, back_up, write
from ripieno.anchoring.buckets import Bucket, ThereError
from ripieno.anchoring.manifest import ANOTHER, MANIFEST, BackupError, Manifest, Stored
from ripieno.anchoring.sink import SinkError
from ripieno.journal.signing import PUBLIC_KEY
from ripieno.model.errors import SettingsError
from ripieno.proof.notes import NoteError, Verifier

__all__ = ["back_up_to_objects", "fetched", "is_object"]

SCHEME: Final = "s3://"
LOCK: Final = "lock"
"""In a folder that a living process uses, held by it."""

SECONDS: Final = 60
"""For a connection, and for an answer."""
ATTEMPTS: Final = 5
PART_BYTES: Final = 16 << 20
AT_ONCE: Final = 4
"""So many parts of that size are in memory."""
LARGEST: Final = 1_000_000
"""Bytes of a manifest."""
FILES: Final = "files"
"""The mark on a manifest that names the folder of its files: each attempt has one of its own."""


def is_object(place: str) -> bool:
    """Tell whether a place is in object storage."""
    return place.startswith(SCHEME)


def back_up_to_objects(home: Path, place: str, **options: Any) -> Manifest:
    """Back a data folder up under `s3://bucket/prefix`, where none is yet; options as `back_up` has them.

    Takes the thread that calls it. Raises `BackupError`; nothing is there then that could be taken for a
    backup. What a killed process left lies in a folder that no manifest names.
    """
    with place_at(place) as bucket, staging(home, "backup") as folder:
        client = bucket.client(seconds=SECONDS, attempts=ATTEMPTS)
        if manifest_in(bucket, client) is not None:
            raise there(bucket)
        draft = folder / "backup"
        manifest = back_up(home, draft, **options)
        token = secrets.token_hex(8)
        sent: list[str] = []
        try:
            for name, stored in manifest.files.items():
                key = f"{bucket.prefix}{token}/{name}"
                sent.append(key)
                bucket.attempt(lambda key=key, name=name: upload(client, draft / name, bucket.bucket, key))
                check_sent(bucket, client, key, stored)
            note = (draft / MANIFEST).read_bytes()
            put = {"Bucket": bucket.bucket, "Key": bucket.prefix + MANIFEST, "IfNoneMatch": "*"}
            bucket.attempt(lambda: client.put_object(**put, Body=note, Metadata={FILES: token}))
        except ThereError as error:
            removed(bucket, client, sent)
            raise there(bucket) from error
        except BaseException:
            removed(bucket, client, sent)
            raise
    return manifest


@contextmanager
def fetched(place: str, beside: Path) -> Generator[Path]:
    """Fetch a backup into a folder beside another, which is there until the block is left.

    What is fetched is compared with the manifest, and the manifest with the key in it, before it is used.
    """
    with place_at(place) as bucket, staging(beside, "fetched") as folder:
        client = bucket.client(seconds=SECONDS, attempts=ATTEMPTS)
        found = manifest_in(bucket, client)
        if found is None:
            msg = f"{bucket.name} is no backup: it has no manifest"
            raise BackupError(msg, remedy="name the place that ripieno backup has written")
        note, token = found
        prefix = f"{bucket.prefix}{token}/"
        key = fetch(bucket, client, f"{prefix}{PUBLIC_KEY}", LARGEST)
        files = files_of(bucket, note, key)
        write(folder / MANIFEST, note)
        for name in files:
            if name != Path(name).name:
                msg = f"{bucket.name}: its manifest names {name!r}, which is no file in it"
                raise BackupError(msg, remedy=ANOTHER)
            bucket.attempt(lambda name=name: download(client, bucket.bucket, prefix + name, folder / name))
            (folder / name).chmod(0o600)
        yield folder


def files_of(bucket: Bucket, note: bytes, key: bytes) -> Mapping[str, Stored]:
    """Give the files that a manifest names, which the key beside it has signed."""
    try:
        return Manifest.opened(note.decode(), Verifier.read(key.decode())).files
    except (UnicodeError, NoteError) as error:
        msg = f"{bucket.name}: its manifest or its public key cannot be read: {error}"
        raise BackupError(msg, remedy=ANOTHER) from error
    except BackupError as error:
        msg = f"{bucket.name}: {error.message}"
        raise BackupError(msg, remedy=error.remedy) from error


# -- one object ------------------------------------------------------------------------------------------


def manifest_in(bucket: Bucket, client: Any) -> tuple[bytes, str] | None:
    """Give the manifest and where its files are; None where there is none."""
    listed = bucket.attempt(
        lambda: client.list_objects_v2(Bucket=bucket.bucket, Prefix=bucket.prefix + MANIFEST, MaxKeys=1)
    )
    if not any(one["Key"] == bucket.prefix + MANIFEST for one in listed.get("Contents", ())):
        return None
    found = bucket.attempt(lambda: client.get_object(Bucket=bucket.bucket, Key=bucket.prefix + MANIFEST))
    note = bucket.attempt(lambda: found["Body"].read(LARGEST + 1))
    token = str(found.get("Metadata", {}).get(FILES, ""))
    if len(note) > LARGEST or not token.isalnum():
        msg = f"{bucket.name} is no backup: what is called manifest there is none"
        raise BackupError(msg, remedy="name the place that ripieno backup has written")
    return note, token


def fetch(bucket: Bucket, client: Any, key: str, most: int) -> bytes:
    """Read a small object."""
    found = bucket.attempt(lambda: client.get_object(Bucket=bucket.bucket, Key=key))
    return bucket.attempt(lambda: found["Body"].read(most))


def digested(bucket: Bucket, client: Any, key: str) -> Stored:
    """Read an object back in blocks, and give what it is."""
    found = bucket.attempt(lambda: client.get_object(Bucket=bucket.bucket, Key=key))
    hashed, size = hashlib.sha256(), 0
    blocks: Iterator[bytes] = found["Body"].iter_chunks(BLOCK_BYTES)
    while block := bucket.attempt(lambda: next(blocks, b"")):
        hashed.update(block)
        size += len(block)
    return Stored(size, hashed.hexdigest())


def upload(client: Any, file: Path, bucket: str, key: str) -> None:
    """Send a file in parts, each checked by the other side."""
    extra = {"ChecksumAlgorithm": "SHA256"}
    client.upload_file(str(file), bucket, key, ExtraArgs=extra, Config=transfer())


def download(client: Any, bucket: str, key: str, file: Path) -> None:
    """Fetch a file in parts; one that breaks off is asked for again."""
    client.download_file(bucket, key, str(file), Config=transfer())


def check_sent(bucket: Bucket, client: Any, key: str, stored: Stored) -> None:
    """Raise `BackupError` where an object is not what was sent."""
    if digested(bucket, client, key) != stored:
        msg = f"{bucket.name}: {key.rpartition('/')[2]} is not there as it was sent"
        raise BackupError(msg, remedy="try again; nothing was left of it")


def transfer() -> Any:
    """Give how much is sent and fetched at a time."""
    kinds: Any = importlib.import_module("boto3.s3.transfer")
    return kinds.TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=AT_ONCE
    )


def removed(bucket: Bucket, client: Any, keys: list[str]) -> None:
    """Take away what was sent, as far as the place lets us."""
    for key in keys:
        with contextlib.suppress(SinkError):
            bucket.attempt(lambda key=key: client.delete_object(Bucket=bucket.bucket, Key=key))


def there(bucket: Bucket) -> BackupError:
    """Give the error for a place that has a backup."""
    msg = f"{bucket.name} has a backup already"
    return BackupError(msg, remedy="a backup is written to a place of its own: name one that has none")


# -- where -----------------------------------------------------------------------------------------------


@contextmanager
def place_at(place: str) -> Generator[Bucket]:
    """Give the place that an address names; what it says within the block is a `BackupError`."""
    parts = urlsplit(place)
    try:
        bucket = Bucket(parts)
        if parts.query or parts.fragment or not bucket.prefix:
            msg = f"expected s3://bucket/prefix, got {bucket.name}"
            raise BackupError(msg, remedy="name a prefix of its own for each backup, and no options")
        yield bucket
    except SettingsError as error:
        raise BackupError(error.message, remedy=error.remedy) from error
    except SinkError as error:
        raise BackupError(error.message, remedy=error.remedy) from error
    except OSError as error:
        named = place.partition("?")[0].rpartition("@")[2]
        msg = f"cannot send or fetch the backup of {named}: {error.strerror}"
        raise BackupError(msg, remedy="see to space and rights beside the data folder") from error


@contextmanager
def staging(home: Path, what: str) -> Generator[Path]:
    """Give a folder beside the data folder, which is gone at the end.

    What a process that was killed has left there holds values, and keys: the next one takes it away.
    """
    place = home.absolute()
    for left in place.parent.glob(f".{glob.escape(place.name)}.{what}-*"):
        remove_left(left)
    folder = place.with_name(f".{place.name}.{what}-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_left(folder: Path) -> None:
    """Take away a folder that nobody uses any more; one that is just being made has no lock yet."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
