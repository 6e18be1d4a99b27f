"""Others are told of every event at least once, in order, in forms that they know, and of no value."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator, FormatChecker
from tests.anchoring.support.every_kind import KEPT, write_every_kind
from tests.journal.support.writing import begin, until

from kernel.support.crash import calls_of
from ripieno.anchoring.feeds import Feeds
from ripieno.anchoring.receivers import receiver_at
from ripieno.anchoring.serving import anchored
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.feeding import Feeding
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.model.errors import SettingsError

ORIGIN = "example.com/log"

CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri", "minLength": 1},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "data": {},
    },
    "patternProperties": {"^[a-z0-9]{1,20}$": {}},
    "additionalProperties": False,
}
"""What CloudEvents 1.0.2 asks of its JSON format: required attributes, and how extensions are named."""

API_ACTIVITY: dict[str, Any] = {
    "type": "object",
    "required": [
        *("activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id"),
        *("src_endpoint", "time", "type_uid"),
    ],
    "properties": {
        "activity_id": {"enum": [1, 2, 3, 4, 99]},
        "actor": {"type": "object", "minProperties": 1},
        "api": {"type": "object", "required": ["operation"]},
        "category_uid": {"const": 6},
        "class_uid": {"const": 6003},
        "metadata": {
            "type": "object",
            "required": ["product", "version"],
            "properties": {"product": {"type": "object", "required": ["name", "vendor_name"]}},
        },
        "severity_id": {"enum": [1, 2, 3, 4, 5, 6]},
        "src_endpoint": {"type": "object", "required": ["svc_name"]},
        "status_id": {"enum": [1, 2]},
        "time": {"type": "integer"},
        "type_uid": {"type": "integer", "minimum": 600301, "maximum": 600399},
    },
}
"""What OCSF 1.3 requires of API Activity."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    asyncio.run(write_every_kind(home))
    return home


@pytest.fixture
def home(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "home")
    return tmp_path / "home"


def ids(home: Path) -> list[str]:
    with Extract(SqliteSnapshot(home)) as log:
        return [f"{event.stream}/{event.seq}" for event in log.in_order()]


def told(home: Path, place: str) -> dict[str, str]:
    done = Feeds(home, [place], ORIGIN).turn()
    assert done is not None
    return done.failures


def in_file(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


# -- what is told ---------------------------------------------------------------------------------------


def test_every_kind_of_event_is_a_cloud_event_with_an_api_activity(home: Path, tmp_path: Path) -> None:
    assert told(home, f"file:{tmp_path / 'out'}") == {}
    events = in_file(tmp_path / "out")
    assert [event["id"] for event in events] == ids(home)
    envelope: Any = Draft202012Validator(CLOUD_EVENT, format_checker=FormatChecker())
    data: Any = Draft202012Validator(API_ACTIVITY)
    tenants: dict[str, str] = {}
    for event in events:
        envelope.validate(event)
        data.validate(event["data"])
        assert event["data"]["type_uid"] == 600300 + event["data"]["activity_id"]
        written_as = event["data"]["unmapped"]["envelope"]
        said = written_as["body"]
        if written_as["seq"] == 1:  # whose stream it is
            tenants[written_as["stream"]] = said["name"] if "name" in said else said["tenant"]
        assert event["data"]["metadata"]["tenant_uid"] == tenants[written_as["stream"]]
    assert set(tenants.values()) == {"default", "gone", "*"}
    by_kind = {event["type"]: event["data"] for event in events}
    assert by_kind["ripieno.data.read"]["activity_name"] == "Read"
    assert by_kind["ripieno.key.revoked"]["activity_name"] == "Delete"
    assert by_kind["ripieno.segment"]["activity_name"] == "segment"
    assert by_kind["ripieno.act.denied"]["status_id"] == 2
    assert by_kind["ripieno.emergency"]["actor"] == {"user": {"name": "person:ada", "uid": "person:ada"}}


def test_no_value_is_told(home: Path, tmp_path: Path) -> None:
    told(home, f"file:{tmp_path / 'out'}")
    assert KEPT not in (tmp_path / "out").read_text("ascii")


def test_an_event_that_cannot_be_read_any_more_is_told_as_such(home: Path, tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - here alone
    from contextlib import closing  # noqa: PLC0415 - here alone

    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET envelope = x'00' WHERE position = 3")
    told(home, f"file:{tmp_path / 'out'}")
    event = in_file(tmp_path / "out")[2]
    envelope: Any = Draft202012Validator(CLOUD_EVENT)
    envelope.validate(event)
    assert event["type"] == "ripieno.unreadable"


# -- at least once, in order ------------------------------------------------------------------------------


@pytest.mark.parametrize("batches", [0, 1, 4])
def test_whoever_is_killed_events_are_told_again_from_where_they_were_kept(
    home: Path, tmp_path: Path, batches: int
) -> None:
    place = f"file:{tmp_path / 'out'}"
    with calls_of("anchoring.support.feeding_child:told") as calls:
        assert calls.call(str(home), place, batches) == signal.SIGKILL
    with (tmp_path / "out").open("ab") as file:
        file.write(b'{"torn": ')
    assert told(home, place) == {}
    lines = (tmp_path / "out").read_text("ascii").splitlines()
    events = [json.loads(line) for line in lines if line != '{"torn": ']
    found = [event["id"] for event in events]
    assert list(dict.fromkeys(found)) == ids(home)
    assert len(found) == len(ids(home)) + 7
    assert found[(batches + 1) * 7 :] == ids(home)[batches * 7 :]


def test_nothing_is_told_twice_without_need_and_one_tells_at_a_time(home: Path, tmp_path: Path) -> None:
    feeds = Feeds(home, [f"file:{tmp_path / 'out'}"], ORIGIN)
    with Feeding(home) as other:
        assert other.elect()
        assert feeds.turn() is None
    for _ in range(3):
        assert feeds.turn() is not None
    assert len(in_file(tmp_path / "out")) == len(ids(home))
    assert Feeds(home, []).turn() is not None


def test_who_cannot_be_told_is_known_and_the_others_are_told(home: Path, tmp_path: Path) -> None:
    place, other = f"file:{tmp_path / 'no' / 'out'}", f"file:{tmp_path / 'out'}"
    feeds = Feeds(home, [place, other], ORIGIN)
    for _ in range(2):
        done = feeds.turn()
        assert done is not None
        assert list(done.failures) == [place]
    with Feeding(home) as feeding:
        cursors = feeding.cursors()
    assert (cursors[place].position, cursors[place].failed_at is not None) == (0, True)
    assert (cursors[other].position, cursors[other].failed_at) == (len(ids(home)), None)
    (tmp_path / "no").mkdir()
    done = feeds.turn()
    assert done is not None
    assert done.failures == {}
    assert [event["id"] for event in in_file(tmp_path / "no" / "out")] == ids(home)


async def test_while_something_serves_others_are_told_soon(home: Path, tmp_path: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    out = tmp_path / "out"
    before = len(ids(home))

    async def heard(events: int) -> bool | None:
        return (out.exists() and len(in_file(out)) >= events) or None

    async with anchored(store, Anchoring(0.05, ORIGIN, (), (f"file:{out}",))):
        await until(lambda: heard(before))
        await begin(store, own=False)
        await until(lambda: heard(before + 1))
        await begin(store, own=False)
    await store.close()
    assert len(in_file(out)) == before + 2


# -- over the network -------------------------------------------------------------------------------------


@pytest.mark.parametrize("refuses", [0, 2])
def test_batches_are_posted_until_they_were_taken(home: Path, refuses: int) -> None:
    taken: list[Any] = []
    left = [refuses]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            left[0] -= 1
            if left[0] < 0:
                assert self.headers["content-type"] == "application/cloudevents-batch+json"
                taken.extend(body)
            self.send_response(500 if left[0] >= 0 else 202)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's own name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        place = f"http://user:xyzzy@127.0.0.1:{server.server_port}/events"
        for _ in range(refuses):
            ((name, problem),) = told(home, place).items()
            assert "xyzzy" not in name
            assert problem == f"{name}: answers 500"
        assert told(home, place) == {}
        server.shutdown()
        thread.join()
    assert [event["id"] for event in taken] == ids(home)
    assert "ConnectError" in str(told_later(home, place))


def told_later(home: Path, place: str) -> dict[str, str]:
    async def more() -> None:
        store = SqliteStore(home)
        await store.open()
        await begin(store, own=False)
        await store.close()

    asyncio.run(more())
    return told(home, place)


@contextmanager
def collector(
    serve: Callable[[socket.socket, list[bytes]], None], *, wrap: ssl.SSLContext | None = None
) -> Generator[tuple[int, list[bytes]]]:
    """Take connections one after the other until the block is left."""
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if wrap is None:
                        serve(connection, taken)
                        continue
                    with wrap.wrap_socket(connection, server_side=True) as secure:
                        serve(secure, taken)

        thread = Thread(target=work)
        thread.start()
        yield server.getsockname()[1], taken
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def read_all(connection: socket.socket, taken: list[bytes]) -> None:
    taken.append(b"".join(iter(lambda: connection.recv(65_536), b"")))


def messages(data: bytes) -> list[bytes]:
    """Take messages apart that are counted in octets."""
    found: list[bytes] = []
    while data:
        length, _, data = data.partition(b" ")
        found.append(data[: int(length)])
        data = data[int(length) :]
    return found


def events_in(found: list[bytes]) -> list[str]:
    return [json.loads(one.split(b" ", 7)[7])["id"] for one in found]


def test_a_collector_takes_syslog_over_tcp(home: Path) -> None:
    with collector(read_all) as (port, taken):
        assert told(home, f"syslog+tcp://127.0.0.1:{port}") == {}
    found = [one for data in taken for one in messages(data)]
    assert events_in(found) == ids(home)
    assert found[0].startswith(b"<110>1 20")
    assert b" tenant.created - {" in found[0]
    denied = next(one for one in found if b" act.denied - " in one)
    assert denied.startswith(b"<108>1 ")


def test_a_collector_that_dies_while_it_takes_is_told_again(home: Path) -> None:
    died: list[bool] = []

    def serve(connection: socket.socket, taken: list[bytes]) -> None:
        if not died:
            died.append(True)
            connection.recv(100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            return
        read_all(connection, taken)

    with collector(serve) as (port, taken):
        place = f"syslog+tcp://127.0.0.1:{port}"
        assert list(told(home, place)) == [place]
        assert told(home, place) == {}
    assert events_in([one for data in taken for one in messages(data)]) == ids(home)


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def test_a_collector_takes_syslog_over_tls_and_has_to_show_who_it_is(home: Path, tmp_path: Path) -> None:
    def serve(connection: socket.socket, taken: list[bytes]) -> None:
        try:
            read_all(connection, taken)
        except ssl.SSLError:
            return

    context = certificate(tmp_path)
    with collector(serve, wrap=context) as (port, taken):
        place = f"syslog+tls://127.0.0.1:{port}?ca={tmp_path / 'ca.pem'}"
        assert told(home, place) == {}
    assert events_in([one for data in taken for one in messages(data)]) == ids(home)


def test_a_collector_takes_syslog_over_udp(home: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        server.settimeout(10)
        assert told(home, f"syslog+udp://127.0.0.1:{server.getsockname()[1]}") == {}
        found = [server.recv(65_536) for _ in ids(home)]
    assert events_in(found) == ids(home)


@pytest.mark.parametrize(
    "place", ["ftp://a", "file:relative", "syslog+tcp://a", "syslog+sctp://a:1", "syslog+tls://a:1?x=y", "x"]
)
def test_nobody_who_cannot_be_is_told(place: str) -> None:
    with pytest.raises(SettingsError, match="audit_feeds"):
        receiver_at(place)
