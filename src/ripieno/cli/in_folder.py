"""Commands that work on the files of a data folder, and so not yet where the log is in a database."""

from __future__ import annotations

from ripieno.journal.places import DATABASE_URL, database_url
from ripieno.model.errors import SettingsError

__all__ = ["only_in_a_folder"]


def only_in_a_folder(command: str, remedy: str | None = None) -> None:
    """Raise `SettingsError` where the log is in a database, which the command does not read yet."""
    if database_url() is not None:
        msg = f"{command} works on the files of a data folder alone, and {DATABASE_URL} names a database"
        raise SettingsError(msg, remedy=remedy or f"leave {DATABASE_URL} out to use it on a data folder")
