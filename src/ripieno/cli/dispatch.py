"""From arguments to a command, and from whatever goes wrong to a message and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from cyclopts import App, CycloptsError

from ripieno.cli.catalogue import COMMANDS, Entry
from ripieno.cli.exits import Exit, exit_of
from ripieno.cli.reach import SHOWS, shown_by
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import RipienoError

__all__ = ["dispatch"]

REFUSED: Final = frozenset(
    {
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EEXIST,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
    }
)
"""What a file system says of a file that it does not let one use: no fault of the program."""

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})
"""What is said where nothing more can be written, output without a name included."""


class Ripieno(App):
    """The parser; in bash its completion offers files, such as workflows, where it knows nothing else."""

    def generate_completion(self, **settings: Any) -> str:
        """Give the script that completes commands in a shell."""
        script = super().generate_completion(**settings)
        return script.replace("\ncomplete -F ", "\ncomplete -o bashdefault -o default -F ")


def application(arguments: Sequence[str] = ()) -> App:
    """Build the parser; only the command that `arguments` name is imported, and described in full."""
    app = Ripieno(
        name="ripieno",
        help="Governed orchestration of agents, people and plain automation.",
        version=version("ripieno"),
        help_format="plaintext",
        result_action="return_value",
    )
    for entry in COMMANDS:
        add(app, entry, arguments)
    app.register_install_completion_command()  # pyright: ignore[reportUnknownMemberType] - cyclopts leaves it open
    return app


def add(app: App, entry: Entry, arguments: Sequence[str]) -> None:
    """Add a command, or a noun with its commands."""
    named = list(arguments[:1]) == [entry.name]
    if not entry.children:
        target = f"ripieno.cli.{entry.target}"
        if named:
            app.command(target, name=entry.name)
        else:
            app.command(target, name=entry.name, help=entry.about)
        return
    noun = App(name=entry.name, help=entry.about)
    for child in entry.children:
        add(noun, child, arguments[1:] if named else ())
    app.command(noun)


def dispatch(arguments: Sequence[str]) -> int:
    """Run a command and give its exit code; every error becomes a message on stderr."""
    SHOWS.set(shown_by(arguments))
    try:
        result = application(arguments)(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        say(f"{error}\n  ripieno --help lists the commands; every command has --help")
        return Exit.USAGE
    except RipienoError as error:
        say(str(error))
        return exit_of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001 - the last place where one can still be told plainly
        if "--debug" in arguments or os.environ.get("RIPIENO_DEBUG"):
            sys.stderr.write(CONFIDENTIAL.cover(traceback.format_exc()))
        else:
            say(described(error))
        return Exit.FAILED
    return result if isinstance(result, int) else Exit.OK


def described(error: Exception) -> str:
    """Give the message for an error that nobody expected, keeping the traceback of what may be a fault."""
    if isinstance(error, OSError) and error.errno in REFUSED and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}\n  --debug shows where this was met"
    if isinstance(error, OSError) and error.errno in FULL:
        return (
            f"cannot write: {error.strerror}\n  is there room where the output goes, and for the data folder?"
        )
    first = error.__cause__ or error
    return f"unexpected {type(first).__name__}: {first}\n  {kept(error)}; --debug shows it"


def say(text: str) -> None:
    """Write a message to stderr, without the control characters that data may hold."""
    clean = "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in CONFIDENTIAL.cover(text)
    )
    sys.stderr.write(f"ripieno: {clean}\n")


def kept(error: Exception) -> str:
    """Say where the traceback is: in the data folder, else in a temporary one, where one may write."""
    home = os.environ.get("RIPIENO_HOME")
    for folder in (Path(home) / "crashes" if home and Path(home).is_dir() else None, None):
        try:
            return f"the traceback is in {keep(error, folder)}"
        except OSError:
            continue
    return "the traceback could not be written"


def keep(error: Exception, folder: Path | None) -> Path:
    """Write a traceback where only its owner can read it, and give the file; without a folder a new one."""
    folder = folder or Path(tempfile.mkdtemp(prefix="ripieno-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    told = CONFIDENTIAL.cover("".join(traceback.format_exception(error)))
    file.write_text(told, encoding="utf-8", errors="backslashreplace")
    return file
