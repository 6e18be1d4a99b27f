"""What a model is saying while it says it: for whoever watches in this process, and recorded nowhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

__all__ = ["PROGRESS", "Listener", "Progress"]

Listener = Callable[[str, str, str], None]
"""Is told the run, the path of the request, and what was said so far."""


class Progress:
    """Who watches. Where nobody does, responses are not asked for piece by piece."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    @property
    def watched(self) -> bool:
        """True while anybody watches."""
        return bool(self._listeners)

    @contextmanager
    def listen(self, listener: Listener) -> Generator[None]:
        """Tell somebody until the block is left."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def tell(self, run: str, path: str, text: str) -> None:
        """Tell everybody who watches."""
        for listener in tuple(self._listeners):
            listener(run, path, text)


PROGRESS: Final = Progress()
"""That of this process."""
