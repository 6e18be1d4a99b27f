"""Whoever is told of the log may be down, slow, full or picky: nothing is lost, and nobody waits for it."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from tests.anchoring.support.every_kind import write_every_kind

from ripieno.anchoring import feeds, receivers
from ripieno.anchoring.feeds import Feeds, Told
from ripieno.journal.feeding import Feeding
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.model.errors import SettingsError

ORIGIN = "example.com/log"
FEW = 7


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    asyncio.run(write_every_kind(home))
    return home


@pytest.fixture
def home(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(feeds, "BATCH", FEW)
    return shutil.copytree(written, tmp_path / "home")


def ids(home: Path) -> list[str]:
    with Extract(SqliteSnapshot(home)) as log:
        return [f"{event.stream}/{event.seq}" for event in log.in_order()]


def tell(home: Path, *places: str) -> Told:
    done = Feeds(home, places, ORIGIN).turn()
    assert done is not None
    return done


Answer = Callable[[BaseHTTPRequestHandler, list[dict[str, Any]]], None]


@contextmanager
def taking(answer: Answer, port: int = 0) -> Generator[str]:
    """Serve until the block is left; `answer` is given the request and its events."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's own name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of whom we hang up on."""

    with Server(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/events"
        finally:
            server.shutdown()
            thread.join()


def say(handler: BaseHTTPRequestHandler, status: int) -> None:
    handler.send_response(status)
    handler.send_header("content-length", "0")
    handler.end_headers()


def test_one_that_is_down_restarts_and_is_cut_off_misses_nothing(home: Path) -> None:
    taken: list[str] = []
    calls: list[int] = []

    def answer(handler: BaseHTTPRequestHandler, events: list[dict[str, Any]]) -> None:
        calls.append(len(events))
        if len(calls) == 3:  # taken, and cut off before it could say so
            taken.extend(event["id"] for event in events)
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        taken.extend(event["id"] for event in events)
        say(handler, 200)

    with taking(answer) as place:
        assert list(tell(home, place).failures) == [place]
    assert len(taken) == 3 * FEW
    down = tell(home, place)
    assert "ConnectError" in down.failures[place]
    with Feeding(home) as feeding:
        assert feeding.cursors()[place].position == 2 * FEW
    with taking(answer, int(place.split(":")[2].split("/")[0])):
        assert tell(home, place).failures == {}
        assert tell(home, place).events == {place: 0}
    assert list(dict.fromkeys(taken)) == ids(home)
    assert len(taken) == len(ids(home)) + FEW, "what was cut off is told twice, and nothing else"


def test_who_answers_slowly_is_not_waited_for_once_it_has_taken_them(home: Path) -> None:
    done = Event()

    def answer(handler: BaseHTTPRequestHandler, events: list[dict[str, Any]]) -> None:
        del events
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.flush()
        done.wait(30)

    with taking(answer) as place:
        try:
            assert tell(home, place).failures == {}
        finally:
            done.set()


def test_who_takes_fewer_at_once_gets_fewer(home: Path) -> None:
    taken: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, events: list[dict[str, Any]]) -> None:
        if len(events) > 2:
            say(handler, 413)
            return
        taken.extend(event["id"] for event in events)
        say(handler, 202)

    with taking(answer) as place:
        assert tell(home, place).failures == {}
    assert taken == ids(home)


def test_what_is_too_large_by_itself_is_named_and_not_left_out(home: Path) -> None:
    with taking(lambda handler, _: say(handler, 413)) as place:
        assert tell(home, place).failures == {place: f"{place}: answers 413"}
    with Feeding(home) as feeding:
        assert feeding.cursors()[place].position == 0


def test_one_batch_each_in_turn_so_that_nobody_waits_for_all_of_another(home: Path) -> None:
    order: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, events: list[dict[str, Any]]) -> None:
        del events
        order.append(handler.path)
        say(handler, 500 if handler.path == "/two" and order.count("/two") > 1 else 200)

    with taking(answer) as place:
        one, two = (place.replace("/events", path) for path in ("/one", "/two"))
        done = tell(home, one, two)
    assert order[:4] == ["/one", "/two", "/one", "/two"]
    assert order.count("/two") == 2, "who fails is asked again in the next turn"
    assert (done.events, list(done.failures)) == ({one: len(ids(home)), two: FEW}, [two])


def test_a_turn_has_an_end_and_the_next_one_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "TURN_SECONDS", 0.0)
    place = f"file:{home / 'out'}"
    assert tell(home, place).events == {place: 0}
    monkeypatch.setattr(feeds, "TURN_SECONDS", 10.0)
    assert tell(home, place).events == {place: len(ids(home))}


def test_a_full_disk_is_told_and_what_it_did_not_take_comes_again(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to("/dev/full")
    place = f"file:{out}"
    assert tell(home, place).failures == {place: f"{place}: No space left on device"}
    out.unlink()
    before = 2_000_000
    out.write_bytes(b"{}\n" * (before // 3))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (out.stat().st_size + 11_000, hard))
    try:
        assert list(tell(home, place).failures) == [place]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert tell(home, place).failures == {}
    lines = out.read_text("ascii").splitlines()[before // 3 :]
    found: list[str] = []
    for line in lines:
        try:
            found.append(json.loads(line)["id"])
        except ValueError:
            assert line.startswith("{"), "the line at which the disk was full"
    assert list(dict.fromkeys(found)) == ids(home)


def test_a_collector_that_talks_and_never_closes_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receivers, "SECONDS", 0.3)
    done = Event()

    def talk(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            try:
                while not done.is_set():
                    connection.sendall(b"still here\n")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=talk, args=(server,))
        thread.start()
        place = f"syslog+tcp://127.0.0.1:{server.getsockname()[1]}"
        try:
            failures = tell(home, place).failures
        finally:
            done.set()
            thread.join()
    assert list(failures) == [place]


def test_two_under_one_name_are_refused(home: Path) -> None:
    with pytest.raises(SettingsError, match=r"http://h/x is named twice"):
        Feeds(home, ["http://h/x?a=1", "http://h/x?a=2"])
