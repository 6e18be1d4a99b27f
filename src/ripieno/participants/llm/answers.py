"""The form of an agent's answer: text, a Pydantic model or a JSON Schema, with what is asked beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ripieno.connectors.handler import first_mistake
from ripieno.mediation.validation.schemas import check_schema
from ripieno.model.errors import DefinitionError

__all__ = ["CONFIDENCE", "INTENT", "OTHER", "AnswerForm", "Said", "intents_of"]

CONFIDENCE: Final = "confidence"
ANSWER: Final = "answer"
INTENT: Final = "intent"
OTHER: Final = "other"
"""The intent of what is none of those that are declared."""
NAMED: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}")
SURE: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": 1,
    "description": "how sure you are that the answer is right, from 0 to 1",
}


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, how sure whoever gave it is, and what was wanted of it; None where that was not asked."""

    output: Any
    sure: float | None = None
    intent: str | None = None


class AnswerForm:
    """What an agent has to answer, and how its answer is read."""

    def __init__(
        self,
        of: str,
        declared: type[BaseModel] | Mapping[str, Any] | None,
        *,
        sure: bool,
        intents: Mapping[str, str] | None = None,
    ) -> None:
        """`sure`: it says as well how sure it is, in a field of its own where it has one of that name.

        `intents`: it says which of these it was asked for, or `other`; each with what it is.
        """
        self.declared = declared
        self.schema: Mapping[str, Any] | None = None
        if declared is not None:
            self.schema = schema_of(of, declared)
        self.intents = intents or {}
        self.own_field = sure and CONFIDENCE in (self.schema or {}).get("properties", {})
        self._sure = sure
        self._beside: dict[str, Any] = {INTENT: wanted(self.intents)} if self.intents else {}
        if sure and not self.own_field:
            self._beside[CONFIDENCE] = SURE
        self._whole = self._wrapped(self._beside) if self._beside else self.schema

    def _wrapped(self, beside: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the schema of an answer with what is said beside it."""
        inner: Mapping[str, Any] = {"type": "string"} if self.schema is None else self.schema
        definitions = inner.get("$defs")
        answer = {name: one for name, one in inner.items() if name != "$defs"}
        first = {name: one for name, one in beside.items() if name == INTENT}
        fields = {**first, ANSWER: answer, **beside}
        return {
            "type": "object",
            "title": "Answer",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
            **({"$defs": definitions} if definitions else {}),
        }

    @property
    def checks(self) -> bool:
        """Whether what a model answers has to be compared with a schema: Pydantic's own types do it."""
        return self._whole is not None and (bool(self._beside) or not isinstance(self.declared, type))

    def output_type(self) -> Any:
        """Give it as Pydantic AI takes it."""
        from pydantic_ai.output import StructuredDict  # noqa: PLC0415 - loaded at the first turn

        if self._whole is None:
            return str
        if isinstance(self.declared, type) and not self._beside:
            return self.declared
        return StructuredDict(dict(self._whole))

    def problem(self, output: Any) -> str | None:
        """Say what is wrong with an answer, as the model is told; None where it is in the form."""
        if self._whole is None:
            return None
        value: Any = to_jsonable_python(output)
        mistake = first_mistake(self._whole, value)
        if mistake is None and self._beside and isinstance(self.declared, type):
            try:
                self._typed(value[ANSWER])
            except ValidationError as error:
                return str(error)
        return mistake

    def _typed(self, answer: Any) -> Any:
        assert isinstance(self.declared, type), "it is asked of those alone"
        return TypeAdapter(self.declared).validate_python(answer).model_dump(mode="json")

    def read(self, output: Any) -> Said:
        """Read an answer that is in the form; raises `ValueError` for how sure nobody can be."""
        value: Any = to_jsonable_python(output)
        if not self._beside:
            sure = cast("dict[str, Any]", value)[CONFIDENCE] if self._sure else None
            return Said(value, share(sure))
        fields = cast("dict[str, Any]", value)
        answer = fields[ANSWER]
        if isinstance(self.declared, type):
            answer = self._typed(answer)
        sure = (answer if self.own_field else fields)[CONFIDENCE] if self._sure else None
        return Said(answer, share(sure), fields.get(INTENT))


def share(sure: Any) -> float | None:
    """Give a number from 0 to 1, None for none; raises `ValueError` for anything else."""
    if sure is None:
        return None
    if isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure <= 1:
        msg = f"{CONFIDENCE} must be a number from 0 to 1, got {sure!r}"
        raise ValueError(msg)
    return float(sure)


def wanted(intents: Mapping[str, str]) -> dict[str, Any]:
    """Give the schema of what was wanted."""
    told = [f"{name}: {about}" if about else name for name, about in intents.items()]
    about = "; ".join(["what is wanted of you", *told, f"{OTHER}: none of these"])
    return {"type": "string", "enum": [*intents, OTHER], "description": about}


def intents_of(of: str, declared: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Give intents with what each is; raises `DefinitionError` for names that cannot be."""
    names = [declared] if isinstance(declared, str) else list(declared)
    found = dict(declared) if isinstance(declared, Mapping) else dict.fromkeys(names, "")
    for name in names:
        if not NAMED.fullmatch(name) or name == OTHER or names.count(name) > 1:
            msg = f"{of}: an intent is a name such as 'refund', each once, and not {OTHER!r}; got {name!r}"
            raise DefinitionError(msg)
    return found


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
