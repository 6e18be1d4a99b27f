"""A text is written, and two check it: compliance and tone. Rules over words, no model."""

from __future__ import annotations

import re
from typing import Any

from ripieno import (
    Limits,
    Workflow,
    function,
    group_chat,
    human,
    maker_checker,
    role,
    rounds,
    verdict,
)

FORBIDDEN = {"guaranteed": "likely", "risk-free": "low-risk", "best in the world": "well tried"}
"""What may not be claimed, and what may be said in its place."""

LOUD = re.compile(r"\b[A-Z]{4,}\b|!+")


@function(pure=True)
def writer(input: dict[str, Any], writer: Any, compliance: Any, tone: Any) -> dict[str, Any]:  # noqa: A002 - the name by which it receives the input
    """Give the text; from the second round on, with what the checkers asked for changed."""
    if writer is None:
        return {"text": input["text"]}
    text = writer["text"]
    for phrase in compliance["remove"]:
        if phrase not in input.get("insists_on", []):
            text = re.sub(phrase, FORBIDDEN[phrase], text, flags=re.IGNORECASE)
    if tone["calmer"]:
        text = LOUD.sub(lambda found: "." if "!" in found[0] else found[0].capitalize(), text)
    return {"text": text}


@function(pure=True)
def compliance(writer: dict[str, str]) -> dict[str, Any]:
    """Look for claims that may not be made."""
    found = [phrase for phrase in FORBIDDEN if phrase in writer["text"].lower()]
    return {"verdict": "rejected" if found else "approved", "remove": found}


@function(pure=True)
def tone(writer: dict[str, str]) -> dict[str, Any]:
    """Look for shouting."""
    loud = LOUD.findall(writer["text"])
    return {"verdict": "rejected" if loud else "approved", "calmer": loud}


EDITORS_WORD = {
    "type": "object",
    "properties": {"text": {"type": "string", "description": "what is published"}},
    "required": ["text"],
}

editor = human(
    "editor",
    role="editor",
    form=EDITORS_WORD,
    title="Writer and checkers do not agree. What do we publish?",
    due="1d",
    then=role("editor-in-chief", due="1d"),
)

workflow = Workflow(
    "content-review",
    group_chat(
        writer,
        compliance,
        tone,
        manager=maker_checker(writer),
        until=verdict("approved") | rounds(3),
        otherwise=editor,
        name="review",
    ),
    owner="communications",
    purpose="publish nothing that claims too much or shouts",
    limits=Limits(deadline="3d"),
)
