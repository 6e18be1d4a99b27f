"""What branches side by side said, and the rule that settled it: one table for each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ripieno.cli.output import clean, listing, mark, show, to_json
from ripieno.evidence.steps import step_name
from ripieno.evidence.story import Chosen

__all__ = ["is_about_sides", "show_sides"]

SAID_LIMIT: Final = 60
"""Letters of what one side said."""


def is_about_sides(choice: Chosen) -> bool:
    """Tell whether a choice settled what several branches said, or that nothing settles it."""
    because: Any = choice.because
    return isinstance(because, dict) and "sides" in because


def show_sides(screen: Console, choice: Chosen) -> None:
    """Show every side, how sure it was, and whether it stands; above them the rule and what it came to."""
    because: Mapping[str, Any] = choice.because
    winners: list[str] = because.get("winners", [])
    where = step_name(choice.path.rpartition("/choice/")[0])
    screen.print(
        Text.assemble("\n", (f"{where}: ", "bold"), clean(verdict(choice, because, winners))), soft_wrap=True
    )
    table = listing("", "branch", "sure", "", "says")
    for name, side in because["sides"].items():
        stands = "stands" if name in winners else "lost" if winners else "open"
        sure = side.get("confidence")
        table.add_row(
            mark(side["status"]),
            name,
            "" if sure is None else f"{float(sure):.2f}",
            Text(stands, style="bold" if name in winners else "dim"),
            clean(said(side), limit=SAID_LIMIT),
        )
    show(screen, table)


def verdict(choice: Chosen, because: Mapping[str, Any], winners: list[str]) -> str:
    """Say in one line what came of it."""
    rule = because["rule"]
    if winners:
        return f"settled by {rule} for {', '.join(winners)}"
    if "why" in because:
        return f"not settled by {rule}: {because['why']}"
    return f"put to {choice.chosen} by {rule}"


def said(side: Mapping[str, Any]) -> str:
    """Give what a side said: text as it is, all else as JSON."""
    says = side["says"]
    if says is None:
        return "" if side["status"] == "complete" else side["status"]
    return says if isinstance(says, str) else to_json(says)
