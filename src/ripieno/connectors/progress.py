"""What a model is saying, and how far a tool has come, for whoever watches; recorded nowhere.

Those of this process are told by a call, those of another through a pipe of theirs in the data folder
(`watching.py`), for as long as they watch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ripieno.connectors.watching import pipes_of, write
from ripieno.model.confidential import CONFIDENTIAL

__all__ = ["PROGRESS", "Listener", "Progress"]

Listener = Callable[[str, str, str], None]
"""Is told the run, the path of the request, and what was said so far."""


class Progress:
    """Who watches. Where nobody does, responses are not asked for piece by piece."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._folders: list[Path] = []

    @contextmanager
    def listen(self, listener: Listener) -> Generator[None]:
        """Tell somebody of this process until the block is left."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @contextmanager
    def serving(self, folder: Path) -> Generator[None]:
        """Tell also whoever watches runs of a data folder, until the block is left."""
        self._folders.append(folder)
        try:
            yield
        finally:
            self._folders.remove(folder)

    def watched(self, run: str) -> bool:
        """Tell whether anybody watches a run."""
        return bool(self._listeners) or any(pipes_of(folder, run) for folder in self._folders)

    def tell(self, run: str, path: str, text: str) -> None:
        """Tell everybody who watches; what it holds of secrets is covered."""
        said = CONFIDENTIAL.cover(text)
        for listener in tuple(self._listeners):
            listener(run, path, said)
        for folder in self._folders:
            for pipe in pipes_of(folder, run):
                write(pipe, path, said)


PROGRESS: Final = Progress()
"""That of this process."""
