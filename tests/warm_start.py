"""Commands as processes of their own, forked from one that has loaded the command line already.

Each has its own folder, environment, input and output, begins at `main` and ends as the interpreter ends:
what a process from nothing would do, but for loading the same modules, taking them apart again, and
reading the shipped policies and the shipped workflow's code a thousand times.

    python warm_start.py SOCKET

Each socket that comes over this one has a process of its own, which takes orders and forks the commands one
after the other; orders and replies are lines of JSON, see `WarmStart`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from fork_server import connect, serve, started

__all__ = ["Result", "WarmStart", "loaded"]

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Result:
    """What a command gave; a code below zero is the signal that ended it, as `subprocess` has it."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@cache
def loaded() -> socket.socket:
    """Start the process that has loaded the command line."""
    return started([Path(__file__)], Path(__file__).parent)


class WarmStart:
    """The process that commands are forked from, itself forked from the one that has `loaded` them."""

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._files = held.enter_context(TemporaryDirectory())
            with connect(loaded()) as connection:
                self._orders = held.enter_context(connection.makefile("rw", encoding="utf-8"))
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._held.close()

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        given: bytes = b"",
        beside: Path | None = None,
        together: bool = False,
        patience: int = PATIENCE_SECONDS,
    ) -> Result:
        """Run a command in a folder and wait for its end.

        It finds modules `beside` its script, by default in the folder, as `python -m` does. Where its output
        is taken `together`, what it says besides stands in `out`, where it was said.
        """
        stdin, stdout, stderr = (Path(self._files, name) for name in ("in", "out", "err"))
        stdin.write_bytes(given)
        stderr.write_bytes(b"")
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
            "streams": [str(stdin), str(stdout), str(stdout if together else stderr)],
            "beside": str(beside or folder),
            "patience": patience,
        }
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        reply = self._orders.readline()
        assert reply, "the process that commands are forked from has died"
        return Result(int(reply), stdout.read_text(encoding="utf-8"), stderr.read_text(encoding="utf-8"))


def load_everything() -> None:
    """Load what most commands need."""
    from loading import load_the_package  # noqa: PLC0415 - the tests, which import this file as well, need not

    import_module("cyclopts.completion")
    load_the_package()
    read_what_ships()


def read_what_ships() -> None:
    """Read the shipped policies and the shipped workflow, whose texts are known from then on."""
    from ripieno.blueprints.hospital_discharge import workflow  # noqa: PLC0415 - as above
    from ripieno.mediation.policy import load_library  # noqa: PLC0415 - as above

    library = load_library()
    for pack in library.packs:
        library.rules(pack)
    assert workflow.version, "it is computed once"
    assert workflow.about, "so is this"


def become(order: Mapping[str, Any]) -> None:
    """Make this process the one that a command was ordered from."""
    stdin, stdout, stderr = order["streams"]
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    os.dup2(os.open(stdout, written), 1)
    os.dup2(1 if stderr == stdout else os.open(stderr, written), 2)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[0] = order["beside"]
    sys.argv[1:] = order["arguments"]
    signal.alarm(order["patience"])


def carry_out() -> None:
    """Run the command, and end when all threads have and all that was to be done at the end is done.

    What is left to the interpreter then is to take apart everything that was loaded: that would cost more
    than most commands. Where it has something to say itself, because of an interrupt or of output that
    cannot be written, it says it.
    """
    from ripieno.cli import front  # noqa: PLC0415 - loaded long ago

    try:
        front.main()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            CODE.append(ended.code)
        raise


CODE: list[int] = []
"""What the command of this process has ended with."""


def vanish() -> None:
    """End at once, once the command has; the last thing done at the end, as it was registered first."""
    if CODE:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            return
        os._exit(CODE[0])


def obey(connection: socket.socket) -> None:
    """Fork a command for each order, one at a time, until there are no more."""
    with connection, connection.makefile("rw", encoding="utf-8") as orders:
        for line in orders:
            child = os.fork()
            if not child:
                connection.close()
                become(json.loads(line))
                carry_out()
                return
            _, status = os.waitpid(child, 0)
            orders.write(f"{os.waitstatus_to_exitcode(status)}\n")
            orders.flush()
    os._exit(0)


def main() -> None:
    """Load everything, and have a process that takes orders for each who wants one."""
    atexit.register(vanish)
    load_everything()
    gc.freeze()  # what is there already is shared with every command
    serve(sys.argv[1], obey)


if __name__ == "__main__":
    main()
