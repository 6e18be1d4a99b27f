"""The form of an agent's answer: text, a Pydantic model or a JSON Schema, with how sure it is where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from ripieno.mediation.validation.schemas import check_schema
from ripieno.model.errors import DefinitionError

__all__ = ["CONFIDENCE", "AnswerForm", "Said"]

CONFIDENCE: Final = "confidence"
ANSWER: Final = "answer"
SURE: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": 1,
    "description": "how sure you are that the answer is right, from 0 to 1",
}


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and how sure whoever gave it is; None where it was not asked."""

    output: Any
    sure: float | None = None


class AnswerForm:
    """What an agent has to answer, and how its answer is read."""

    def __init__(self, of: str, declared: type[BaseModel] | Mapping[str, Any] | None, *, sure: bool) -> None:
        """`sure`: it says as well how sure it is, in a field of its own where it has one of that name."""
        self.declared = declared
        self.schema: Mapping[str, Any] | None = None
        if declared is not None:
            self.schema = schema_of(of, declared)
        fields = (self.schema or {}).get("properties", {})
        self.own_field = sure and CONFIDENCE in fields
        self._wrapped = sure and not self.own_field
        self._sure = sure

    def output_type(self) -> Any:
        """Give it as Pydantic AI takes it."""
        from pydantic_ai.output import StructuredDict  # noqa: PLC0415 - loaded at the first turn

        if self._wrapped:
            inner: Mapping[str, Any] = {"type": "string"} if self.schema is None else self.schema
            definitions = inner.get("$defs")
            schema: dict[str, Any] = {
                "type": "object",
                "title": "Answer",
                "properties": {
                    ANSWER: {name: one for name, one in inner.items() if name != "$defs"},
                    CONFIDENCE: SURE,
                },
                "required": [ANSWER, CONFIDENCE],
                "additionalProperties": False,
                **({"$defs": definitions} if definitions else {}),
            }
            return StructuredDict(schema)
        if self.declared is None:
            return str
        return self.declared if isinstance(self.declared, type) else StructuredDict(dict(self.declared))

    def read(self, output: Any) -> Said:
        """Read what Pydantic AI gave; raises `ValueError` for what does not fit."""
        value: Any = to_jsonable_python(output)
        if not self._sure:
            return Said(value)
        fields = cast("dict[str, Any]", value)
        sure = fields[CONFIDENCE]
        if isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure <= 1:
            msg = f"{CONFIDENCE} must be a number from 0 to 1, got {sure!r}"
            raise ValueError(msg)
        answer = fields[ANSWER] if self._wrapped else value
        if self._wrapped and isinstance(self.declared, type):
            answer = TypeAdapter(self.declared).validate_python(answer).model_dump(mode="json")
        return Said(answer, float(sure))


def schema_of(of: str, declared: type[BaseModel] | Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the JSON Schema of an answer; raises `DefinitionError`."""
    if isinstance(declared, type):
        return declared.model_json_schema()
    schema = dict(declared)
    check_schema(schema, f"output of {of}")
    if schema.get("type") != "object":
        msg = f"{of}: an answer by a schema has to be an object, got type {schema.get('type')!r}"
        raise DefinitionError(msg, remedy="put it into a field: {type: object, properties: {answer: …}}")
    return schema
