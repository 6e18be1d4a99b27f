"""A Python function as what carries out a tool: its schemas are its annotations."""

from __future__ import annotations

import hashlib
import inspect
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from typing import Any, Final, cast
from uuid import UUID

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from ripieno.connectors.arguments import Arguments
from ripieno.connectors.handler import Handler, Origin
from ripieno.mediation.secrets.secret import Secret
from ripieno.model.action import Call
from ripieno.model.errors import ToolError
from ripieno.resilience.timing import in_thread

__all__ = ["PythonFunction", "source_digest"]


class PythonFunction(Handler):
    """A function of one's own, plain or async; a plain one is called in a thread."""

    origin: Origin = "python"

    def __init__(self, function: Callable[..., Any], *, given: Collection[str] = ()) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.description = inspect.getdoc(function) or ""
        self.given = frozenset(given)
        """Parameters that the platform gives itself: secrets."""

    @property
    def version(self) -> str:
        """A short digest of the source, `unknown` where there is none to be had."""
        return source_digest(self.function)

    @property
    def reference(self) -> str:
        """The `module:attribute` of the function.

        A method of an object, or a function made inside another, is found by no other process.
        """
        function = self.function
        name = getattr(function, "__qualname__", type(function).__qualname__)
        of_object = "" if inspect.isfunction(function) else "()"
        return f"{function.__module__}:{name}{of_object}"

    @cached_property
    def arguments(self) -> Arguments:
        """The parameters as a model; raises `DefinitionError` where their types cannot be read."""
        return Arguments(self.function, besides=self.given)

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """The parameters as their annotations declare them."""
        return self.arguments.schema()

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """What the annotation of its result says; None without one, or for what JSON Schema cannot say."""
        return self._gives

    @cached_property
    def _gives(self) -> Mapping[str, Any] | None:
        declared = self._hints.get("return", Any)
        if declared is Any:
            return None
        try:
            return TypeAdapter(declared).json_schema(mode="serialization")
        except (PydanticUserError, PydanticInvalidForJsonSchema):
            return None

    def takes(self, name: str) -> bool:
        """Tell whether the function has a parameter of that name, or takes any."""
        parameters = inspect.signature(self.function).parameters
        return name in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())

    def takes_secret(self, name: str) -> bool:
        """Tell whether the function has a parameter of that name."""
        return name in inspect.signature(self.function).parameters

    def without(self, names: Collection[str]) -> PythonFunction:
        """Give the same function, some of whose parameters the platform gives itself."""
        return PythonFunction(self.function, given=names)

    def parameters(self) -> Mapping[str, bool]:
        """Give the parameters, without its `Call` and what the platform gives."""
        hints = self._hints
        return {
            name: parameter.default is inspect.Parameter.empty
            for name, parameter in inspect.signature(self.function).parameters.items()
            if hints.get(name) is not Call and name not in self.given
        }

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Say what is wrong with arguments, in one line; None when nothing is."""
        return self.arguments.problem(arguments)

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Call the function; tell it about the call if it asks, and give it the secrets that it takes."""
        function = self.function
        hints = self._hints
        asked = inspect.signature(function).parameters
        given: dict[str, Any] = {name: call for name in asked if hints.get(name) is Call}
        given.update((name, secret) for name, secret in call.given.items() if name in asked)
        passed = {name: self._typed(name, value) for name, value in arguments.items()}
        if inspect.iscoroutinefunction(function):
            return await cast("Awaitable[Any]", function(**passed, **given))
        return await in_thread(function, **passed, **given)

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        return typing.get_type_hints(self.function, include_extras=True)

    @cached_property
    def _conversions(self) -> Mapping[str, TypeAdapter[Any]]:
        """How arguments become what JSON has no word for: dates, models, enums, sets."""
        typed = {name: hint for name, hint in self._hints.items() if name != "return" and beyond_json(hint)}
        return {name: TypeAdapter(hint) for name, hint in typed.items() if hint not in (Call, Secret)}

    def _typed(self, name: str, value: Any) -> Any:
        conversion = self._conversions.get(name)
        if conversion is None:
            return value
        try:
            return conversion.validate_python(value)
        except ValidationError as error:
            msg = f"{self.name} cannot be called: {name}: {error.errors(include_url=False)[0]['msg']}"
            raise ToolError(msg) from None


CONVERTED: Final = (BaseModel, date, time, timedelta, Decimal, Enum, UUID, set, frozenset, tuple, PurePath)
"""Types that no decoded JSON is: a function that names one of them is given one."""


def beyond_json(annotation: Any) -> bool:
    """Tell whether a type is, or holds, what decoded JSON never is."""
    if inspect.isclass(annotation) and (issubclass(annotation, CONVERTED) or is_dataclass(annotation)):
        return annotation is not Call
    return any(
        beyond_json(one) for one in (typing.get_origin(annotation), *typing.get_args(annotation)) if one
    )


def source_digest(function: Callable[..., Any]) -> str:
    """Give a short digest of the function's source."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return "unknown"
    return hashlib.sha256(source.encode()).hexdigest()[:16]
