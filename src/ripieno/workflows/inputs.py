"""What a run's input has to be: a JSON Schema, a Pydantic model or a function that raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from ripieno.mediation.validation.schemas import check_schema, enveloped, mistakes, validator
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.event import Json
from ripieno.participants.binding import first_problem
from ripieno.participants.references import reference

__all__ = ["InputCheck", "InputRule"]

InputRule = Callable[[Any], Any] | type[BaseModel] | Mapping[str, Any]
"""What a workflow takes as `check_input`. A function raises `InputError`, `ValueError` or `TypeError`."""


class InputCheck:
    """Checks the input of a run before it starts, so that none is left half-made."""

    def __init__(self, rule: InputRule, whose: str) -> None:
        self._whose = whose
        self._document: Json
        self.schema: Mapping[str, Any] | None = None
        """JSON Schema of what it takes; None where a function decides."""
        self._check: Callable[[Any], Any]
        anything: object = rule
        if isinstance(rule, Mapping):
            schema = dict(cast("Mapping[str, Any]", rule))
            check_schema(schema, f"{whose}: the input's schema")
            self._document, self.schema = {"schema": enveloped(schema)}, schema
            self._check = by_schema(schema)
        elif isinstance(rule, type) and issubclass(rule, BaseModel):
            self._document, self.schema = {"import": reference(rule)}, rule.model_json_schema()
            self._check = rule.model_validate
        else:
            self._check = checked(anything, whose)
            self._document = {"import": reference(rule)}

    def describe(self) -> Json:
        """Give the rule as it stands in the definition."""
        return self._document

    def __call__(self, value: object) -> None:
        """Raise `InputError` when a run cannot start with this input."""
        try:
            self._check(value)
        except InputError:
            raise
        except ValidationError as error:
            msg = f"the input does not fit {self._whose}: {first_problem(error)}"
            raise InputError(msg) from error
        except (ValueError, TypeError) as error:
            msg = f"the input does not fit {self._whose}: {error}"
            raise InputError(msg) from error


def checked(rule: object, whose: str) -> Callable[[Any], Any]:
    """Give a function that checks; raises `DefinitionError` for anything else."""
    if callable(rule):
        return rule
    known = "a JSON Schema, a Pydantic model or a function"
    msg = f"{whose}: the input is checked by {known}, got {rule!r}"
    raise DefinitionError(msg)


def by_schema(schema: dict[str, Any]) -> Callable[[Any], None]:
    """Give a check by a JSON Schema, which raises `ValueError` naming the field."""
    checked = validator(schema)

    def check(value: Any) -> None:
        for problem in mistakes(checked, value):
            raise ValueError(problem)

    return check
