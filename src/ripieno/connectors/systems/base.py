"""What connectors of systems stand on: a class whose marked methods are tools, and the API that they call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.handler import Origin
from ripieno.connectors.python_function import PythonFunction
from ripieno.connectors.rest.auth import Auth, NoAuth
from ripieno.connectors.rest.client import LARGEST, Rest
from ripieno.connectors.tool import Tool
from ripieno.model.action import Effect
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.resilience.policy import Resilience

__all__ = ["System", "SystemConnector", "act"]

F = TypeVar("F", bound=Callable[..., Any])
MARK: Final = "_ripieno_act"


@dataclass(frozen=True, slots=True)
class Act:
    """What is declared of a method that is a tool."""

    undo: str | None
    verify: str | None
    undo_from: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def act(
    *,
    effect: Effect,
    undo: str | None = None,
    undo_from: Mapping[str, str] | None = None,
    verify: str | None = None,
    **options: Any,
) -> Callable[[F], F]:
    """Mark a method of a `SystemConnector` as a tool of its name.

    effect: `read` or `write`.
    undo: the name of the method that takes a call back, itself a tool; where its parameters are found,
        `undo_from` says: `{"user": "result.id"}`. Otherwise they are fields of the result, or arguments.
    verify: the name of a method that gives the result of an earlier call, or None when there was none; it
        takes what it needs of the arguments, and the `Call`.
    options: whatever else `@tool` takes: `on_uncertain`, `timeout`, `content`, `rate`, `data`, ...
    """

    def mark(method: F) -> F:
        setattr(method, MARK, Act(undo, verify, undo_from or {}, {**options, "effect": effect}))
        return method

    return mark


class Method(PythonFunction):
    """A method of a connector, which finds the secrets of a call where its API looks for them."""

    origin: Origin = "system"

    def takes_secret(self, name: str) -> bool:
        """Take any: its connector's authentication knows them."""
        return bool(name)

    def without(self, names: Collection[str]) -> Method:
        """Stay as it is: no parameter of it is a secret."""
        del names
        return self


class SystemConnector(Connector):
    """Tools of a system: each method that is marked by `act` is one.

    Its annotations are its schemas, its docstring says what it does and when to use it. Results are
    untrusted unless declared.
    """

    kind = "import"
    elsewhere = True
    defaults: ClassVar[Mapping[str, Any]] = {}
    """What holds of every tool of it unless its method says otherwise."""

    def __init__(
        self,
        name: str,
        *,
        secrets: Mapping[str, str] | None = None,
        version: str = "1",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
        resilience: Resilience | None = None,
    ) -> None:
        self._resilience = resilience
        self._secrets = dict(secrets or {})
        self._acts: dict[str, Act] = {}
        for kind in reversed(type(self).__mro__):
            for method, value in vars(kind).items():
                found = getattr(value, MARK, None)
                if isinstance(found, Act):
                    self._acts[method] = found
                else:
                    self._acts.pop(method, None)
        for method, found in self._acts.items():
            if found.undo is not None and found.undo not in self._acts:
                msg = f"{type(self).__name__}.{method}: its undo {found.undo!r} is not marked as an act"
                raise DefinitionError(msg)
        super().__init__(name, version=version, origin="system", pin=pin, allow=allow, overrides=overrides)

    def offers(self) -> Sequence[str]:
        """Give the names of its marked methods."""
        return tuple(self._acts)

    def make(self, name: str) -> Tool:
        """Give a method as a tool."""
        return self._made_of(name, self._acts[name].undo)

    def _made_of(self, name: str, undo: str | None) -> Tool:
        declared = self._acts[name]
        options: dict[str, Any] = {**self.defaults, "resilience": self._resilience, **declared.options}
        options["secrets"] = self._secrets
        if declared.verify is not None:
            options["on_uncertain"] = Method(getattr(self, declared.verify))
        if undo is not None:
            options["undo"] = self._made_of(undo, None).fed(**declared.undo_from)
        return Tool(Method(getattr(self, name)), **options)

    def interface(self) -> Json:
        """Give what its tools are, and whom they reach."""
        return {"tools": super().interface(), "reaches": self.reaches()}

    def reaches(self) -> Json:
        """Give where the system is and how it is known who calls, without any secret."""
        return dict(sorted(self._secrets.items()))


class System(SystemConnector):
    """A system behind an HTTP API, `self.api`."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency: str | None = None,
        refusing: Collection[int] = (),
        max_bytes: int = LARGEST,
        version: str = "1",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
        resilience: Resilience | None = None,
    ) -> None:
        known = auth or NoAuth()
        self.api = Rest(
            base_url,
            auth=known,
            name=name,
            headers=headers,
            idempotency=idempotency,
            refusing=refusing,
            max_bytes=max_bytes,
        )
        super().__init__(
            name,
            secrets=known.secrets,
            version=version,
            pin=pin,
            allow=allow,
            overrides=overrides,
            resilience=resilience,
        )

    def reaches(self) -> Json:
        """Give the address and how it is known who calls."""
        return {"base_url": self.api.base_url, "auth": self.api.auth.describe()}
