"""The places at which a process can be made to die or to stop: each named, each passed in order."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Boundaries"]


@dataclass(slots=True)
class Boundaries:
    """What a process has passed, and the one place where it sends itself a signal.

    The place is given by its name, such as `committed: intent /pay@1/tool/1`, or by its number.
    """

    fatal: str | int | None = None
    signal: int = signal.SIGKILL
    passed: list[str] = field(default_factory=list[str])
    _counts: Counter[str] = field(default_factory=Counter[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """Protects names and numbers: the writer's thread and the loop both pass boundaries."""

    def cross(self, name: str) -> None:
        """Pass a place; one that is passed again is told apart by its count."""
        with self._lock:
            self._counts[name] += 1
            count = self._counts[name]
            label = name if count == 1 else f"{name} #{count}"
            self.passed.append(label)
            struck = self.fatal in (label, len(self.passed))
        if struck:
            # to this thread: a stop sent to the whole process may let it go on for a moment
            signal.pthread_kill(threading.get_ident(), self.signal)
