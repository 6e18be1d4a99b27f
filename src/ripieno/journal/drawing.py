"""Random bytes for keys, drawn in blocks: each draw gives up the interpreter lock and has to win it back."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["Drawn"]

BLOCK_BYTES: Final = 4096


class Drawn:
    """Random bytes of the operating system, each given once; for one thread."""

    __slots__ = ("_at", "_block", "_process")

    def __init__(self) -> None:
        self._block = b""
        self._at = 0
        self._process = 0

    def take(self, count: int) -> bytes:
        """Give so many; a process that was forked gives none that were drawn before it was."""
        end = self._at + count
        if end > len(self._block) or self._process != os.getpid():
            self._block, self._process = os.urandom(max(BLOCK_BYTES, count)), os.getpid()
            self._at, end = 0, count
        taken, self._at = self._block[self._at : end], end
        return taken
