"""Parameters of operations, and how each is written into a request: its place, `style` and `explode`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast
from urllib.parse import quote

from ripieno.connectors.openapi.document import Document
from ripieno.connectors.openapi.schemas import standalone
from ripieno.model.errors import DefinitionError, ToolError

__all__ = ["Parameter", "Written", "parameters_of", "written"]

In = Literal["path", "query", "header", "cookie"]
STYLES: Final[Mapping[In, tuple[str, ...]]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
IGNORED: Final = frozenset({"accept", "content-type", "authorization"})
"""Headers that a document cannot declare as parameters (OpenAPI 3.1, Parameter Object)."""
BETWEEN: Final = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter."""

    argument: str
    """What it is called as an argument of the tool."""
    name: str
    place: In
    required: bool
    schema: Mapping[str, Any]
    style: str
    explode: bool
    about: str
    as_json: bool = False
    """True where it is written as a JSON text."""
    reserved: bool = False
    """True where reserved characters stay as they are."""

    def definition(self) -> list[Any]:
        """Give what a tool depends on."""
        how = [self.style, self.explode, self.as_json, self.reserved]
        return [self.argument, self.name, self.place, self.required, self.schema, self.about, how]


@dataclass(slots=True)
class Written:
    """What a request bears of its parameters."""

    path: dict[str, str]
    """By name, ready to stand in the path."""
    query: list[tuple[str, str]]
    headers: dict[str, str]
    cookies: dict[str, str]


def parameters_of(document: Document, declared: Sequence[Any], path: str) -> list[Parameter]:
    """Give parameters, those of the operation in place of those of its path; raises `DefinitionError`."""
    found: dict[tuple[str, str], Parameter] = {}
    for one in declared:
        said = document.mapping(one)
        parameter = parameter_of(document, said)
        if parameter is not None:
            found[parameter.place, parameter.name] = parameter
    for parameter in found.values():
        if parameter.place == "path" and f"{{{parameter.name}}}" not in path:
            msg = f"{document.whose}: {path} has no place for its parameter {parameter.name!r}"
            raise DefinitionError(msg)
    for name in re.findall(r"\{([^{}]+)\}", path):
        if ("path", name) not in found:
            msg = f"{document.whose}: {path} has a place {name!r}, and no parameter for it"
            raise DefinitionError(msg)
    often = Counter(one.argument for one in found.values())
    taken = {name for name, times in often.items() if times > 1} | {"body"}
    return [
        replace(one, argument=f"{one.place}_{one.argument}") if one.argument in taken else one
        for one in found.values()
    ]


def parameter_of(document: Document, said: Mapping[str, Any]) -> Parameter | None:
    """Give a parameter as it is declared; None for one that is none."""
    name, place = str(said.get("name", "")), said.get("in")
    known: In | None = next((one for one in STYLES if one == place), None)
    if known is None or not name or (known == "header" and name.lower() in IGNORED):
        return None
    style = str(said.get("style", STYLES[known][0]))
    if style not in STYLES[known]:
        msg = f"{document.whose}: parameter {name!r} cannot have the style {style!r} in {known}"
        raise DefinitionError(msg)
    content = document.mapping(said.get("content"))
    as_json = any("json" in kind for kind in content)
    schema = document.mapping(next(iter(content.values()))).get("schema") if content else said.get("schema")
    argument = "".join(one if one.isalnum() or one in "_-" else "_" for one in name)
    return Parameter(
        argument,
        name,
        known,
        bool(said.get("required", False)) or known == "path",
        standalone(document, schema),
        style,
        bool(said.get("explode", style == "form")),
        str(said.get("description") or "")[:1000],
        as_json,
        bool(said.get("allowReserved", False)),
    )


def written(parameters: Sequence[Parameter], arguments: Mapping[str, Any]) -> Written:
    """Write arguments into the places of a request; raises `ToolError` for what has no form there."""
    found = Written({}, [], {}, {})
    for one in parameters:
        value = arguments.get(one.argument)
        if value is None:
            continue
        if one.place == "query":
            found.query.extend(in_query(one, value))
        elif one.place == "path":
            found.path[one.name] = in_path(one, value)
        elif one.place == "header":
            found.headers[one.name] = in_header(one, value)
        else:
            found.cookies[one.name] = quote(joined(one, value, ","), safe="")
    return found


def in_query(one: Parameter, value: Any) -> list[tuple[str, str]]:
    """Write a parameter of the query."""
    if one.as_json:
        return [(one.name, json.dumps(value))]
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        if one.style == "deepObject":
            return [(f"{one.name}[{key}]", text_of(one, item)) for key, item in fields.items()]
        if one.explode:
            return [(key, text_of(one, item)) for key, item in fields.items()]
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        if one.explode:
            return [(one.name, text_of(one, item)) for item in items]
    return [(one.name, joined(one, value, BETWEEN.get(one.style, ",")))]


def in_path(one: Parameter, value: Any) -> str:
    """Write a parameter of the path, percent-encoded; it stays one segment."""
    items = pieces(one, value)
    pairs = isinstance(value, Mapping)
    equals = "=" if one.explode and pairs else ","
    texts = [
        quote(key, safe="") + equals + quote(text, safe="") if key else quote(text, safe="")
        for key, text in items
    ]
    if one.style == "label":
        found = "." + ("." if one.explode else ",").join(texts)
    elif one.style == "matrix":
        name = quote(one.name, safe="")
        whole = texts if pairs and one.explode else [f"{name}={text}" for text in texts]
        found = ";" + (";".join(whole) if one.explode else f"{name}={','.join(texts)}")
    else:
        found = ",".join(texts)
    if found in {"", ".", ".."}:
        msg = f"{one.argument} cannot be {value!r}: the path would lead elsewhere"
        raise ToolError(msg, failure="bad_request")
    return found


def in_header(one: Parameter, value: Any) -> str:
    """Write a parameter of the headers."""
    text = joined(one, value, ",")
    if not text.isprintable() or not text.isascii():
        msg = f"{one.argument} cannot stand in a header: printable ASCII only"
        raise ToolError(msg, failure="bad_request")
    return text


def joined(one: Parameter, value: Any, between: str) -> str:
    """Write a value as one text."""
    if one.as_json:
        return json.dumps(value)
    equals = "=" if one.explode and one.place in {"header", "cookie"} else between
    return between.join(f"{key}{equals}{text}" if key else text for key, text in pieces(one, value))


def pieces(one: Parameter, value: Any) -> list[tuple[str, str]]:
    """Give the texts of a value, each with its key where it has one."""
    if isinstance(value, Mapping):
        return [(str(key), text_of(one, item)) for key, item in cast("Mapping[str, Any]", value).items()]
    if isinstance(value, list):
        return [("", text_of(one, item)) for item in cast("list[Any]", value)]
    return [("", text_of(one, value))]


def text_of(one: Parameter, value: Any) -> str:
    """Give the text of a plain value; raises `ToolError` for any other: OpenAPI leaves it undefined."""
    if isinstance(value, Mapping | list):
        msg = f"{one.argument}: OpenAPI does not say how something nested is written in {one.place}"
        raise ToolError(msg, failure="bad_request")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
