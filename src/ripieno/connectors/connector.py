"""A connector: a named, versioned set of tools, pinned to the interface that it was approved with."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, Self, TypedDict

from ripieno.connectors.handler import Origin
from ripieno.connectors.remote import digest_of
from ripieno.connectors.tool import Tool
from ripieno.mediation.secrets.reference import Reference
from ripieno.model.action import Effect, OnUncertain
from ripieno.model.durations import Duration, in_seconds
from ripieno.model.errors import DefinitionError, NotFoundError, nearest
from ripieno.model.event import Json
from ripieno.model.provenance import SourceTrust
from ripieno.model.region import region_name
from ripieno.resilience.policy import Resilience

__all__ = ["PREFIX", "Connector", "Overrides", "made_in", "split_reference"]

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
PREFIX: Final = "connector:"
REFERENCE: Final = re.compile(r"connector:([a-z][a-z0-9-]{0,39})/([A-Za-z_][\w.\-]*)(#undo)?")


class Overrides(TypedDict, total=False):
    """What is declared of a tool of a connector in place of what its interface says; see `tool`."""

    effect: Effect
    trust: SourceTrust
    undo: str
    """The name of another tool of the connector."""
    undo_from: Mapping[str, str]
    """Where that tool finds its arguments: `{"id": "result.id"}`."""
    on_uncertain: OnUncertain
    timeout: Duration
    settle: Duration
    attempts: int
    key_lifetime: Duration
    data: Sequence[str]
    content: Sequence[str]
    outside: bool
    rate: tuple[int, Duration]
    resilience: Resilience


DURATIONS: Final = frozenset({"timeout", "settle", "key_lifetime"})


class Connector:
    """Tools of one system under one name: `crm.create_order` is the tool `create_order` of `crm`.

    This one is given its tools; an importer overrides `offers` and `make`. `allow` leaves only tools
    whose names fit one of its patterns, such as `orders_*`. With `pin` it is refused where its
    interface has another digest. Raises `DefinitionError` for what cannot work.
    """

    kind: str = "tools"
    """How it is declared in a workflow file."""
    elsewhere: bool = False
    """Whether its calls go to another system."""
    region: str | None = None
    """Where that system is, by `in_region`."""

    def __init__(
        self,
        name: str,
        tools: Sequence[Tool] = (),
        *,
        version: str = "1",
        origin: Origin = "system",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
    ) -> None:
        if not NAME.fullmatch(name):
            msg = (
                f"connector name {name!r} must be lower-case letters, digits and `-`, starting with a letter"
            )
            raise DefinitionError(msg)
        if isinstance(allow, str):
            msg = f"connector {name}: allow must be a list of patterns, got {allow!r}"
            raise DefinitionError(msg)
        self.name, self.version = name, version
        self.origin: Origin = origin
        self.allow = tuple(allow)
        self.overrides: Mapping[str, Overrides] = overrides or {}
        self._given = {one.name: one for one in tools}
        self._made: dict[str, Tool] = {}
        self._module = made_in()
        if len(self._given) < len(tools):
            msg = (
                f"connector {name}: two tools have the same name: {', '.join(sorted(t.name for t in tools))}"
            )
            raise DefinitionError(msg)
        self.pin = pin
        self.check_declared()

    def in_region(self, region: str) -> Self:
        """Say in which region its system is, for tenants that are pinned to one; gives the connector."""
        self.region = region_name(region)
        return self

    # -- what it offers --------------------------------------------------------------------------------------

    def offers(self) -> Sequence[str]:
        """Give the names of all tools of its interface, allowed or not."""
        return tuple(self._given)

    def make(self, name: str) -> Tool:
        """Give one of them, as the interface declares it."""
        return self._given[name]

    def interface(self) -> Json:
        """Give what its digest covers: all that agents are told, and what calls depend on."""
        return {name: interface_of(self.make(name)) for name in sorted(self.offers())}

    @property
    def digest(self) -> str:
        """SHA-256 of its interface."""
        return digest_of(self.interface())

    # -- tools -----------------------------------------------------------------------------------------------

    @property
    def names(self) -> Sequence[str]:
        """The names of the tools that are allowed, without the connector's own."""
        return [one for one in self.offers() if any(fnmatchcase(one, pattern) for pattern in self.allow)]

    @property
    def tools(self) -> list[Tool]:
        """Every tool that is allowed."""
        return [self.tool(name) for name in self.names]

    def tool(self, name: str) -> Tool:
        """Give a tool by its name, with what is declared of it here; raises `NotFoundError`."""
        found = self._made.get(name)
        if found is None:
            if name not in self.names:
                allowed = "is not allowed" if name in self.offers() else "is none"
                msg = f"connector {self.name}: {name!r} {allowed}{nearest(name, self.names)}"
                raise NotFoundError(msg)
            found = self._made[name] = self._bound(name)
        return found

    def _bound(self, name: str) -> Tool:
        said = self.overrides.get(name, Overrides())
        made = self.make(name)
        undo = None if made.undo is None else made.undo.bound(self, None)
        if "undo" in said:
            undo = self.make(said["undo"]).changed(**self._options_of(said["undo"])).bound(self, None)
        if undo is not None and "undo_from" in said:
            undo = undo.fed(**said["undo_from"])
        return made.changed(**self._options_of(name), undo=undo).bound(self, undo)

    def _options_of(self, name: str) -> Mapping[str, object]:
        said = self.overrides.get(name, Overrides())
        return {what: value for what, value in said.items() if what not in {"undo", "undo_from"}}

    def on_demand(self, *, most: int = 5) -> Tool:
        """Give a tool that finds the others, up to `most` at a time: for what has more than a handful.

        Whoever has it may call every tool that is allowed.
        """
        from ripieno.connectors.search import OnDemand  # noqa: PLC0415 - it names this

        return OnDemand(self, most=most).search

    def words_of(self, name: str) -> str:
        """Give the words by which one of its tools is found."""
        return f"{name} {self.make(name).description}"

    @property
    def secrets(self) -> list[Reference]:
        """The references that its tools declare, each once."""
        return list(dict.fromkeys(one for tool in self.tools for one in tool.secrets.values()))

    def found(self, reference: str) -> Tool | None:
        """Give the tool of a reference `connector:name/tool`, or its undo; None where there is none."""
        name, _, undo = reference.removeprefix(f"{PREFIX}{self.name}/").partition("#")
        try:
            known = self.tool(name)
        except NotFoundError:
            return None
        return known.undo if undo else known

    # -- what is declared ------------------------------------------------------------------------------------

    def check_declared(self) -> None:
        """Raise `DefinitionError` where what is said names no tool, or the interface is another."""
        offered = self.offers()
        for name, said in self.overrides.items():
            for tool in (name, said.get("undo", name)):
                if tool not in offered:
                    msg = f"connector {self.name}: no tool {tool!r}{nearest(tool, offered)}"
                    raise DefinitionError(msg)
        for pattern in self.allow:
            if pattern != "*" and not any(fnmatchcase(one, pattern) for one in offered):
                msg = f"connector {self.name}: {pattern!r} of allow fits no tool{nearest(pattern, offered)}"
                raise DefinitionError(msg)
        if self.pin is not None and self.pin != self.digest:
            now = self.digest[:12]
            msg = f"connector {self.name} was approved as {self.pin[:12]}, its interface is {now} now"
            remedy = "`ripieno connectors diff` shows what changed, `ripieno connectors approve` approves it"
            raise DefinitionError(msg, remedy=remedy)

    @property
    def source(self) -> str:
        """The `module:attribute` that it is imported by; empty where it does not stand at the top of one."""
        known = vars(sys.modules[self._module]) if self._module in sys.modules else {}
        names = [name for name, value in known.items() if value is self]
        return f"{self._module}:{names[0]}" if names else ""

    def settings(self) -> Mapping[str, Json]:
        """Give what is declared of it beside allow-list, overrides and version, under the envelope rule."""
        return {"import": self.source} if self.source else {}

    def describe(self) -> dict[str, Json]:
        """Give the connector as it stands in a definition."""
        settings = dict(self.settings())
        if "import" in settings:  # it is declared in Python, and nowhere else
            return settings
        own: dict[str, Json] = {self.kind: settings} if settings else {}
        return {**own, "version": self.version, **self.declared()}

    def declared(self) -> dict[str, Json]:
        """Give the allow-list, and what is declared of its tools."""
        found: dict[str, Json] = {} if self.allow == ("*",) else {"allow": list(self.allow)}
        tools: dict[str, Json] = {name: written(said) for name, said in sorted(self.overrides.items())}
        if self.region is not None:
            found["region"] = self.region
        return {**found, "tools": tools} if tools else found

    def identity(self) -> dict[str, Json]:
        """Give what runs are pinned to: the interface, and what is declared of it."""
        declared = self.declared()
        found: dict[str, Json] = {"version": self.version, "digest": self.digest}
        return {**found, "declared": digest_of(declared)} if declared else found

    def __repr__(self) -> str:
        return f"Connector({self.name!r}, version {self.version!r}, {len(self.names)} tools)"


def made_in() -> str:
    """Give the name of the module whose code makes what calls this, by whichever kind's `__init__`."""
    frame = inspect.currentframe()
    frame = None if frame is None else frame.f_back
    while frame is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def interface_of(tool: Tool) -> Json:
    """Give what agents and calls depend on of a tool."""
    return {
        "version": tool.version,
        "description": tool.description,
        "input": digest_of(tool.input_schema),
        "output": None if tool.output_schema is None else digest_of(tool.output_schema),
        "effect": tool.effect,
    }


def written(said: Overrides) -> Json:
    """Give overrides as they stand in a definition."""
    found: dict[str, Json] = {}
    for name, value in said.items():
        given: Any = value
        if name in DURATIONS:
            found[name] = in_seconds(given)
        elif name == "rate":
            found[name] = {"calls": given[0], "per": in_seconds(given[1])}
        elif name == "undo_from":
            found[name] = {str(key): str(one) for key, one in given.items()}
        elif name == "resilience":
            found[name] = given.document()
        else:
            found[name] = list(given) if name in {"data", "content"} else given
    return found


def split_reference(reference: str) -> tuple[str, str] | None:
    """Give connector and tool of `connector:name/tool`; None for any other reference."""
    found = REFERENCE.fullmatch(reference)
    return None if found is None else (found[1], found[2])
