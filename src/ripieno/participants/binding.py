"""What a function's parameters receive: by name, decoded afresh, validated where they are typed."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import Value

__all__ = ["Binding", "Parameter"]

PLAIN: tuple[Any, ...] = (Any, object, dict, list, str, int, float, bool, dict[str, Any], list[Any])
"""Types that decoded JSON has already, or that are left to the function."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it is called, what it receives, what it must be."""

    name: str
    """`input`, `previous`, `turn`, or the name of a participant."""
    annotation: Any
    expects: bool = False
    """True where it is neither annotated nor has a default, so that something is expected."""

    @cached_property
    def _validate(self) -> Callable[[Any], Any] | None:
        plain = any(self.annotation is kind or self.annotation == kind for kind in PLAIN)
        return None if plain else TypeAdapter(self.annotation).validator.validate_python

    @property
    def fits_nothing(self) -> bool:
        """True where null is something that it may receive."""
        if self.annotation in (Any, object):
            return not self.expects
        if self._validate is None:
            return False
        try:
            self._validate(None)
        except ValidationError:
            return False
        return True

    def value(self, found: Value | None) -> Any:
        """Decode and validate what was found for it."""
        decoded = None if found is None else found.decode()
        validate = self._validate
        if validate is None:
            return decoded
        try:
            return validate(decoded)
        except ValidationError as error:
            msg = f"what it was given does not fit parameter {self.name!r}: {first_problem(error)}"
            raise InputError(msg) from error


class Binding:
    """A function's parameters, read once when it is defined."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.parameters: list[Parameter] = []
        self._returns: Any = None
        self.context: str | None = None
        """Name of the parameter that receives the context, if any."""
        try:
            hints = typing.get_type_hints(function)
            signature = inspect.signature(function)
        except (NameError, TypeError, ValueError) as error:
            msg = f"cannot read the parameters of {function!r}: {error}"
            raise DefinitionError(msg, remedy="import the annotated types at module level") from error
        self._returns = hints.get("return")
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                msg = f"{function.__qualname__}: *{parameter.name} cannot be bound; name what it needs"
                raise DefinitionError(msg)
            annotation = hints.get(parameter.name, Any)
            if annotation is Context:
                self.context = parameter.name
            elif annotation is Call:
                msg = f"{function.__qualname__}: only a tool is told about its call; declare it with @tool"
                raise DefinitionError(msg)
            else:
                expects = parameter.name not in hints and parameter.default is parameter.empty
                self.parameters.append(Parameter(parameter.name, annotation, expects))

    def output_form(self) -> Mapping[str, Any] | None:
        """Give the JSON Schema of what the function returns; None where that is open, or an `Outcome`."""
        if self._returns in (None, type(None), Any, Outcome, object):
            return None
        try:
            return TypeAdapter(self._returns).json_schema()
        except PydanticUserError:  # a type that JSON does not know
            return None

    def names(self, known: frozenset[str]) -> list[str]:
        """Give the parameters that nothing is known to be given for: a participant's name misspelt."""
        return [
            parameter.name
            for index, parameter in enumerate(self.parameters)
            if index > 0
            and parameter.name not in known
            and parameter.name not in ("input", "previous", "turn", "complaint")
        ]

    def reads_input(self, known: frozenset[str]) -> bool:
        """Tell whether a parameter needs the input of the run; `known` are the participants."""
        others = {*known, "previous", "turn", "complaint"}
        return any(
            not parameter.fits_nothing
            for index, parameter in enumerate(self.parameters)
            if parameter.name == "input" or (index == 0 and parameter.name not in others)
        )

    def find(self, parameter: Parameter, task: Task) -> Value | None:
        """Give the recorded value that a parameter receives from a task."""
        name = parameter.name
        if name == "input":
            return task.input
        found = task.state.get(name)
        if found is None and name == "previous" and task.previous is not None:
            found = task.state[task.previous]
        if found is not None:
            output = found.parts[0]
            assert output is None or isinstance(output, Value), "outcomes in the state are recorded"
            return output
        if name == "turn":
            return task.turn
        return task.input if parameter is self.parameters[0] else None

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the references of what the function receives from a task."""
        reads: dict[str, str] = {}
        for parameter in self.parameters:
            value = self.find(parameter, task)
            if value is not None:
                reads[parameter.name] = value.ref
        return reads

    def arguments(self, task: Task, context: Context) -> dict[str, Any]:
        """Give the arguments themselves, each a fresh copy."""
        arguments: dict[str, Any] = {}
        for parameter in self.parameters:
            arguments[parameter.name] = parameter.value(self.find(parameter, task))
        if self.context is not None:
            arguments[self.context] = context
        return arguments


def first_problem(error: ValidationError) -> str:
    """Give the first of Pydantic's findings in one line."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
