"""Checkpoints in object storage: put once, kept by its lock, compared with the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
from moto import mock_aws

from ripieno.anchoring.objects import ObjectSink
from ripieno.anchoring.sink import SinkError, TakenError


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made: Any = boto3
        client = made.client("s3")
        client.create_bucket(Bucket="proofs", ObjectLockEnabledForBucket=True)
        yield client


def test_checkpoints_are_put_once_and_the_newest_is_found(s3: Any) -> None:
    sink = ObjectSink("s3://proofs/a/b")
    assert sink.newest(0) is None
    for size in (3, 20, 100):
        sink.publish(size, f"note {size}\n")
    sink.publish(20, "note 20\n")
    assert sink.newest(0) == sink.newest(100) == "note 100\n"
    assert sink.newest(101) is None
    s3.put_object(Bucket="proofs", Key="a/b/z/9999999999999999.checkpoint", Body=b"another log's")
    assert sink.newest(0) == "note 100\n"
    with pytest.raises(TakenError, match="has another checkpoint"):
        sink.publish(20, "another\n")
    assert sink.newest(0) == "note 100\n"


def test_the_lock_is_set_where_it_is_asked_for(s3: Any) -> None:
    ObjectSink("s3://proofs/a?lock=compliance:30d").publish(3, "note\n")
    found = s3.head_object(Bucket="proofs", Key="a/0000000000000003.checkpoint")
    assert found["ObjectLockMode"] == "COMPLIANCE"
    kept = found["ObjectLockRetainUntilDate"] - found["LastModified"]
    assert 29 < kept.total_seconds() / 86_400 < 31


def test_a_bucket_that_is_not_there_is_told(s3: Any) -> None:
    del s3
    sink = ObjectSink("s3://nowhere/a")
    with pytest.raises(SinkError, match="AWS says NoSuchBucket"):
        sink.publish(3, "note\n")
    with pytest.raises(SinkError, match="AWS says NoSuchBucket"):
        sink.newest(0)


def test_no_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(SinkError, match="AWS raised NoCredentialsError"):
        ObjectSink("s3://proofs/a").publish(3, "note\n")
