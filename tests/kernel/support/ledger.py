"""A system that effects reach: it keeps every call it receives, in order, and refuses none."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Entry", "Ledger"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One call that took effect."""

    act: str
    key: str
    """Idempotency key; empty where the caller has none."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """An append-only file; what `enter` returned from is on disk."""

    path: Path

    def enter(self, act: str, key: str = "") -> int:
        """Let a call take effect, also when the same one did before; give its number."""
        line = json.dumps(asdict(Entry(act, key))).encode() + b"\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return len(self.entries())

    def entries(self) -> list[Entry]:
        """Give everything that took effect."""
        if not self.path.exists():
            return []
        return [Entry(**json.loads(line)) for line in self.path.read_text("utf-8").splitlines()]

    def find(self, key: str) -> bool:
        """Tell whether a call with this key took effect."""
        return any(entry.key == key for entry in self.entries())
