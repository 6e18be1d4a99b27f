"""A workflow file as plain data, with the line of every value. It knows YAML, not workflows.

YAML is read with the safe subset only: mappings, sequences, strings, integers, floats, booleans and
null. `yes`, `no`, `on` and `off`, dates and times are strings, as in YAML 1.2. Anchors, aliases and
merge keys work; tags that make objects, keys given twice, and aliases that expand without bound are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ripieno.model.errors import DefinitionError, Place
from ripieno.workflows.problems import WorkflowFileError

__all__ = ["At", "Text", "dump", "parse", "read_text"]

LARGEST_FILE: Final = 1_000_000
"""Bytes. A workflow of a thousand steps has a tenth of that."""
MOST_VALUES: Final = 100_000
"""Counted after aliases are expanded."""
DEEPEST: Final = 100
LONGEST_NUMBER: Final = 400

At = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

KINDS_OF_SCALAR: Final = {
    "tag:yaml.org,2002:bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)"),
    "tag:yaml.org,2002:float": re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?"),
    "tag:yaml.org,2002:null": re.compile(r"~|null|Null|NULL|"),
    "tag:yaml.org,2002:merge": re.compile(r"<<"),
}
"""Each a part of what YAML 1.1 takes for the same, so that whatever quotes for that quotes for this."""


class Loader(yaml.SafeLoader):
    """Composes nodes; bounded in depth, so that no file can exhaust the stack."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML has it
    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose one node."""
        self.depth += 1
        if self.depth > DEEPEST:
            event: Any = cast("Any", self.peek_event())  # pyright: ignore[reportUnknownMemberType] - untyped in PyYAML's stub
            message = f"nested deeper than {DEEPEST} levels"
            raise yaml.MarkedYAMLError(problem=message, problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class Dumper(yaml.SafeDumper):
    """Writes what `Loader` reads back as the same."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything where it stands."""
        del data
        return True


for _tag, _pattern in KINDS_OF_SCALAR.items():
    Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern.pattern})\Z"), None)  # pyright: ignore[reportUnknownMemberType] - untyped in PyYAML's stub


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says, and where."""

    file: str
    """As it was named by whoever asked for it."""
    data: Any
    lines: Mapping[At, int]

    def place(self, at: At) -> Place:
        """Give the place of a value; of the nearest one around it when it is not there.

        Parts of `at` that are not in the data are passed over, so that a short form of writing needs
        no path of its own.
        """
        found: Any = self.data
        known: list[str | int] = []
        for part in at:
            if isinstance(found, list) and isinstance(part, int) and part < len(cast("list[Any]", found)):
                found = cast("list[Any]", found)[part]
            elif isinstance(found, dict) and part in found:
                found = cast("dict[Any, Any]", found)[part]
            else:
                continue
            known.append(part)
        return Place(self.file, self.lines.get(tuple(known)), ".".join(str(part) for part in known) or None)


def read_text(file: Path) -> Text:
    """Read a file; raises `WorkflowFileError` naming each problem with its line."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        msg = f"cannot read {str(file)!r}: {error.strerror or error}"
        raise DefinitionError(msg) from error
    if len(content) > LARGEST_FILE:
        problem = DefinitionError(f"a workflow file may have {LARGEST_FILE:,} bytes", place=Place(str(file)))
        raise WorkflowFileError([problem])
    try:
        return parse(content.decode("utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = DefinitionError("expected UTF-8", place=Place(str(file), line))
        raise WorkflowFileError([problem]) from error


def parse(content: str, file: str) -> Text:
    """Read YAML; raises `WorkflowFileError` naming each problem with its line."""
    try:
        node = compose(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        said = " ".join(part for part in (error.context, error.problem) if part)
        problem = DefinitionError(f"not YAML: {said}", place=Place(file, line))
        raise WorkflowFileError([problem]) from error
    except yaml.YAMLError as error:
        problem = DefinitionError(f"not YAML: {str(error).splitlines()[0]}", place=Place(file))
        raise WorkflowFileError([problem]) from error
    if node is None:
        raise WorkflowFileError([DefinitionError("the file is empty", place=Place(file, 1))])
    return Reader(file).text(node)


def compose(content: str) -> Node | None:
    """Give the one document of a text as nodes."""
    loader = Loader(content)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def dump(document: Mapping[str, Any]) -> str:
    """Write a document, such as a workflow's, so that it reads back as the same."""
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


class Reader:
    """Turns nodes into plain data, noting lines and problems."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[At, int] = {}
        self._problems: list[DefinitionError] = []
        self._count = 0
        self._open: list[Node] = []

    def text(self, node: Node) -> Text:
        """Give the whole; raises `WorkflowFileError` with every problem."""
        self._lines[()] = line(node)
        data = self._value(node, ())
        if self._problems:
            raise WorkflowFileError(self._problems)
        return Text(self._file, data, self._lines)

    def _problem(self, node: Node, at: At, message: str, remedy: str | None = None) -> DefinitionError:
        field = ".".join(str(part) for part in at) or None
        problem = DefinitionError(message, place=Place(self._file, line(node), field), remedy=remedy)
        self._problems.append(problem)
        return problem

    def _value(self, node: Node, at: At) -> Any:
        self._count += 1
        if self._count > MOST_VALUES:
            self._problem(node, at, f"more than {MOST_VALUES:,} values, aliases expanded")
            raise WorkflowFileError(self._problems)
        if any(node is around for around in self._open):
            self._problem(node, at, "an alias that contains itself")
            return None
        self._open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, at)
            if isinstance(node, SequenceNode):
                return self._sequence(node, at)
            return self._scalar(node, at)
        finally:
            self._open.pop()

    def _sequence(self, node: SequenceNode, at: At) -> list[Any]:
        self._tagged(node, at, "tag:yaml.org,2002:seq")
        found: list[Any] = []
        for index, item in enumerate(node.value):
            self._lines[(*at, index)] = line(item)
            found.append(self._value(item, (*at, index)))
        return found

    def _mapping(self, node: MappingNode, at: At) -> dict[str, Any]:
        self._tagged(node, at, "tag:yaml.org,2002:map")
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged |= self._merged(value, at)
                continue
            name = self._key(key, at)
            if name in first:
                self._problem(key, (*at, name), f"{name!r} was given already on line {first[name]}")
            first.setdefault(name, line(key))
            self._lines[(*at, name)] = line(key)
            found[name] = self._value(value, (*at, name))
        return {**merged, **found}

    def _merged(self, node: Node, at: At) -> dict[str, Any]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Any] = {}
        for source in reversed(sources):
            value = self._value(source, at)
            if not isinstance(value, dict):
                self._problem(source, at, "`<<` merges mappings only")
                continue
            found |= cast("dict[str, Any]", value)
        return found

    def _key(self, node: Node, at: At) -> str:
        if isinstance(node, ScalarNode):
            return self._written(node, at)
        self._problem(node, at, "a key must be a plain name")
        return f"line {line(node)}"

    def _scalar(self, node: Node, at: At) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = self._written(node, at)
        if kind == "str":
            return text
        pattern = KINDS_OF_SCALAR.get(node.tag)
        if pattern is None or not pattern.fullmatch(text) or kind == "merge":
            self._problem(node, at, f"expected plain data, found {text!r} tagged {node.tag!r}")
            return None
        if len(text) > LONGEST_NUMBER:
            self._problem(node, at, f"a number of {len(text)} characters")
            return None
        return scalar(kind, text)

    def _written(self, node: Node, at: At) -> str:
        """Give a scalar's text, pairs of escaped surrogates joined as JSON means them."""
        text = str(node.value)
        try:
            return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._problem(node, at, f"expected text, found half a character in {text!r}")
            return ""

    def _tagged(self, node: Node, at: At, usual: str) -> None:
        if node.tag != usual:
            self._problem(node, at, f"expected plain data, found a value tagged {node.tag!r}")


def scalar(kind: str, text: str) -> Any:
    """Give the value that a plain scalar stands for."""
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    return text.lower() == "true" if kind == "bool" else None


def line(node: Node) -> int:
    """Give the line a node begins on, counted from 1."""
    return node.start_mark.line + 1
