"""An OpenAPI document as plain data: read within bounds, its references followed nowhere but within it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

import yaml

from ripieno.connectors.remote import digest_of
from ripieno.model.errors import DefinitionError, Place

__all__ = ["Document", "parse_document", "read_content", "read_document"]

LARGEST: Final = 30_000_000
"""Bytes; the largest public documents have half of that."""
MOST_VALUES: Final = 5_000_000
DEEPEST: Final = 200
LONGEST_CHAIN: Final = 50
SUPPORTED: Final = re.compile(r"3\.[01]\.\d+(-.*)?")
PLAIN: Final = {
    "tag:yaml.org,2002:bool": re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"),
    "tag:yaml.org,2002:int": re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"),
    "tag:yaml.org,2002:float": re.compile(r"^[-+]?(?:0|[1-9][0-9]*)?\.?[0-9]+(?:[eE][-+]?[0-9]+)?$"),
    "tag:yaml.org,2002:null": re.compile(r"^(?:~|null|Null|NULL|)$"),
    "tag:yaml.org,2002:merge": re.compile(r"^<<$"),
}
"""What YAML 1.2 takes for something else than text: no dates, no `yes` and `no`."""


class Loader(yaml.CSafeLoader):
    """Reads plain data."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML has it


for _tag, _pattern in PLAIN.items():
    Loader.add_implicit_resolver(_tag, _pattern, None)  # pyright: ignore[reportUnknownMemberType] - untyped in PyYAML's stub


class Document:
    """What a document says."""

    def __init__(self, data: Mapping[str, Any], whose: str) -> None:
        self.data, self.whose = data, whose
        version = data.get("openapi")
        if not isinstance(version, str) or not SUPPORTED.fullmatch(version):
            known = f"Swagger {data['swagger']}" if "swagger" in data else repr(version)
            msg = f"{whose}: expected an OpenAPI document of version 3.0 or 3.1, found {known}"
            remedy = "convert it first, with swagger2openapi for one" if "swagger" in data else None
            raise DefinitionError(msg, remedy=remedy)
        self.version: str = version
        self._check(data)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that it says."""
        return digest_of(self.data)

    def resolved(self, node: Any) -> Any:
        """Give a node with its reference followed; raises `DefinitionError` where that leads nowhere."""
        for _ in range(LONGEST_CHAIN):
            if not isinstance(node, dict) or not isinstance(cast("dict[str, Any]", node).get("$ref"), str):
                return cast("Any", node)
            node = self.at(cast("dict[str, Any]", node)["$ref"])
        msg = f"{self.whose}: a reference leads in a circle"
        raise DefinitionError(msg)

    def mapping(self, node: Any) -> dict[str, Any]:
        """Give a node, its reference followed, as a mapping; empty where it is none."""
        found = self.resolved(node)
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    def listed(self, node: Any, what: str) -> list[Any]:
        """Give a node as a list, empty where there is none; raises `DefinitionError` for anything else."""
        if node is None:
            return []
        if not isinstance(node, list):
            msg = f"{self.whose}: {what} have to be a list, found {type(node).__name__}"
            raise DefinitionError(msg)
        return cast("list[Any]", node)

    def at(self, reference: str) -> Any:
        """Give what a reference `#/components/...` names."""
        found: Any = self.data
        for part in reference.removeprefix("#").lstrip("/").split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = cast("dict[str, Any]", found)[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(cast("list[Any]", found)):
                found = cast("list[Any]", found)[int(name)]
            else:
                msg = f"{self.whose} refers to {reference!r}, which is not in it"
                raise DefinitionError(msg)
        return found

    def _check(self, data: Mapping[str, Any]) -> None:
        """Go through all of it once: within bounds, and no reference leads out of it."""
        seen = 0
        waiting: list[tuple[Any, int]] = [(data, 0)]
        while waiting:
            node, depth = waiting.pop()
            seen += 1
            if seen > MOST_VALUES or depth > DEEPEST:
                msg = f"{self.whose} has more than {MOST_VALUES:,} values, or nests deeper than {DEEPEST}"
                raise DefinitionError(msg)
            if isinstance(node, dict):
                fields = cast("dict[Any, Any]", node)
                reference = fields.get("$ref")
                if isinstance(reference, str) and not reference.startswith("#"):
                    msg = f"{self.whose} refers to {reference!r}, outside of it; nothing is fetched"
                    raise DefinitionError(msg, remedy="bundle it into one document first: redocly bundle")
                waiting.extend((one, depth + 1) for one in fields.values())
            elif isinstance(node, list):
                waiting.extend((one, depth + 1) for one in cast("list[Any]", node))


def read_document(file: Path) -> Document:
    """Read a document from a JSON or YAML file."""
    return parse_document(read_content(file), file.name)


def read_content(file: Path) -> bytes:
    """Read what a document may be, no more of it than one may have; raises `DefinitionError`."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        msg = f"cannot read the OpenAPI document {file.name!r}: {error.strerror or error}"
        raise DefinitionError(msg) from error


def parse_document(content: bytes, whose: str) -> Document:
    """Read a document; raises `DefinitionError` with the place of what is wrong."""
    if len(content) > LARGEST:
        msg = f"an OpenAPI document may have {LARGEST:,} bytes, {whose} has more"
        raise DefinitionError(msg)
    try:
        data: Any = json.loads(content) if content.lstrip()[:1] == b"{" else from_yaml(content)
    except json.JSONDecodeError as error:
        msg = f"{whose} is not JSON: {error.msg}"
        raise DefinitionError(msg, place=Place(whose, error.lineno)) from error
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        msg = f"{whose} is not YAML: {error.problem}"
        raise DefinitionError(msg, place=Place(whose, line)) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        msg = f"{whose} is neither JSON nor YAML: {type(error).__name__}"
        raise DefinitionError(msg) from error
    if not isinstance(data, dict):
        msg = f"{whose}: expected an OpenAPI document, found {type(data).__name__}"
        raise DefinitionError(msg)
    return Document(cast("dict[str, Any]", data), whose)


def from_yaml(content: bytes) -> Any:
    """Read YAML as plain data with text for keys, as JSON has it.

    It is gone through once before: the fast reader of deep nesting exhausts the stack, and ends the process.
    """
    depth = 0
    for event in yaml.parse(content, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            msg = f"nested deeper than {DEEPEST}"
            raise ValueError(msg)
    return named(yaml.load(content, Loader), [0])  # noqa: S506 - it makes plain data only


def named(node: Any, seen: list[int]) -> Any:
    """Give data whose keys are text: a status `200` is written as a number. Aliases expand within bounds."""
    seen[0] += 1
    if seen[0] > MOST_VALUES:
        msg = "more values than an OpenAPI document may have"
        raise ValueError(msg)
    if isinstance(node, dict):
        return {str(name): named(one, seen) for name, one in cast("dict[Any, Any]", node).items()}
    return [named(one, seen) for one in cast("list[Any]", node)] if isinstance(node, list) else node
