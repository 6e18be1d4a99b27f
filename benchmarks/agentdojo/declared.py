"""What whoever deploys these tools declares of them, by their names, descriptions and parameters alone.

Alike for every suite, and without a look at the tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ripieno.model.action import Effect

__all__ = ["CONTENT", "DATA", "TRUSTED", "effect_of", "leaves"]

READS: Final = ("get_", "read_", "search_", "list_", "check_")
"""How the names of tools begin that change nothing."""

TRUSTED: Final = frozenset(
    {
        # what the system itself knows
        "get_current_day",
        # what the user's own account says of the user
        "get_balance",
        "get_iban",
        "get_user_info",
        "get_user_information",
        # the address book that the user keeps
        "search_contacts_by_email",
        "search_contacts_by_name",
    }
)
"""Tools into whose answers nobody but the user and the system writes. Names of channels, and of people in a
chat, are written by whoever made them.
"""

OUTSIDE: Final = frozenset({"get_webpage"})
"""Tools that read what others serve: the address that they are given leaves the organisation."""

OWN: Final = frozenset(
    {
        "append_to_file",
        "create_file",
        "delete_email",
        "delete_file",
        "update_password",
        "update_user_info",
    }
)
"""Tools that change what is the user's own, and tell nobody of it."""

DATA: Final[Mapping[str, tuple[str, ...]]] = {
    # name, number of the passport, of the credit card
    "get_user_information": ("pii",),
    # name, address, password
    "get_user_info": ("pii", "secret"),
}
"""Classes of data of what tools give, as their descriptions say."""

CONTENT: Final[Mapping[str, tuple[str, ...]]] = {
    "append_to_file": ("content",),
    "create_calendar_event": ("title", "description", "location", "start_time", "end_time"),
    "create_file": ("content",),
    "post_webpage": ("content",),
    "schedule_transaction": ("subject",),
    "send_channel_message": ("body",),
    "send_direct_message": ("body",),
    "send_email": ("subject", "body"),
    "send_money": ("subject",),
    "update_scheduled_transaction": ("subject",),
}
"""Parameters that are written down or said; every other decides upon what, to whom or where."""


def effect_of(tool: str) -> Effect:
    """Give whether a tool changes something."""
    return "read" if tool.startswith(READS) else "write"


def leaves(tool: str) -> bool | None:
    """Give whether what a tool is given leaves the organisation; None where that is not known."""
    if tool in OUTSIDE:
        return True
    return False if effect_of(tool) == "read" or tool in OWN else None
