"""Who is told of the log: a file, an HTTP address, or a collector that speaks syslog."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from ripieno.model.errors import RipienoError, SettingsError

if TYPE_CHECKING:
    import httpx

__all__ = ["Receiver", "ReceiverError", "TooLargeError", "receiver_at"]

SECONDS: Final = 5.0
"""For a connection, and for what follows on it."""

TOO_LARGE: Final = 413
LARGEST_DATAGRAM: Final = 60_000
FACILITY: Final = 13
"""Log audit, by RFC 5424."""
SEVERITIES: Final = {1: 6, 3: 4, 4: 3, 5: 2}
"""Severities of syslog by those of OCSF."""

Told = Mapping[str, Any]
"""A CloudEvents envelope."""


class ReceiverError(RipienoError):
    """Nobody was told: these events, or some of them, will be told again."""

    code = "receiver"


class TooLargeError(ReceiverError):
    """It takes fewer events at once."""


class Receiver(ABC):
    """Takes events in order; the same ones twice after a failure."""

    name: str
    """What it is called in tables and messages: holds no password."""

    @abstractmethod
    def tell(self, events: Sequence[Told]) -> None:
        """Tell them, and return once they were taken; raises `ReceiverError`."""


class FileReceiver(Receiver):
    """A file that another program follows: one JSON document per line, on disk when it was told."""

    def __init__(self, place: str) -> None:
        self._path = Path(urlsplit(place).path)
        self.name = f"file:{self._path}"
        if not self._path.is_absolute():
            msg = f"audit_feeds: expected file:/the/whole/path, got {place!r}"
            raise SettingsError(msg)

    def tell(self, events: Sequence[Told]) -> None:
        """Append them; what a crash left of a line is ended first."""
        text = "".join(f"{json.dumps(event)}\n" for event in events).encode()
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab+") as file:
                end = file.seek(0, os.SEEK_END)
                whole = end == 0 or os.pread(descriptor, 1, end - 1) == b"\n"
                file.write(text if whole else b"\n" + text)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            msg = f"{self.name}: {error.strerror}"
            raise ReceiverError(msg) from error


class HttpReceiver(Receiver):
    """An address that takes batches of CloudEvents by POST, and answers 2xx once it has them."""

    def __init__(self, place: str) -> None:
        parts = urlsplit(place)
        port = f":{parts.port}" if parts.port else ""
        self._place = place
        self.name = f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
        self._client: httpx.Client | None = None

    def tell(self, events: Sequence[Told]) -> None:
        """Send them as one batch."""
        import httpx  # noqa: PLC0415 - a tenth of a second that only who is told so pays

        if self._client is None:  # a connection each: one that was kept may have been closed meanwhile
            apart = httpx.Limits(max_keepalive_connections=0)
            self._client = httpx.Client(timeout=SECONDS, limits=apart)
        headers = {"content-type": "application/cloudevents-batch+json"}
        content = json.dumps(events).encode()
        try:
            with self._client.stream("POST", self._place, content=content, headers=headers) as answer:
                status, taken = answer.status_code, answer.is_success  # what else it says is not waited for
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            msg = f"{self.name}: {type(error).__name__}: {error}"
            raise ReceiverError(msg) from error
        if not taken:
            msg = f"{self.name}: answers {status}"
            raise TooLargeError(msg) if status == TOO_LARGE else ReceiverError(msg)


class SyslogReceiver(Receiver):
    """A collector that takes RFC 5424 over UDP, TCP or TLS, each message counted in octets (RFC 5425, 6587).

    Over TCP and TLS a batch is a connection of its own: it was taken once the collector has closed it, too.
    UDP tells of no loss.
    """

    def __init__(self, place: str) -> None:
        parts = urlsplit(place)
        self._kind = parts.scheme.removeprefix("syslog+")
        asked = parse_qs(parts.query)
        self._authority = asked.pop("ca", [None])[-1]
        if parts.port is None or not parts.hostname or asked or self._kind not in ("udp", "tcp", "tls"):
            msg = f"audit_feeds: expected syslog+tcp://host:port, got {place!r}"
            raise SettingsError(msg, remedy="udp, tcp or tls; ?ca=/path names the authority for tls")
        self._at = (parts.hostname, parts.port)
        self.name = f"{parts.scheme}://{parts.hostname}:{parts.port}"

    def tell(self, events: Sequence[Told]) -> None:
        """Send them."""
        messages = [message(event) for event in events]
        try:
            if self._kind == "udp":
                self._datagrams(messages)
            else:
                self._stream(b"".join(b"%d %b" % (len(one), one) for one in messages))
        except OSError as error:  # of TLS as well
            msg = f"{self.name}: {error.strerror or error}"
            raise ReceiverError(msg) from error

    def _datagrams(self, messages: Sequence[bytes]) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(*self._at, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.connect(address)
            for one in messages:
                sock.send(one[:LARGEST_DATAGRAM])

    def _stream(self, data: bytes) -> None:
        with socket.create_connection(self._at, SECONDS) as plain:
            if self._kind == "tcp":
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
                until_closed(plain)
                return
            context = ssl.create_default_context(cafile=self._authority)
            with context.wrap_socket(plain, server_hostname=self._at[0]) as secure:
                secure.sendall(data)
                with contextlib.suppress(ssl.SSLEOFError):  # closed without a word, after ours was read
                    until_closed(secure.unwrap())


def until_closed(sock: socket.socket) -> None:
    """Wait until the other side has read all of it and closed, too; one that goes on talking does not."""
    deadline = time.monotonic() + SECONDS
    while sock.recv(4096):
        if time.monotonic() > deadline:
            msg = "it goes on sending and does not close"
            raise TimeoutError(msg)


def message(event: Told) -> bytes:
    """Give an event as a message of RFC 5424."""
    data: Any = event["data"]
    severity = SEVERITIES.get(data.get("severity_id", 1), 6)
    host = platform.node() or "-"
    kind = event["type"].removeprefix("ripieno.")[:32]
    head = f"<{FACILITY * 8 + severity}>1 {event.get('time', '-')} {host} ripieno {os.getpid()} {kind} -"
    return head.encode("ascii", "replace") + b" " + json.dumps(event).encode()


def receiver_at(place: str) -> Receiver:
    """Give whom a setting names; raises `SettingsError` for nobody."""
    scheme = urlsplit(place).scheme
    if scheme == "file":
        return FileReceiver(place)
    if scheme in ("http", "https"):
        return HttpReceiver(place)
    if scheme.startswith("syslog+"):
        return SyslogReceiver(place)
    msg = f"audit_feeds: nobody is named like {place!r}"
    raise SettingsError(msg, remedy="file:/path, https://host/path, or syslog+udp, +tcp or +tls://host:port")
