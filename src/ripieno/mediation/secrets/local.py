"""Secrets of this machine: variables of the environment, files, and the keyring of the desktop."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from ripieno.mediation.secrets.provider import Provider, field_of, lacking, refuse
from ripieno.mediation.secrets.reference import Reference

__all__ = ["EnvironmentSecrets", "FileSecrets", "KeyringSecrets"]

VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST: Final = 65_536
"""Bytes of a file."""


class EnvironmentSecrets(Provider):
    """Variables of this process's environment."""

    name = "env"
    shape = "secret://env/NAME"
    waits = False

    def fits(self, reference: Reference) -> bool:
        """Tell whether it names a variable."""
        return reference.field is None and VARIABLE.fullmatch(reference.name) is not None

    def read(self, reference: Reference) -> str:
        """Give the variable's value."""
        value = os.environ.get(reference.name)
        if value is None:
            refuse(reference, "the variable is not set", f"set {reference.name} for this process")
        return value


class FileSecrets(Provider):
    """Files, as containers and systemd have them: the whole text, or a field of a JSON object.

    `secret://file/run/secrets/pay` is `/run/secrets/pay`; `secret://file/./pay.json#key` begins at the
    working directory. Line breaks at the end do not belong to it.
    """

    name = "file"
    shape = "secret://file/path or secret://file/path#field"

    def fits(self, reference: Reference) -> bool:
        """Tell whether it names a path that leads nowhere else."""
        return ".." not in Path(reference.name).parts

    def read(self, reference: Reference) -> str:
        """Give what stands in the file."""
        path = Path(reference.name if reference.name.startswith("./") else f"/{reference.name}")
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            refuse(reference, f"{error.strerror or type(error).__name__}", "let this process read the file")
        if len(data) > LARGEST:
            refuse(reference, f"the file has more than {LARGEST:,} bytes", "keep one secret in one file")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            refuse(reference, "the file is not text in UTF-8", "store it as text, such as base64")
        return field_of(text.rstrip("\r\n"), reference)


class KeyringSecrets(Provider):
    """The keyring of the operating system or desktop, through the package `keyring`."""

    name = "keyring"
    shape = "secret://keyring/service/name"

    def fits(self, reference: Reference) -> bool:
        """Tell whether it names a service, and a name in it."""
        return reference.field is None and all(reference.name.rpartition("/"))

    def read(self, reference: Reference) -> str:
        """Give what the keyring holds."""
        try:
            import keyring  # noqa: PLC0415 - an extra
        except ImportError:
            lacking(reference, "keyring", "keyring")
        service, _, name = reference.name.rpartition("/")
        asked: Any = keyring
        try:
            value: str | None = asked.get_password(service, name)
        except Exception as error:  # noqa: BLE001 - backends of many desktops, each with errors of its own
            refuse(reference, f"the keyring raised {type(error).__name__}", "unlock it, or choose a backend")
        if value is None:
            refuse(reference, "the keyring holds nothing of that name", f"keyring set {service} {name}")
        return value
