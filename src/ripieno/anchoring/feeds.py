"""Tells others of every event, in order, each at least once: a crash repeats what may be lost."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from ripieno.anchoring.ocsf import cloud_event
from ripieno.anchoring.receivers import Receiver, ReceiverError, TooLargeError, receiver_at
from ripieno.journal.feeding import Cursor, Feeding
from ripieno.journal.signing import signer_at
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.model.errors import SettingsError

__all__ = ["Feeds", "Told", "write_ocsf"]

BATCH: Final = 200

TURN_SECONDS: Final = 10.0
"""After so long no new batch is begun in a turn: who is slow is told the rest in the next one."""


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
        twice = [name for name, count in Counter(one.name for one in self._receivers).items() if count > 1]
        if twice:
            msg = f"audit_feeds: {twice[0]} is named twice"
            raise SettingsError(msg, remedy="who is told how far is kept by that name: name each once")
        self._most: dict[str, int] = {}
        """How many events at once those take who refused more."""
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
            left = {
                one.name: (one, cursors.get(one.name) or Cursor(one.name, 0, None, None))
                for one in self._receivers
            }
            told.events = dict.fromkeys(left, 0)
            deadline = time.monotonic() + TURN_SECONDS
            while left and time.monotonic() < deadline:  # one batch each in turn: who is slow delays nobody
                for name, (receiver, cursor) in list(left.items()):
                    after = self._tell(feeding, receiver, cursor, origin, told)
                    if after is None:
                        del left[name]
                    else:
                        left[name] = receiver, after
        return told

    def _tell(
        self, feeding: Feeding, receiver: Receiver, cursor: Cursor, origin: str, told: Told
    ) -> Cursor | None:
        """Tell one batch; None where there is no more of it, or it was not taken."""
        events = feeding.after(cursor.position, self._most.get(receiver.name, BATCH))
        while events:
            try:
                receiver.tell([cloud_event(event, origin) for event in events])
            except TooLargeError as error:
                if len(events) == 1:
                    return self._failed(feeding, cursor, error, told)
                events = events[: len(events) // 2]
                self._most[receiver.name] = len(events)
            except ReceiverError as error:
                return self._failed(feeding, cursor, error, told)
            else:
                after = Cursor(receiver.name, events[-1].position, None, None)
                feeding.keep(after)
                told.events[receiver.name] += len(events)
                return after
        return None

    def _failed(self, feeding: Feeding, cursor: Cursor, error: ReceiverError, told: Told) -> None:
        told.failures[cursor.feed] = error.message
        failed_at = cursor.failed_at or self._clock.now()
        after = cursor._replace(failed_at=failed_at, problem=error.message)
        if after != cursor:
            feeding.keep(after)


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
