"""Where checkpoints are published: what every such place can do, and how each is named."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from ripieno.model.errors import RipienoError, SettingsError

__all__ = [
    "DUTIES",
    "SUFFIX",
    "RememberingSink",
    "Sink",
    "SinkError",
    "TakenError",
    "named",
    "sink_at",
    "size_of",
    "stem",
]

SUFFIX: Final = ".checkpoint"

DUTIES: Final = ".duties"
"""Of what stands beside checkpoints: what was erased, deleted and held until then."""

NAMED: Final = re.compile(r"[0-9]{16}\.[0-9a-f]{12}\.duties")


class SinkError(RipienoError):
    """A place outside the store cannot be reached, or did not take a checkpoint; it will be tried again."""

    code = "sink"


class TakenError(SinkError):
    """The place has another checkpoint of the same size: one of two logs is not the one that was signed."""

    code = "sink_taken"


class Sink(ABC):
    """A place that keeps what it is given and gives it back; each log has one of its own."""

    name: str
    """What it is called in tables and messages: holds no password."""

    @abstractmethod
    def publish(self, size: int, note: str) -> None:
        """Keep the checkpoint of a log of `size` events, durably; the same one twice is kept once.

        Raises `SinkError`, and `TakenError` where another of this size is there.
        """

    @abstractmethod
    def newest(self, known: int) -> str | None:
        """Give the checkpoint of the largest log there, at least of `known` events; None where there is none.

        None as well from a place that only takes. Raises `SinkError`.
        """


class RememberingSink(Sink):
    """A place that also keeps what was erased, deleted and held, for a log that is put back."""

    @abstractmethod
    def remember(self, name: str, note: str) -> None:
        """Keep a note of that under a name of `named`; raises `SinkError`."""

    @abstractmethod
    def told(self) -> Sequence[str]:
        """Give the names of all that was remembered, sorted; raises `SinkError`."""

    @abstractmethod
    def remembered(self, name: str) -> str:
        """Give what was remembered under a name; raises `SinkError`."""


def stem(size: int) -> str:
    """Give the name of a checkpoint of a log of `size` events: names sort as sizes do."""
    return f"{size:016d}{SUFFIX}"


def named(size: int, note: str) -> str:
    """Give the name under which a note of what was erased and held is remembered, which sorts likewise."""
    return f"{size:016d}.{hashlib.sha256(note.encode()).hexdigest()[:12]}{DUTIES}"


def size_of(name: str) -> int:
    """Give the size of the log that such a name names; 0 for another name."""
    return int(name[:16]) if NAMED.fullmatch(name) else 0


def sink_at(place: str) -> Sink:
    """Give the sink that a setting names; raises `SettingsError` for none."""
    from ripieno.anchoring.folder import FolderSink  # noqa: PLC0415 - each kind knows the base
    from ripieno.anchoring.http import HttpSink  # noqa: PLC0415 - each kind knows the base
    from ripieno.anchoring.objects import ObjectSink  # noqa: PLC0415 - each kind knows the base

    parts = urlsplit(place)
    match parts.scheme:
        case "s3":
            return ObjectSink(place)
        case "http" | "https":
            return HttpSink(place)
        case "file":
            return FolderSink(parts.path)
        case "":
            return FolderSink(place)
        case _:
            msg = f"checkpoint_sinks: no sink is named like {place!r}"
            raise SettingsError(msg, remedy="a folder, s3://bucket/prefix, or https://host/path")
