"""A process that has loaded something, and is forked for each who asks over its socket."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["connect", "serve", "started"]

STARTED: list[subprocess.Popen[bytes]] = []
"""Those of this process; a process forked from it has them too, and must not take them for forgotten."""


def started(arguments: Sequence[str | Path], folder: Path) -> socket.socket:
    """Start a Python process that calls `serve` with its last argument; it ends when this process does.

    Processes forked from this one use it as well: what is sent to it is always sent in one piece.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, *arguments, str(theirs.fileno())],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    STARTED.append(process)
    atexit.register(process.wait)
    atexit.register(ours.close)  # which is done first, and ends it
    return ours


def connect(server: socket.socket) -> socket.socket:
    """Have a process forked from a server, and give what leads to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(server, [b"."], [theirs.fileno()])
    return ours


def serve(number: str, attend: Callable[[socket.socket], None]) -> None:
    """Fork a process for each connection, which attends to it, until no more are wanted."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended: whom they served knows
    with socket.socket(fileno=int(number)) as wanting:
        while True:
            said, sockets, _, _ = socket.recv_fds(wanting, 1, 1)
            if not said:
                return
            with socket.socket(fileno=sockets[0]) as connection:
                if not os.fork():
                    wanting.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    attend(connection)
                    return
