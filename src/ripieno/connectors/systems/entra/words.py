"""What the connector of Entra ID deals in: users, groups, licences, and what a write did to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from ripieno.model.errors import ToolError

__all__ = [
    "CHANGEABLE",
    "Group",
    "Licence",
    "Membership",
    "User",
    "checked_changes",
    "checked_id",
    "checked_user",
    "fields",
    "quoted",
]

GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PRINCIPAL_NAME: Final = re.compile(r"[^@\s/?#%\\]{1,64}@[A-Za-z0-9.-]{1,255}")

CHANGEABLE: Final = frozenset(
    {
        *("displayName", "givenName", "surname", "jobTitle", "department", "companyName", "officeLocation"),
        *(
            "employeeId",
            "employeeType",
            "mobilePhone",
            "usageLocation",
            "preferredLanguage",
            "city",
            "country",
        ),
    }
)
"""Fields of a user that `update_user` changes; sign-in and access have acts of their own."""


@dataclass(frozen=True, slots=True)
class User:
    """A user."""

    id: str
    user_principal_name: str
    display_name: str = ""
    enabled: bool | None = None
    job_title: str = ""
    department: str = ""
    existed: bool = False
    """True where an earlier attempt of the same call had created it already."""

    @classmethod
    def of(cls, known: Mapping[str, Any], *, existed: bool = False) -> User:
        """Read one as Graph gives it."""
        texts = (known.get(name) or "" for name in ("displayName", "jobTitle", "department"))
        name, title, department = texts
        of = cls(str(known["id"]), str(known.get("userPrincipalName", "")), name)
        return cls(
            of.id, of.user_principal_name, name, known.get("accountEnabled"), title, department, existed
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A group."""

    id: str
    display_name: str
    description: str = ""
    kind: str = "security"
    """`security`, `microsoft 365` or `mail`; `dynamic` for one whose rule decides on its members."""

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Group:
        """Read one as Graph gives it."""
        kinds = known.get("groupTypes") or ()
        kind = "security" if known.get("securityEnabled") else "mail"
        kind = "dynamic" if "DynamicMembership" in kinds else "microsoft 365" if "Unified" in kinds else kind
        return cls(str(known["id"]), str(known.get("displayName")), known.get("description") or "", kind)


@dataclass(frozen=True, slots=True)
class Membership:
    """What became of a user's membership or licence."""

    user: str
    of: str
    """The group, or the licence's `skuId`."""
    changed: bool
    """False where it was so before: there is nothing to take back."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence that the organisation holds."""

    sku_id: str
    name: str
    total: int
    used: int


def checked_id(value: str, what: str) -> str:
    """Give an object's id; raises `ToolError` for what cannot be one."""
    if not GUID.fullmatch(value):
        msg = f"expected the id of a {what}, a GUID, got {value!r}"
        raise ToolError(msg)
    return value


def checked_user(value: str) -> str:
    """Give a user's id or principal name; raises `ToolError` for what cannot be either."""
    if not GUID.fullmatch(value) and not PRINCIPAL_NAME.fullmatch(value):
        msg = f"expected a user's id or principal name such as ada@example.com, got {value!r}"
        raise ToolError(msg)
    return value


def checked_changes(changes: Mapping[str, str], was: Mapping[str, str]) -> None:
    """Raise `ToolError` for changes that say not what was read, or of fields that are not for it."""
    if not changes or changes.keys() != was.keys():
        msg = f"'was' has to say what was read in exactly the fields that change: {sorted(changes)}"
        raise ToolError(msg)
    others = sorted(changes.keys() - CHANGEABLE)
    if others:
        msg = f"{', '.join(others)} is not changed by this; it changes {', '.join(sorted(CHANGEABLE))}"
        raise ToolError(msg)


def quoted(value: str) -> str:
    """Give a text as a literal of OData."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def fields(found: object) -> dict[str, Any]:
    """Give a mapping as what it is; an empty one in the place of anything else."""
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
