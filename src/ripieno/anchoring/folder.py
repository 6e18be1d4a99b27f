"""A folder, on another disk or machine best: one file per checkpoint, never written to again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from ripieno.anchoring.sink import DUTIES, SUFFIX, RememberingSink, SinkError, TakenError, stem
from ripieno.model.errors import SettingsError

__all__ = ["FolderSink"]


class FolderSink(RememberingSink):
    """Files named by the size of the log."""

    def __init__(self, place: str) -> None:
        self._folder = Path(place).expanduser()
        if not place or not self._folder.is_absolute():
            msg = f"checkpoint_sinks: expected the whole path of a folder, got {place!r}"
            raise SettingsError(msg)
        self.name = f"file:{self._folder}"

    def publish(self, size: int, note: str) -> None:
        """Write a file of its own, whole or not at all, on disk when this returns."""
        self._put(stem(size), note)

    def remember(self, name: str, note: str) -> None:
        """Write a file beside them, likewise."""
        self._put(name, note)

    def _put(self, name: str, note: str) -> None:
        path = self._folder / name
        draft = self._folder / f".{name}.{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(note)
                    file.flush()
                    os.fsync(file.fileno())
                path.hardlink_to(draft)
            except FileExistsError:
                self._same(path, note)
            finally:
                draft.unlink()
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            msg = f"{self.name}: {error.strerror or error}"
            raise SinkError(msg, remedy="the folder has to be there and yours to write") from error

    def newest(self, known: int) -> str | None:
        """Read the file of the largest size."""
        try:
            largest = max(self._names(SUFFIX), default="")
            if largest < stem(known):
                return None
            return (self._folder / largest).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            raise self._unread(error) from error

    def told(self) -> Sequence[str]:
        """List these files."""
        try:
            return sorted(self._names(DUTIES))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unread(error) from error

    def remembered(self, name: str) -> str:
        """Read one of them."""
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise self._unread(error) from error

    def _names(self, suffix: str) -> list[str]:
        names = [file.name for file in self._folder.iterdir() if file.name.endswith(suffix)]
        return [name for name in names if not name.startswith(".")]

    def _unread(self, error: OSError | UnicodeError) -> SinkError:
        msg = f"{self.name}: {error}"
        return SinkError(msg, remedy="the folder has to be yours to read")

    def _same(self, path: Path, note: str) -> None:
        if path.read_text(encoding="utf-8", errors="replace") != note:
            msg = f"{self.name}: {path.name} is there and says otherwise"
            raise TakenError(msg, remedy="compare both; each log needs a folder of its own")
