"""What a server of tools asks of a model, as a request like any of an agent's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.value import Value
from ripieno.participants.llm.agent import library
from ripieno.participants.llm.call import Asked, ModelCall
from ripieno.participants.llm.models import MODELS
from ripieno.participants.llm.rates import most
from ripieno.participants.llm.recorded import dumped, response_from

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

    from ripieno.connectors.mcp.server import Sampling

__all__ = ["ModelSampler"]

STOPPED: Mapping[str, str] = {"length": "maxTokens", "stop": "endTurn"}
"""Why a model ended, as MCP says it."""


class ModelSampler:
    """Asks the model that a project names, within what the project lets the server have."""

    def model(
        self, sampling: Sampling, prompt: Mapping[str, Any], value: Callable[[object], Value]
    ) -> ModelCall:
        """Give the request; raises `ToolError` where there is no such model."""
        from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415 - loaded at the first request
        from pydantic_ai.settings import ModelSettings  # noqa: PLC0415 - as above

        try:
            entry = MODELS.find(sampling.model)
        except DefinitionError as error:
            raise ToolError(error.message, failure="bad_request") from None
        settings = ModelSettings(max_tokens=prompt["max_tokens"])
        if "temperature" in prompt:
            settings["temperature"] = prompt["temperature"]
        if "stop" in prompt:
            settings["stop_sequences"] = prompt["stop"]
        messages = messages_of(prompt)
        told = value({"after": 0, "messages": dumped(messages)})
        return ModelCall(
            entry,
            Asked(messages, settings, ModelRequestParameters()),
            version=library(),
            timeout=seconds(sampling.timeout),
            most=most(entry, len(told.data), prompt["max_tokens"]),
            told={"prompt": told},
        )

    def answer(self, recorded: Any) -> dict[str, Any]:
        """Give what a model said: its text, who said it, and whether it came to its end."""
        response = response_from(recorded)
        said: dict[str, Any] = {
            "role": "assistant",
            "content": {"type": "text", "text": response.text or ""},
            "model": response.model_name or "",
        }
        why = STOPPED.get(response.finish_reason or "")
        return said if why is None else {**said, "stopReason": why}


def messages_of(prompt: Mapping[str, Any]) -> list[ModelMessage]:
    """Give the messages of a prompt as clients of models take them."""
    from pydantic_ai.messages import (  # noqa: PLC0415 - loaded at the first request
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    found: list[ModelMessage] = []
    if "system" in prompt:
        found.append(ModelRequest([SystemPromptPart(prompt["system"])]))
    for message in prompt["messages"]:
        if message["role"] == "user":
            found.append(ModelRequest([UserPromptPart([content(one) for one in message["content"]])]))
        else:
            texts = [TextPart(one["text"]) for one in message["content"] if one["type"] == "text"]
            found.append(ModelResponse(texts))
    return found


def content(part: Mapping[str, Any]) -> Any:
    """Give one part of what a model is shown."""
    from pydantic_ai.messages import BinaryContent  # noqa: PLC0415 - as above

    if part["type"] == "text":
        return part["text"]
    return BinaryContent(base64.b64decode(part["data"]), media_type=part["mimeType"])
