"""Answers of managers in short: facts, plans, looks at the progress."""

from __future__ import annotations

from typing import Any

__all__ = ["DONE", "facts", "item", "look", "plan"]


def facts(*lines: tuple[str, str] | tuple[str, str, str]) -> dict[str, Any]:
    """Give facts, each as kind, text and source."""
    return {"facts": [dict(zip(("kind", "text", "source"), line, strict=False)) for line in lines]}


def item(name: str, owner: str = "worker", what: str = "find out") -> dict[str, str]:
    """Give an item of a plan."""
    return {"id": name, "what": what, "owner": owner}


def plan(*items: dict[str, str], **more: Any) -> dict[str, Any]:
    """Give a plan."""
    return {"items": list(items or (item("a"),)), "reason": "it seems best", **more}


def look(
    speaker: str | None = "worker",
    what: str = "go on",
    *,
    at: str | None = "a",
    satisfied: bool = False,
    looping: bool = False,
    progressing: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Give a progress ledger."""
    judged = {"satisfied": satisfied, "looping": looping, "progressing": progressing}
    ledger: dict[str, Any] = {
        name: {"answer": answer, "reason": f"{name} it is"} for name, answer in judged.items()
    }
    said = {"next_speaker": speaker, "instruction": what}
    ledger |= {name: {"answer": answer, "reason": "whose turn it is"} for name, answer in said.items()}
    return {**ledger, "item": at, **more}


DONE = look(satisfied=True)
