"""What was said to a model and by it, as the journal keeps it: once, and read back as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    ModelResponsePart,
    ToolCallPart,
)
from pydantic_ai.models import ModelRequestParameters

from ripieno.model.errors import InputError

__all__ = ["dumped", "messages_from", "response_from", "toolset"]

RESPONSE: TypeAdapter[ModelResponse] = TypeAdapter(ModelResponse)


def dumped(messages: Sequence[ModelMessage]) -> list[Any]:
    """Give messages as JSON."""
    return ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")


def messages_from(documents: Any) -> list[ModelMessage]:
    """Read messages back."""
    return ModelMessagesTypeAdapter.validate_python(documents)


def response_from(document: Any) -> ModelResponse:
    """Read what a model said; raises `InputError` for what a person put in its place and no model says."""
    try:
        return told_apart(RESPONSE.validate_python(document))
    except ValidationError as error:
        msg = f"what is recorded is no response of a model: {error.errors()[0]['msg']}"
        raise InputError(msg) from error


def told_apart(response: ModelResponse) -> ModelResponse:
    """Give a response whose calls have an id each, by their places where a gateway gave one to several."""
    ids = [part.tool_call_id for part in response.tool_calls]
    if all(ids) and len(set(ids)) == len(ids):
        return response
    taken: set[str] = set()
    parts: list[ModelResponsePart] = []
    for place, part in enumerate(response.parts, 1):
        if isinstance(part, ToolCallPart):
            own = part.tool_call_id
            while not own or own in taken:
                own = f"{own}#{place}"
            taken.add(own)
            parts.append(replace(part, tool_call_id=own))
        else:
            parts.append(part)
    return replace(response, parts=parts)


def toolset(parameters: ModelRequestParameters) -> dict[str, Any]:
    """Give what a model was offered: tools, and the form of its answer."""
    offered = [*parameters.function_tools, *parameters.output_tools]
    form = parameters.output_object
    return {
        "tools": [
            {
                "name": one.name,
                "description": one.description,
                "schema": one.parameters_json_schema,
                "answers": one.kind == "output",
            }
            for one in offered
        ],
        **({} if form is None else {"form": form.json_schema}),
    }
