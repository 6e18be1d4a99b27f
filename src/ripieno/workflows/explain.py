"""Pydantic's findings in the words of workflow files: what was expected, what was found, the nearest name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, cast, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from ripieno.model.errors import DefinitionError, nearest
from ripieno.workflows.agents import StrategyRule, ToolRule
from ripieno.workflows.chats import End, ManagerRule
from ripieno.workflows.checks import CheckRule
from ripieno.workflows.connector_entries import CONNECTOR_KINDS, ConnectorEntry
from ripieno.workflows.document import (
    FLOW_KINDS,
    Qualified,
    SequentialSettings,
    Stage,
    WorkflowDocument,
)
from ripieno.workflows.entries import Schema
from ripieno.workflows.kinds import PARTICIPANT_KINDS, ParticipantEntry
from ripieno.workflows.rules import Rule
from ripieno.workflows.text import Text

__all__ = ["explained"]

FOUND: Final = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
}
LONGEST_SHOWN: Final = 60
NAMED_KINDS: Final = {
    "participants": ("participant", list(PARTICIPANT_KINDS)),
    "connectors": ("connector", list(CONNECTOR_KINDS)),
}


def explained(error: ValidationError, text: Text) -> list[DefinitionError]:
    """Give every problem that Pydantic found, each with its place."""
    return [problem(details, text) for details in error.errors(include_url=False)]


def problem(details: ErrorDetails, text: Text) -> DefinitionError:
    """Give one finding as an error of the file."""
    at = details["loc"]
    message = message_of(details)
    return DefinitionError(message, place=text.place(at))


def message_of(details: ErrorDetails) -> str:
    """Say what was expected and what was found."""
    kind, found = details["type"], shown(details["input"])
    if kind in FOUND:
        return f"{FOUND[kind]}, found {found}"
    if kind in SAID:
        return SAID[kind](details, details.get("ctx", {}))
    said = details["msg"].replace("Input should be", "expected a value")
    return f"{said.replace('String should', 'expected text to')}, found {found}"


def unknown_value(details: ErrorDetails, context: Mapping[str, Any]) -> str:
    """Say which values there are."""
    expected, found = str(context["expected"]), details["input"]
    return f"expected {expected}, found {shown(found)}{nearest(str(found), literals(expected))}"


SAID: Final[Mapping[str, Callable[[ErrorDetails, Mapping[str, Any]], str]]] = {
    "missing": lambda details, _: f"{str(details['loc'][-1])!r} is missing",
    "extra_forbidden": lambda details, _: unknown_field(details["loc"]),
    "union_tag_not_found": lambda details, _: unknown_kind(details["loc"], details["input"]),
    "union_tag_invalid": lambda details, _: unknown_kind(details["loc"], details["input"]),
    "literal_error": unknown_value,
    "string_pattern_mismatch": lambda details, context: (
        f"{shown(details['input'])} does not match {context['pattern']}"
    ),
    "too_short": lambda _, context: f"expected at least {context['min_length']} item",
    "definition": lambda _, context: str(context["message"]),
}


def unknown_field(at: tuple[str | int, ...]) -> str:
    """Say that a field is not known, and which are."""
    name, model = str(at[-1]), model_at(at[:-1])
    known = names_of(model)
    listed = f"known here: {', '.join(known)}"
    return f"unknown field {name!r}{nearest(name, known)}; {listed}"


def unknown_kind(at: tuple[str | int, ...], found: Any) -> str:
    """Say which kinds there are where a participant, a stage or a condition is expected."""
    if len(at) == 2 and at[0] in NAMED_KINDS:  # noqa: PLR2004 - the place of a participant or connector
        return kind_message(*NAMED_KINDS[str(at[0])], found, set())
    if "<group_chat>" in at and at[-1] in ("until", "manager"):
        example = "consensus or {rounds: 6}" if at[-1] == "until" else "round_robin or {step: chair}"
        return f"expected something like {example}, found {shown(found)}"
    if "check" in at:
        return f"expected an expression, or a mapping with one rule, found {shown(found)}"
    if ("<single_agent>" in at or "<agent>" in at) and "tools" in at:
        return (
            f"expected a tool as 'module:attribute', or {{import: 'module:attribute'}}, found {shown(found)}"
        )
    if at[-1] in ("when", "until"):
        return f"expected an expression or {{import: 'module:function'}}, found {shown(found)}"
    return kind_message("stage", list(FLOW_KINDS), found, set(names_of(Qualified)))


def kind_message(what: str, kinds: list[str], found: Any, beside: set[str]) -> str:
    listed = ", ".join(kinds)
    name = " or a participant's name" if what == "stage" else ""
    if not isinstance(found, dict):
        return f"expected a {what}: a mapping with one of {listed}{name}; found {shown(found)}"
    keys = [str(key) for key in cast("dict[Any, Any]", found)]
    several = [key for key in keys if key in kinds]
    if several:
        return f"a {what} is of one kind, found {' and '.join(several)}"
    strange = [key for key in keys if key not in beside]
    if not strange:
        return f"expected a {what} with one of {listed}; found none of them"
    return f"unknown kind of {what} {strange[0]!r}{nearest(strange[0], kinds)}; known: {listed}"


# -- models, fields and tags -----------------------------------------------------------------------------


def model_at(at: tuple[str | int, ...]) -> type[BaseModel]:
    """Give the model that stands at a place of a finding: the last one that its tags and fields lead to."""
    model: type[BaseModel] = WorkflowDocument
    for part in at:
        if part in TAGGED:
            model = TAGGED[str(part)]
            continue
        for name, field in model.model_fields.items():
            if part == (field.alias or name):
                model = next(models_in(field.annotation), model)
    return model


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Give the models that an annotation names directly or as optional."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            yield candidate


def names_of(model: type[BaseModel]) -> list[str]:
    """Give the fields of a model as files have them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def tagged(*unions: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """Give the models of tagged unions by their tags."""
    for union in unions:
        members = get_args(get_args(union)[0])
        for member in members:
            if get_origin(member) is Annotated:
                of, *notes = get_args(member)
                for note in notes:
                    if isinstance(note, Tag) and isinstance(of, type) and issubclass(of, BaseModel):
                        yield note.tag, of


TAGGED: Final = {
    **dict(
        tagged(
            Stage,
            ParticipantEntry,
            ConnectorEntry,
            Schema,
            Rule,
            End,
            ManagerRule,
            StrategyRule,
            ToolRule,
            CheckRule,
        )
    ),
    "<settings>": SequentialSettings,
}
"""The models by the tags that stand in the place of a finding."""


def literals(expected: str) -> list[str]:
    """Give the values that Pydantic lists as `'a', 'b' or 'c'`."""
    return expected.replace(" or ", ", ").replace("'", "").split(", ")


def shown(value: Any) -> str:
    """Give a value in one short line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
