"""What a tool's function takes: checked before a call, as a mistake in it is no doubt about its effect."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError
from ripieno.model.value import encode

__all__ = ["Arguments"]


class Arguments:
    """The parameters of a tool's function as a model, without its `Call` and what the platform gives."""

    def __init__(self, function: Callable[..., Any], *, besides: Collection[str] = ()) -> None:
        try:
            hints = typing.get_type_hints(function, include_extras=True)
            parameters = inspect.signature(function).parameters.values()
        except (NameError, TypeError, ValueError) as error:
            msg = f"cannot read the parameters of {function!r}: {error}"
            raise DefinitionError(msg, remedy="import the annotated types at module level") from error
        fields: dict[str, Any] = {}
        open_ = False
        for number, parameter in enumerate(parameters):
            annotation = hints.get(parameter.name, Any)
            if parameter.kind is parameter.VAR_KEYWORD:
                open_ = True
            elif annotation is not Call and parameter.name not in besides:
                required = parameter.default is parameter.empty
                default = ... if required else parameter.default
                fields[f"p{number}"] = (annotation, Field(default, alias=parameter.name))
        config = ConfigDict(extra="allow" if open_ else "forbid", strict=True, arbitrary_types_allowed=True)
        self._model: type[BaseModel] = create_model(function.__name__, __config__=config, **fields)

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Say what is wrong with arguments, in one line; None when nothing is."""
        try:
            self._model.model_validate_json(encode(dict(arguments)))
        except ValidationError as error:
            found = error.errors(include_url=False)
            return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
        return None

    def schema(self) -> dict[str, Any]:
        """Give the JSON Schema (2020-12) of the arguments."""
        return self._model.model_json_schema()
