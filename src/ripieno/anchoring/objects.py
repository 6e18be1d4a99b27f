"""Object storage, through boto3, which finds region and credentials by itself: one object per checkpoint."""

from __future__ import annotations

import importlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ripieno.anchoring.sink import Sink, SinkError, TakenError, stem
from ripieno.model.errors import SettingsError

__all__ = ["ObjectSink"]

SECONDS: Final = 5
"""For a connection, and for an answer; tried twice."""

LOCK: Final = re.compile(r"(governance|compliance):([1-9][0-9]{0,4})d")
THERE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class ObjectSink(Sink):
    """Objects named by the size of the log, under `s3://bucket/prefix`.

    With `?lock=compliance:365d` or `governance:365d` the bucket's object lock keeps each for that long.
    """

    def __init__(self, place: str) -> None:
        parts = urlsplit(place)
        asked = parse_qs(parts.query)
        lock = LOCK.fullmatch(asked.pop("lock", [""])[-1])
        if not parts.netloc or asked or (parts.query and lock is None):
            msg = f"checkpoint_sinks: expected s3://bucket/prefix?lock=compliance:365d, got {place!r}"
            raise SettingsError(msg, remedy="lock is governance or compliance, and a number of days")
        self._bucket = parts.netloc
        prefix = parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._lock = lock
        self.name = f"s3://{self._bucket}/{prefix}"

    def publish(self, size: int, note: str) -> None:
        """Put an object that must not be there yet."""
        key, client = self._prefix + stem(size), self._client()
        put: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "Body": note.encode(), "IfNoneMatch": "*"}
        if self._lock is not None:
            until = datetime.now(UTC) + timedelta(days=int(self._lock[2]))
            put |= {
                "ObjectLockMode": self._lock[1].upper(),
                "ObjectLockRetainUntilDate": until,
                "ChecksumAlgorithm": "SHA256",
            }
        try:
            self._try(lambda: client.put_object(**put))
        except TakenError:
            if self._read(client, key) != note:
                raise

    def newest(self, known: int) -> str | None:
        """List what is not smaller than what is known, and read the largest."""
        client = self._client()
        after = self._prefix + stem(max(known - 1, 0))
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, StartAfter=after
        )
        listed: list[Any] = self._try(lambda: list(pages))
        keys: list[str] = [one["Key"] for page in listed for one in page.get("Contents", ())]
        depth = self._prefix.count("/")
        own = [key for key in keys if key.endswith(".checkpoint") and key.count("/") == depth]
        return self._read(client, max(own)) if own else None

    def _read(self, client: Any, key: str) -> str:
        found: Any = self._try(lambda: client.get_object(Bucket=self._bucket, Key=key))
        body: bytes = self._try(found["Body"].read)
        return body.decode("utf-8", "replace")

    def _client(self) -> Any:
        try:
            aws: Any = importlib.import_module("boto3")
            core: Any = importlib.import_module("botocore.config")
        except ImportError as error:
            msg = f"{self.name}: boto3 is not installed"
            raise SinkError(msg, remedy="pip install 'ripieno[aws]'") from error
        settings = core.Config(
            connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2}
        )
        return self._try(lambda: aws.session.Session().client("s3", config=settings))

    def _try(self, act: Any) -> Any:
        errors: Any = importlib.import_module("botocore.exceptions")
        try:
            return act()
        except errors.ClientError as error:
            code: str = error.response.get("Error", {}).get("Code", "ClientError")
            if code in THERE:
                msg = f"{self.name}: has another checkpoint of this size"
                remedy = "compare both; each log needs a prefix of its own"
                raise TakenError(msg, remedy=remedy) from error
            msg = f"{self.name}: AWS says {code}"
            raise SinkError(
                msg, remedy="look at the bucket, the region, and the rights of this role"
            ) from error
        except errors.BotoCoreError as error:
            msg = f"{self.name}: AWS raised {type(error).__name__}"
            raise SinkError(msg, remedy="look at AWS_REGION and the credentials") from error
