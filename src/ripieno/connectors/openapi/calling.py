"""One operation carried out: its arguments written into a request, the answer read."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final, cast

from ripieno.connectors.openapi.operations import Body, Operation
from ripieno.connectors.openapi.parameters import Parameter, written
from ripieno.connectors.rest.client import Answer, Rest
from ripieno.connectors.rest.paging import Paging
from ripieno.model.action import Call
from ripieno.model.errors import ToolError

__all__ = ["KEY", "Calling", "input_schema"]

KEY: Final = "idempotency-key"
"""A header that an operation may declare for it: filled by the platform."""
LARGEST_BYTES: Final = 100_000
PLAIN: Final = ("text/", "application/xml", "application/yaml", "application/x-yaml")


class Calling:
    """Carries out one operation."""

    def __init__(self, rest: Rest, operation: Operation, paging: Paging | None, most: int) -> None:
        self._rest, self._operation = rest, operation
        self._parameters = operation.parameters
        self._body = operation.body
        self._paging, self._most = paging, most

    async def __call__(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Call it, once; where its pages are declared, page by page."""
        found = written(self._parameters, arguments)
        path = self._operation.path
        for name, text in found.path.items():
            path = path.replace(f"{{{name}}}", text)
        headers = dict(found.headers)
        for one in self._parameters:
            if one.place == "header" and one.name.lower() == KEY:
                headers[one.name] = call.key
        options: dict[str, Any] = {"query": found.query, "headers": headers, "cookies": found.cookies}
        if self._paging is not None:
            return await self._rest.items(call, path, self._paging, limit=self._most, **options)
        if self._body is not None and "body" in arguments:
            kind, body = sent(self._body, arguments["body"])
            options |= body
            headers.update(kind)
        answer = await self._rest.request(call, self._operation.method, path, **options)
        return content(answer)


def sent(body: Body, given: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Give the headers of a body that the client does not know by itself, and the body as it sends it."""
    if body.kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        text = json.dumps(given, ensure_ascii=False).encode()
        return {"Content-Type": body.kind}, {"content": text}
    if not isinstance(given, Mapping):
        msg = f"a body of {body.kind} is an object"
        raise ToolError(msg, failure="bad_request")
    fields = cast("Mapping[str, Any]", given)
    if body.kind == "multipart/form-data":
        return {}, {"files": [part(name, value) for name, item in fields.items() for value in several(item)]}
    return {}, {"form": {name: [text_of(value) for value in several(item)] for name, item in fields.items()}}


def part(name: str, value: Any) -> tuple[str, tuple[str | None, bytes, str]]:
    """Give a part of a multipart body; what is an object is a part of JSON (OpenAPI, Encoding Object)."""
    if isinstance(value, Mapping):
        return name, (None, json.dumps(value).encode(), "application/json")
    return name, (None, text_of(value).encode(), "text/plain")


def several(value: Any) -> list[Any]:
    """Give each value of a field."""
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    """Give a value of a form."""
    return value if isinstance(value, str) else json.dumps(value)


def content(answer: Answer) -> Any:
    """Give what was answered: JSON as it is, text as text, anything else as base64 where it is short."""
    if not answer.body.strip():
        return None
    if "json" in answer.kind or not answer.kind:
        return answer.json()
    if answer.kind.startswith(PLAIN):
        return answer.body.decode("utf-8", "replace")
    found: dict[str, Any] = {"media_type": answer.kind, "bytes": len(answer.body)}
    if len(answer.body) <= LARGEST_BYTES:
        found["base64"] = base64.b64encode(answer.body).decode()
    return found


def input_schema(operation: Operation, hidden: set[str]) -> dict[str, Any]:
    """Give the schema of what a tool takes: its parameters by name, and `body`."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    required: list[str] = []

    def add(name: str, schema: Mapping[str, Any], about: str, *, needed: bool) -> None:
        own = {word: value for word, value in schema.items() if word != "$defs"}
        definitions.update(schema.get("$defs", {}))
        properties[name] = {**own, "description": about} if about and "description" not in own else own
        if needed:
            required.append(name)

    for one in operation.parameters:
        if not withheld(one, hidden):
            add(one.argument, one.schema, one.about, needed=one.required)
    body = operation.body
    if body is not None:
        add("body", body.schema, "", needed=body.required)
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    return {**found, "$defs": definitions} if definitions else found


def withheld(one: Parameter, hidden: set[str]) -> bool:
    """Tell whether the platform fills a parameter itself: the key of a call, what turns pages."""
    return one.name in hidden or (one.place == "header" and one.name.lower() == KEY)
