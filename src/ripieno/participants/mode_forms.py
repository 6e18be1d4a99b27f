"""What a person is asked who stands in for a participant, or approves what it suggests."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ripieno.participants.base import BaseParticipant
from ripieno.participants.human import Decision, Human

__all__ = ["asking", "doing_form", "judging_form"]


def asking(person: Human, form: Mapping[str, Any]) -> Human:
    """Give the same person, with the same roles and times, asked by another form."""
    asked = copy.copy(person)
    asked.form = form
    return asked


def doing_form(participant: BaseParticipant, person: Human) -> dict[str, Any]:
    """Give the form of a person who does the work: `{output: ...}`, or a no.

    The output has the participant's own form where it has one, else that of the person; without
    either it is anything.
    """
    own = None if person.form == Decision.model_json_schema() else person.form
    form = output_field(participant.output_form() or own or {}, f"what {participant.name} would give")
    return {
        **form,
        "title": f"Do the work of {participant.name}",
        "anyOf": [{"required": ["output"]}, {"required": ["proceed"]}],
        "properties": {
            **form["properties"],
            "proceed": {"const": False, "description": "false when it cannot be done; then it is escalated"},
        },
    }


def judging_form(participant: BaseParticipant) -> dict[str, Any]:
    """Give the form of a person who judges a suggestion: yes, yes with another output, or no."""
    form = output_field(
        participant.output_form() or {}, f"what stands instead of what {participant.name} suggests"
    )
    return {
        **form,
        "title": f"Judge what {participant.name} suggests",
        "required": ["proceed"],
        "properties": {
            "proceed": {"type": "boolean", "description": "whether it stands; false escalates it"},
            **form["properties"],
        },
    }


def output_field(schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    """Give a form with a field `output` of this schema; its definitions stay where references find them."""
    inner = dict(schema)
    definitions = {name: inner.pop(name) for name in ("$defs", "definitions") if name in inner}
    inner.setdefault("description", description)
    return {
        "type": "object",
        "properties": {"output": inner, "note": {"type": "string", "description": "why, for the log"}},
        "additionalProperties": False,
        **definitions,
    }
