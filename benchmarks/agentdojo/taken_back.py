"""How some of these tools are taken back: by another tool of the same system, or by what was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["BEFORE", "INVERSES", "inverse", "put_back"]

BEFORE: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Any]]] = {
    "append_to_file": lambda world, given: world.cloud_drive.files[given["file_id"]].content,
    "reschedule_calendar_event": lambda world, given: times(world.calendar.events.get(given["event_id"])),
    "update_scheduled_transaction": lambda world, given: scheduled(world, given["id"]),
    "update_user_info": lambda world, _: world.user_account.model_dump(
        mode="json", include={"first_name", "last_name", "street", "city"}
    ),
}
"""What a tool's own system holds before a call that replaces it: kept with the result, to put it back."""


def scheduled(world: Any, number: int) -> dict[str, Any] | None:
    """Give a scheduled transaction as it stands."""
    found = [one for one in world.bank_account.scheduled_transactions if one.id == number]
    return found[0].model_dump(mode="json") if found else None


def times(event: Any) -> dict[str, str] | None:
    """Give when an event takes place, as the tool that moves it wants to know."""
    if event is None:
        return None
    form = "%Y-%m-%d %H:%M"
    return {"new_start_time": event.start_time.strftime(form), "new_end_time": event.end_time.strftime(form)}


INVERSES: Final[Mapping[str, str]] = {
    "append_to_file": "",
    "create_calendar_event": "cancel_calendar_event",
    "create_file": "delete_file",
    "reschedule_calendar_event": "reschedule_calendar_event",
    "update_scheduled_transaction": "update_scheduled_transaction",
    "update_user_info": "update_user_info",
}
"""By which tool each is taken back, if by one; the rest cannot be."""

NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "create_calendar_event": ("event_id", "id_"),
    "create_file": ("file_id", "id_"),
}
"""The inverse's parameter, and the field of the result that it receives."""


def put_back(world: Any, file: str, content: str) -> None:
    """Give a file the content of before, as the drive's own history of versions does."""
    world.cloud_drive.files[file].content = content


def inverse(tool: str, given: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Give the call that takes one back."""
    if tool in NAMED:
        parameter, field = NAMED[tool]
        return INVERSES[tool], {parameter: result["result"][field]}
    own = {name: given[name] for name in ("event_id", "id") if name in given}
    return INVERSES[tool], {**own, **result["before"]}
