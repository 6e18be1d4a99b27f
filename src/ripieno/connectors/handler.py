"""What carries out the calls of a tool, wherever it comes from: what it takes and gives, where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Literal

from ripieno.mediation.validation.schemas import mistakes, validator
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.tool import Eliciting

__all__ = ["Handler", "Origin", "declared_content", "first_mistake"]

Origin = Literal["python", "mcp", "openapi", "system"]
"""`python`: a function of one's own. `mcp`, `openapi`: imported from one. `system`: a connector's."""


class Handler(ABC):
    """One act that can be carried out, without what is declared about it as a tool."""

    origin: Origin
    name: str
    description: str
    """What it does and when to use it, as its author wrote it; empty where nothing is said."""
    housed: bool = False
    """True for an act upon the log's own store, which is told where it is called: see `kernel/housed.py`."""

    @property
    @abstractmethod
    def version(self) -> str:
        """A declared version, or a digest that changes with what it does."""

    @property
    @abstractmethod
    def reference(self) -> str:
        """Where another process finds it."""

    @property
    @abstractmethod
    def input_schema(self) -> Mapping[str, Any]:
        """JSON Schema (2020-12) of the arguments, an object."""

    @property
    @abstractmethod
    def output_schema(self) -> Mapping[str, Any] | None:
        """JSON Schema (2020-12) of what a call gives; None where nothing is declared of it."""

    @abstractmethod
    def takes(self, name: str) -> bool:
        """Tell whether it has a parameter of that name, or takes any."""

    def takes_secret(self, name: str) -> bool:
        """Tell whether a secret can be given to it under a name."""
        return bool(name)

    def without(self, names: Collection[str]) -> Handler:
        """Give the same one, some of whose parameters the platform gives itself."""
        del names
        return self

    @property
    def elicits(self) -> Eliciting | None:
        """What puts to a person what the other side wants to know first; None where it asks nothing."""
        return None

    @abstractmethod
    def parameters(self) -> Mapping[str, bool]:
        """Give the names that whoever calls may give, and whether each has to be given."""

    @abstractmethod
    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Say what is wrong with arguments, in one line; None when nothing is."""

    @abstractmethod
    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Carry out one call. What the platform gives itself, opened secrets, is in `call.given`."""


def declared_content(tool: str, handler: Handler, names: Collection[str]) -> tuple[str, ...]:
    """Check which parameters are declared to be passed on only; raises `DefinitionError`."""
    if isinstance(names, str):
        msg = f"tool {tool}: content must be a list of parameters, got {names!r}"
        raise DefinitionError(msg)
    for name in names:
        if not handler.takes(name):
            hint = nearest(name, handler.parameters())
            msg = f"tool {tool}: no parameter {name!r} that could be content{hint}"
            raise DefinitionError(msg)
    return tuple(sorted(names))


def first_mistake(schema: Mapping[str, Any], value: Any) -> str | None:
    """Say where a value does not fit a schema, in one line; None when it fits."""
    return next(iter(mistakes(validator(schema), value)), None)
