"""Participants and schemas as a workflow file declares them, made into the objects that Python makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from ripieno.connectors.tool import Tool
from ripieno.mediation.validation.schemas import restored
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, Place
from ripieno.model.provenance import SourceTrust
from ripieno.model.spending import Cost
from ripieno.model.working_time import Calendar
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import DEFAULT_TIMEOUT, Function
from ripieno.participants.human import Decision, Human, Person, Role
from ripieno.participants.remote import RemoteAgent
from ripieno.resilience.policy import Resilience
from ripieno.workflows.entries import (
    FunctionEntry,
    FunctionSettings,
    HumanEntry,
    ImportEntry,
    RemoteEntry,
    RemoteSettings,
    SchemaText,
    Then,
)
from ripieno.workflows.fields import Import
from ripieno.workflows.inputs import InputRule
from ripieno.workflows.objects import import_from
from ripieno.workflows.resilience import ResilienceDocument, resilience
from ripieno.workflows.text import LARGEST_FILE

__all__ = ["input_rule", "participant"]


def participant(
    name: str,
    entry: FunctionEntry | HumanEntry | ImportEntry | RemoteEntry,
    folder: Path,
    calendars: Mapping[str, Calendar],
) -> BaseParticipant:
    """Give the participant that an entry declares; a calendar that it names is among `calendars`."""
    if isinstance(entry, FunctionEntry):
        return function(name, entry.function, folder)
    if isinstance(entry, ImportEntry):
        return imported(name, entry, folder)
    if isinstance(entry, RemoteEntry):
        return remote(name, entry.remote)
    settings = entry.human
    later = settings.then if isinstance(settings.then, list) else [settings.then] if settings.then else []
    return Human(
        name,
        role=settings.role,
        person=settings.person,
        form=Decision if settings.form is None else form(settings.form, folder),
        title=settings.title,
        due=settings.due,
        calendar=None if settings.calendar is None else calendars[settings.calendar],
        remind=settings.remind,
        then=[addressee(then) for then in later],
    )


def remote(name: str, settings: RemoteSettings) -> RemoteAgent:
    """Give a remote agent as a participant."""
    asks = settings.asks if isinstance(settings.asks, list) else [settings.asks] if settings.asks else []
    cost = settings.cost
    times = {"timeout": settings.timeout, "look": settings.look, "look_at_most": settings.look_at_most}
    return RemoteAgent(
        name,
        url=settings.url,
        card=settings.card,
        secret=settings.secret,
        client_id=settings.client_id,
        scopes=settings.scopes,
        given=settings.input,
        asks=[addressee(one) for one in asks],
        streaming=settings.streaming,
        effect=settings.effect,
        on_uncertain=settings.on_uncertain,
        cost=None if cost is None else Cost(cost.model_calls, cost.tokens, cost.cost_usd or 0),
        trust=settings.trust,
        data=settings.data,
        region=settings.region,
        resilience=outgoing(settings.resilience),
        **{what: time for what, time in times.items() if time is not None},
    )


def addressee(then: Then) -> Role | Person:
    """Give who is asked later."""
    return Person(then.person, then.due) if then.person is not None else Role(str(then.role), then.due)


def function(name: str, settings: FunctionSettings, folder: Path) -> Function:
    """Give a function as a participant; one that is a participant already is taken as it is."""
    found = import_from(folder, settings.object)
    if isinstance(found, Function):
        check_agreement(settings, found)
        return found if found.name == name else renamed(found, name)
    if isinstance(found, BaseParticipant):
        msg = f"{settings.object!r} is a {found.kind} participant, not a function"
        raise DefinitionError(msg, remedy=f"write {name}: {{import: {settings.object!r}}}")
    if isinstance(found, Tool):
        msg = f"{settings.object!r} is a tool, not a function"
        raise DefinitionError(
            msg, remedy="let a pure function call it by context.use, and name that function here"
        )
    if not callable(found):
        msg = f"expected a function at {settings.object!r}, found {kind_of(found)}"
        raise DefinitionError(msg)
    return Function(
        found,
        name=name,
        pure=bool(settings.pure),
        version=settings.version,
        timeout=settings.timeout or DEFAULT_TIMEOUT,
        resilience=outgoing(settings.resilience),
    )


def renamed(found: Function, name: str) -> Function:
    """Give the same function under another name."""
    return Function(
        found.function,
        name=name,
        pure=found.pure,
        version=found.version,
        timeout=found.effect_timeout,
        trust=cast("SourceTrust | None", found.trust),
        data=found.data,
        resilience=found.resilience,
    )


def outgoing(settings: ResilienceDocument | None) -> Resilience | None:
    """Give what calls pass on their way out, where anything is said of it."""
    return None if settings is None else resilience(settings)


def check_agreement(settings: FunctionSettings, found: Function) -> None:
    """Refuse settings of a file that contradict those that the function was declared with in Python."""
    timeout = None if settings.timeout is None else seconds(settings.timeout)
    pairs: dict[str, tuple[Any, Any]] = {
        "pure": (settings.pure, found.pure),
        "version": (settings.version, found.version),
        "timeout": (timeout, found.effect_timeout),
        "resilience": (
            None if settings.resilience is None else resilience(settings.resilience).document(),
            None if found.resilience is None else found.resilience.document(),
        ),
    }
    for what, (here, there) in pairs.items():
        if here is not None and here != there:
            msg = f"{what} is {here!r} here, and {there!r} where {settings.object!r} is declared"
            raise DefinitionError(msg, remedy="say it in one place")


def imported(name: str, entry: ImportEntry, folder: Path) -> BaseParticipant:
    """Give a participant that is declared in Python, as it is."""
    found = import_from(folder, entry.object)
    if not isinstance(found, BaseParticipant):
        msg = f"expected a participant at {entry.object!r}, found {kind_of(found)}"
        raise DefinitionError(msg, remedy="a plain function is declared as {function: {import: ...}}")
    if found.name != name:
        msg = f"{entry.object!r} is called {found.name!r}, not {name!r}"
        raise DefinitionError(msg, remedy=f"declare it here as {found.name!r}")
    return found


# -- schemas ---------------------------------------------------------------------------------------------


def form(declared: SchemaText | Import | dict[str, Any], folder: Path) -> type[BaseModel] | dict[str, Any]:
    """Give the form of an answer."""
    if not isinstance(declared, Import):
        return schema(declared, folder)
    found: object = import_from(folder, declared.object)
    kind = kind_of(found)
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    if isinstance(found, type) and issubclass(found, BaseModel):
        return found
    msg = f"expected a Pydantic model or a JSON Schema at {declared.object!r}, found {kind}"
    raise DefinitionError(msg)


def kind_of(found: object) -> str:
    """Say what kind of object was found."""
    return type(found).__name__


def input_rule(declared: SchemaText | Import | dict[str, Any], folder: Path) -> InputRule:
    """Give what a run's input is checked by."""
    return import_from(folder, declared.object) if isinstance(declared, Import) else schema(declared, folder)


def schema(declared: SchemaText | dict[str, Any], folder: Path) -> dict[str, Any]:
    """Give a JSON Schema, read from its file where it has one."""
    text = declared.text if isinstance(declared, SchemaText) else declared
    return schema_file(folder / text) if isinstance(text, str) else restored(text)


def schema_file(file: Path) -> dict[str, Any]:
    """Read a JSON Schema from a file."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        msg = f"cannot read the schema {str(file)!r}: {error.strerror or error}"
        raise DefinitionError(msg) from error
    if len(content) > LARGEST_FILE:
        msg = f"a schema may have {LARGEST_FILE:,} bytes, {str(file)!r} has more"
        raise DefinitionError(msg)
    try:
        found = json.loads(content)
    except json.JSONDecodeError as error:
        msg = f"not JSON: {error.msg}"
        raise DefinitionError(msg, place=Place(str(file), error.lineno)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        msg = f"{str(file)!r} is not JSON: {error}"
        raise DefinitionError(msg) from error
    if not isinstance(found, dict):
        msg = f"expected an object as a JSON Schema in {str(file)!r}, found {kind_of(found)}"
        raise DefinitionError(msg)
    return cast("dict[str, Any]", found)
