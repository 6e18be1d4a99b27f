"""A plan as people read it: each item on a line of its own, with what is new, changed or gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from rich.console import Group
from rich.text import Text

from ripieno.cli.output import clean

__all__ = ["is_plan", "plan_of"]

ITEM: Final = frozenset({"id", "what", "owner", "state"})
WHY: Final = {"reason": "", "stalled": "stalled: ", "rejected": "rejected: "}
"""Fields that say why there is a plan, and the word before each."""


def is_plan(about: object) -> bool:
    """Tell whether something is a plan of items, with what it changes."""
    if not isinstance(about, Mapping):
        return False
    fields = cast("Mapping[str, Any]", about)
    items: Any = fields.get("plan")
    return isinstance(items, list) and "changes" in fields and all(map(is_item, cast("list[Any]", items)))


def is_item(found: Any) -> bool:
    """Tell whether something is an item of a plan."""
    return isinstance(found, Mapping) and set(cast("Mapping[str, Any]", found)) >= ITEM


def plan_of(about: Mapping[str, Any]) -> Group:
    """Give why it was made, its items, and those of the plan before that are not in it."""
    return Group(*lines_of(about))


def lines_of(about: Mapping[str, Any]) -> Iterator[Text]:
    """Give its lines."""
    for name, before in WHY.items():
        if about.get(name):
            yield clean(f"{before}{about[name]}", style="dim")
    changes: Mapping[str, Any] = about["changes"]
    was = {change["id"]: change["from"] for change in changes["changed"]}
    added: list[Mapping[str, Any]] = changes["added"]
    first = len(added) == len(about["plan"]) and not changes["removed"]
    news = set[str]() if first else {item["id"] for item in added}
    for item in about["plan"]:
        sign = "+" if item["id"] in news else "~" if item["id"] in was else "·"
        state = "" if item["state"] == "open" else f" ({item['state']})"
        yield Text.assemble(f"{sign} ", clean(item["owner"], style="bold"), clean(f": {item['what']}{state}"))
        if item["id"] in was:
            before_it = was[item["id"]]
            yield clean(f"  before: {before_it['owner']}: {before_it['what']}", style="dim")
    for item in changes["removed"]:
        state = "" if item["state"] == "open" else f" ({item['state']})"
        yield clean(f"- {item['owner']}: {item['what']}{state}", style="dim")
