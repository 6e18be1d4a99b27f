"""A backup in object storage is whole or not one, comes back as it was sent, and shows no credential."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.anchoring.support.object_store import BUCKET, SECRET, ObjectStore, serving
from tests.journal.support.sample import write_sample

from ripieno.anchoring.backup import check
from ripieno.anchoring.manifest import BackupError
from ripieno.anchoring.object_backups import back_up_to_objects, fetched
from ripieno.anchoring.restore import restore
from ripieno.anchoring.rounds import Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.anchoring.sink import RememberingSink, TakenError, sink_at
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify

PLACE = f"s3://{BUCKET}/monday"


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with serving() as store:
        yield store


@pytest.fixture
def objects(server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.asked.clear()
    yield server
    server.refuse = server.cut = lambda method, path: False  # noqa: ARG005 - nothing more
    for key in server.listed():
        server.client().delete_object(Bucket=BUCKET, Key=key)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    asyncio.run(write_sample(folder))
    Rounds(folder, Anchoring()).turn(5)
    return folder


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.usefixtures("objects")
def test_it_comes_back_as_it_was_sent(home: Path, tmp_path: Path) -> None:
    made = back_up_to_objects(home, PLACE, with_keys=True)
    with fetched(PLACE, tmp_path / "new") as folder:
        assert check(folder) == made
        done = restore(folder, tmp_path / "new", by="person:op")
    assert done.restore.size == made.events
    with SqliteAudit(tmp_path / "new") as log:
        assert verify(log).sound
    assert left(tmp_path) == ["home", "new"], "nothing is left beside them"


@pytest.mark.usefixtures("objects")
def test_a_place_that_has_one_is_left_alone(home: Path, tmp_path: Path) -> None:
    made = back_up_to_objects(home, PLACE)
    with pytest.raises(BackupError, match="has a backup already"):
        back_up_to_objects(home, PLACE)
    with fetched(PLACE, tmp_path / "new") as folder:
        assert check(folder) == made


def test_of_two_at_once_one_is_there_and_the_other_leaves_nothing(home: Path, objects: ObjectStore) -> None:
    """The other puts its manifest while ours is under way."""
    done: list[str] = []

    def between(method: str, path: str) -> bool:
        if (method, path) == ("PUT", f"/{BUCKET}/monday/manifest") and not done:
            done.append(path)
            back_up_to_objects(home, PLACE)
        return False

    objects.refuse = between
    with pytest.raises(BackupError, match="has a backup already"):
        back_up_to_objects(home, PLACE)
    assert len(objects.listed()) == 3, "public key, journal and manifest of the one"


@pytest.mark.parametrize("what", ["journal.sqlite", "manifest"])
def test_what_breaks_off_is_no_backup_and_leaves_nothing(
    home: Path, tmp_path: Path, objects: ObjectStore, what: str
) -> None:
    objects.refuse = lambda method, path: method == "PUT" and path.endswith(what)
    with pytest.raises(BackupError, match=f"s3://{BUCKET}/monday: AWS"):
        back_up_to_objects(home, PLACE)
    assert objects.listed() == []
    assert left(tmp_path) == ["home"]
    with pytest.raises(BackupError, match="is no backup: it has no manifest"), fetched(PLACE, home):
        pass
    objects.refuse = lambda method, path: False  # noqa: ARG005 - it is there again
    back_up_to_objects(home, PLACE)


def test_a_part_that_breaks_off_is_asked_for_again(home: Path, tmp_path: Path, objects: ObjectStore) -> None:
    made = back_up_to_objects(home, PLACE)
    cut: list[str] = []

    def once(method: str, path: str) -> bool:
        if method == "GET" and path.endswith("journal.sqlite") and len(cut) < 2:
            cut.append(path)
            return True
        return False

    objects.cut = once
    with fetched(PLACE, tmp_path / "new") as folder:
        assert check(folder) == made
    assert len(cut) == 2
    objects.cut = lambda method, path: path.endswith("journal.sqlite")  # noqa: ARG005 - always
    with pytest.raises(BackupError, match=f"s3://{BUCKET}/monday: AWS"), fetched(PLACE, tmp_path / "new"):
        pass
    assert left(tmp_path) == ["home"]


def test_what_was_changed_there_is_refused(home: Path, tmp_path: Path, objects: ObjectStore) -> None:
    back_up_to_objects(home, PLACE, with_keys=True)
    client = objects.client()
    (journal,) = [key for key in objects.listed() if key.endswith("journal.sqlite")]
    whole = client.get_object(Bucket=BUCKET, Key=journal)["Body"].read()
    client.put_object(Bucket=BUCKET, Key=journal, Body=whole[:-1] + b"x")
    with (
        fetched(PLACE, tmp_path / "new") as folder,
        pytest.raises(BackupError, match="was damaged or changed"),
    ):
        restore(folder, tmp_path / "new", by="person:op")
    client.delete_object(Bucket=BUCKET, Key=journal)
    with pytest.raises(BackupError, match="AWS says 404"), fetched(PLACE, tmp_path / "new"):
        pass
    assert left(tmp_path) == ["home"]


@pytest.mark.parametrize(
    ("metadata", "note", "said"),
    [
        ({"files": "../elsewhere"}, None, "what is called manifest there is none"),
        ({}, None, "what is called manifest there is none"),
        (None, b"x" * 1_000_001, "what is called manifest there is none"),
        (None, b"nothing signed", "does not begin with"),
        (None, b"\xff", "cannot be read"),
    ],
)
def test_what_is_no_manifest_is_refused(
    home: Path,
    objects: ObjectStore,
    metadata: dict[str, str] | None,
    note: bytes | None,
    said: str,
) -> None:
    back_up_to_objects(home, PLACE)
    client, key = objects.client(), "monday/manifest"
    was = client.get_object(Bucket=BUCKET, Key=key)
    client.put_object(
        Bucket=BUCKET,
        Key=key,
        Body=was["Body"].read() if note is None else note,
        Metadata=was["Metadata"] if metadata is None else metadata,
    )
    with pytest.raises(BackupError, match=said), fetched(PLACE, home):
        pass


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s3://", "expected s3://bucket/prefix"),
        (f"s3://{BUCKET}", "expected s3://bucket/prefix"),
        (f"s3://{BUCKET}/a?lock=compliance:3d", "expected s3://bucket/prefix"),
        (f"s3://AKIATESTCANARY:{SECRET}@{BUCKET}/a", "credentials come from"),
        ("s3://nowhere/a", "AWS says NoSuchBucket"),
    ],
)
@pytest.mark.usefixtures("objects")
def test_a_place_that_cannot_be_is_refused_and_no_credential_shown(
    home: Path, tmp_path: Path, place: str, said: str
) -> None:
    with pytest.raises(BackupError) as told:
        back_up_to_objects(home, place)
    assert said in f"{told.value.message} {told.value.remedy}"
    assert SECRET not in f"{told.value} {told.value.remedy}"
    assert left(tmp_path) == ["home"]


def test_what_the_place_keeps_is_read_back(home: Path, objects: ObjectStore) -> None:
    """One that takes what it is sent and gives something else is not believed."""
    objects.cut = lambda method, path: method == "GET" and path.endswith("journal.sqlite")
    with pytest.raises(BackupError):
        back_up_to_objects(home, PLACE)
    objects.cut = lambda method, path: False  # noqa: ARG005 - nothing more
    assert objects.listed() == []


@pytest.mark.usefixtures("objects")
def test_memory_does_not_grow_with_what_is_sent(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        for number in range(112):
            file.write(bytes([number]) * (1 << 20))
    script = (
        "import sys, resource; from urllib.parse import urlsplit;"
        "from ripieno.anchoring.buckets import Bucket;"
        "from ripieno.anchoring.object_backups import upload, digested, download;"
        "from pathlib import Path;"
        "b = Bucket(urlsplit(sys.argv[1])); c = b.client(seconds=60, attempts=3);"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = peak();"
        "upload(c, Path(sys.argv[2]), b.bucket, 'monday/large'); d = digested(b, c, 'monday/large');"
        "download(c, b.bucket, 'monday/large', Path(sys.argv[2] + '.back'));"
        "print(d.bytes, peak() - before)"
    )
    command = [sys.executable, "-c", script, PLACE, str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    size, more = map(int, done.stdout.split())
    assert size == 112 << 20
    assert (tmp_path / "large.back").read_bytes() == large.read_bytes()
    assert more < 90_000, "KiB: four parts, and what boto3 loads for them"


def test_a_sink_there_keeps_duties_apart_from_checkpoints(objects: ObjectStore) -> None:
    sink = sink_at(f"s3://{BUCKET}/proofs")
    assert isinstance(sink, RememberingSink)
    assert (sink.told(), sink.newest(0)) == ([], None)
    name = "0000000000000007.0123456789ab.duties"
    for _ in range(2):
        sink.remember(name, "note\n")
    sink.publish(3, "checkpoint\n")
    objects.client().put_object(Bucket=BUCKET, Key="proofs/duties/other", Body=b"no such name")
    assert (sink.told(), sink.remembered(name), sink.newest(0)) == ([name], "note\n", "checkpoint\n")
    with pytest.raises(TakenError):
        sink.publish(3, "another\n")


def test_whoever_is_killed_while_sending_leaves_no_backup_and_the_next_takes_away_what_lies_here(
    home: Path, tmp_path: Path, objects: ObjectStore
) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from ripieno.anchoring.object_backups import back_up_to_objects;"
        "back_up_to_objects(Path(sys.argv[1]), sys.argv[2], with_keys=True)"
    )
    for last in ("checkpoint.key", "journal.sqlite", "master.key", "manifest"):
        child: list[subprocess.Popen[bytes]] = []

        def kill(method: str, path: str, last: str = last, child: list[Any] = child) -> bool:
            if method == "PUT" and path.endswith(last):
                child[0].kill()
                return True
            return False

        objects.refuse = kill
        child.append(subprocess.Popen([sys.executable, "-c", script, str(home), PLACE]))  # noqa: S603 - ours
        assert child[0].wait() == -9
        (left_over,) = tmp_path.glob(".home.backup-*")
        assert (left_over / "backup" / "master.key").exists()
        objects.refuse = lambda method, path: False  # noqa: ARG005 - nothing more
        with pytest.raises(BackupError, match="is no backup"), fetched(PLACE, home):
            pass
        with pytest.raises(BackupError, match="nowhere"):
            back_up_to_objects(home, "s3://nowhere/a")
        assert left(tmp_path) == ["home"], "it is taken away"


@pytest.mark.usefixtures("objects")
def test_what_another_process_is_at_is_left_alone(home: Path, tmp_path: Path) -> None:
    back_up_to_objects(home, PLACE)
    with fetched(PLACE, tmp_path / "new") as one, fetched(PLACE, tmp_path / "new") as two:
        assert check(one) == check(two)
    (tmp_path / ".home.backup-begun").mkdir()
    with pytest.raises(BackupError, match="has a backup already"):
        back_up_to_objects(home, PLACE)
    assert left(tmp_path) == [".home.backup-begun", "home"], "it has no lock yet"
