"""Checkpoints in object storage: one object each, that is never written to again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ripieno.anchoring.buckets import Bucket, ThereError
from ripieno.anchoring.sink import SUFFIX, RememberingSink, TakenError, size_of, stem
from ripieno.model.errors import SettingsError

__all__ = ["ObjectSink"]

SECONDS: Final = 5
"""For a connection, and for an answer; tried twice."""

LOCK: Final = re.compile(r"(governance|compliance):([1-9][0-9]{0,4})d")


class ObjectSink(RememberingSink):
    """Objects named by the size of the log, under `s3://bucket/prefix`.

    With `?lock=compliance:365d` or `governance:365d` the bucket's object lock keeps each for that long.
    """

    def __init__(self, place: str) -> None:
        parts = urlsplit(place)
        asked = parse_qs(parts.query)
        lock = LOCK.fullmatch(asked.pop("lock", [""])[-1])
        try:
            self._bucket = Bucket(parts)
        except SettingsError as error:
            msg = f"checkpoint_sinks: {error.message}"
            raise SettingsError(msg, remedy=error.remedy) from error
        if asked or (parts.query and lock is None):
            msg = f"checkpoint_sinks: expected s3://bucket/prefix?lock=compliance:365d, got {place!r}"
            raise SettingsError(msg, remedy="lock is governance or compliance, and a number of days")
        self._prefix = self._bucket.prefix
        self._duties = f"{self._prefix}duties/"
        """Apart from checkpoints, which are many."""
        self._lock = lock
        self.name = self._bucket.name

    def publish(self, size: int, note: str) -> None:
        """Put an object that must not be there yet."""
        client = self._client()
        try:
            self._put(client, self._prefix + stem(size), note)
        except ThereError as error:
            if self._read(client, self._prefix + stem(size)) != note:
                msg = f"{self.name}: has another checkpoint of this size"
                raise TakenError(msg, remedy="compare both; each log needs a prefix of its own") from error

    def newest(self, known: int) -> str | None:
        """List what is not smaller than what is known, and read the largest."""
        client = self._client()
        keys = self._listed(client, self._prefix, self._prefix + stem(max(known - 1, 0)))
        own = [key for key in keys if key.endswith(SUFFIX)]
        return self._read(client, max(own)) if own else None

    def remember(self, name: str, note: str) -> None:
        """Put an object whose name follows from what it holds."""
        try:
            self._put(self._client(), self._duties + name, note)
        except ThereError:
            return

    def told(self) -> Sequence[str]:
        """List these objects."""
        names = [key.removeprefix(self._duties) for key in self._listed(self._client(), self._duties, "")]
        return sorted(name for name in names if size_of(name))

    def remembered(self, name: str) -> str:
        """Read one of them."""
        return self._read(self._client(), self._duties + name)

    def _put(self, client: Any, key: str, note: str) -> None:
        put: dict[str, Any] = {
            "Bucket": self._bucket.bucket,
            "Key": key,
            "Body": note.encode(),
            "IfNoneMatch": "*",
        }
        if self._lock is not None:
            until = datetime.now(UTC) + timedelta(days=int(self._lock[2]))
            put |= {
                "ObjectLockMode": self._lock[1].upper(),
                "ObjectLockRetainUntilDate": until,
                "ChecksumAlgorithm": "SHA256",
            }
        self._bucket.attempt(lambda: client.put_object(**put))

    def _listed(self, client: Any, prefix: str, after: str) -> list[str]:
        """Give the keys of the objects right under a prefix."""
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.bucket, Prefix=prefix, StartAfter=after, Delimiter="/"
        )
        listed: list[Any] = self._bucket.attempt(lambda: list(pages))
        return [one["Key"] for page in listed for one in page.get("Contents", ())]

    def _read(self, client: Any, key: str) -> str:
        found: Any = self._bucket.attempt(lambda: client.get_object(Bucket=self._bucket.bucket, Key=key))
        body: bytes = self._bucket.attempt(found["Body"].read)
        return body.decode("utf-8", "replace")

    def _client(self) -> Any:
        return self._bucket.client(seconds=SECONDS, attempts=2)
