"""Tells others of every event, in order, each at least once: a crash repeats what may be lost."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from ripieno.anchoring.ocsf import cloud_event
from ripieno.anchoring.receivers import Receiver, ReceiverError, receiver_at
from ripieno.journal.signing import signer_at
from ripieno.journal.sqlite.feeding import Cursor, Feeding
from ripieno.kernel.clock import Clock, SystemClock

__all__ = ["Feeds", "Told", "write_ocsf"]

BATCH: Final = 200


@dataclass(slots=True)
class Told:
    """What telling came to."""

    events: dict[str, int] = field(default_factory=dict[str, int])
    """How many each was told of now."""
    failures: dict[str, str] = field(default_factory=dict[str, str])


class Feeds:
    """Tells whomever the settings name, as long as nobody else does."""

    def __init__(
        self, home: Path, places: Sequence[str], origin: str | None = None, clock: Clock | None = None
    ) -> None:
        """Raise `SettingsError` for a place that there cannot be."""
        self._home = home
        self._receivers: Sequence[Receiver] = [receiver_at(place) for place in places]
        self._origin = origin
        self._clock = clock or SystemClock()

    def turn(self) -> Told | None:
        """Tell each what it was not told yet; None where somebody else is at it.

        Takes the thread that calls it. Raises `StoreError`.
        """
        told = Told()
        if not self._receivers:
            return told
        origin = signer_at(self._home, self._origin).name
        with Feeding(self._home) as feeding:
            if not feeding.elect():
                return None
            cursors = feeding.cursors()
            for receiver in self._receivers:
                cursor = cursors.get(receiver.name) or Cursor(receiver.name, 0, None, None)
                self._tell(feeding, receiver, cursor, origin, told)
        return told

    def _tell(self, feeding: Feeding, receiver: Receiver, cursor: Cursor, origin: str, told: Told) -> None:
        told.events[receiver.name] = 0
        while events := feeding.after(cursor.position, BATCH):
            try:
                receiver.tell([cloud_event(event, origin) for event in events])
            except ReceiverError as error:
                told.failures[receiver.name] = error.message
                failed_at = cursor.failed_at or self._clock.now()
                after = cursor._replace(failed_at=failed_at, problem=error.message)
                if after != cursor:
                    feeding.keep(after)
                return
            cursor = Cursor(receiver.name, events[-1].position, None, None)
            feeding.keep(cursor)
            told.events[receiver.name] += len(events)


def write_ocsf(home: Path, file: TextIO, streams: Collection[str] | None, origin: str | None) -> int:
    """Write the events of these streams, or of all, one document per line; give how many there were."""
    named, count, position = signer_at(home, origin).name, 0, 0
    with Feeding(home) as feeding:
        while events := feeding.after(position, BATCH):
            position = events[-1].position
            for event in events:
                if streams is None or event.stream in streams:
                    file.write(f"{json.dumps(cloud_event(event, named))}\n")
                    count += 1
    return count
