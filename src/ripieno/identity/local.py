"""The operator of an embedded data folder: whoever is logged in on the machine."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping

from ripieno.model.principal import Principal

__all__ = ["local_operator"]


def local_operator(environment: Mapping[str, str] | None = None) -> Principal:
    """Give the principal that commands on this machine act as.

    `RIPIENO_PRINCIPAL` names it (else the operating system's user), `RIPIENO_TENANT` its tenant (else
    `default`), and `RIPIENO_ROLES` its roles, separated by commas. Without roles it holds every one:
    it is the operator's own machine and data.
    """
    settings = os.environ if environment is None else environment
    name = settings.get("RIPIENO_PRINCIPAL") or login()
    roles = [role.strip() for role in settings.get("RIPIENO_ROLES", "").split(",") if role.strip()]
    return Principal(
        "person",
        name.removeprefix("person:"),
        settings.get("RIPIENO_TENANT") or "default",
        frozenset(roles),
        every_role=not roles,
    )


def login() -> str:
    """Give the name of the operating system's user, in the letters that a principal may have."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid-{os.getuid()}"
    return re.sub(r"[^A-Za-z0-9._@+-]", "-", name).lstrip("._@+-") or "operator"
