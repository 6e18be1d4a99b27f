"""How often checkpoints are signed, for whom they are of, and where they are published."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from ripieno.model.errors import SettingsError

__all__ = ["Anchoring"]

EVERY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Settings of a process that serves runs."""

    every: float = EVERY_SECONDS
    """Seconds after a commit within which a checkpoint covers it, while something serves."""
    origin: str | None = None
    """Names the log for the world, such as `example.com/ripieno`; None lets a name be drawn once."""
    sinks: Sequence[str] = ()
    """Where checkpoints are published: folders, `s3://bucket/prefix`, `https://…`."""

    feeds: Sequence[str] = ()
    """Who is told of every event: `file:/path`, `https://…`, `syslog+tcp://host:port`."""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read `RIPIENO_CHECKPOINT_EVERY`, `_ORIGIN`, `_SINKS`, and `RIPIENO_AUDIT_FEEDS`.

        Raises `SettingsError`.
        """
        found = os.environ if environment is None else environment
        every = found.get("RIPIENO_CHECKPOINT_EVERY") or str(EVERY_SECONDS)
        try:
            seconds = float(every)
        except ValueError:
            seconds = 0
        if not 0 < seconds < float("inf"):
            msg = f"checkpoint_every: expected a number of seconds above 0, got {every!r}"
            raise SettingsError(msg)
        sinks, feeds = (
            tuple(one.strip() for one in found.get(name, "").split(",") if one.strip())
            for name in ("RIPIENO_CHECKPOINT_SINKS", "RIPIENO_AUDIT_FEEDS")
        )
        return cls(seconds, found.get("RIPIENO_CHECKPOINT_ORIGIN") or None, sinks, feeds)
