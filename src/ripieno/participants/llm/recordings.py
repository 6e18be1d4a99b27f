"""The model that gives answers which are kept with a package: asked as any other, and it is nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import CompletedStreamedResponse, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.settings import ModelSettings

from ripieno.participants.llm.kept_answers import FOLDER, asked_as, recordings

__all__ = ["NotRecordedError", "RecordedModel"]


class NotRecordedError(UserError):
    """There is no answer to what was asked; the status is a server's for that: no other try is worth it."""

    status_code = 404


class RecordedModel(FunctionModel):
    """Gives the recorded answer to what it is asked."""

    def __init__(self, package: str) -> None:
        super().__init__(lambda _, __: ModelResponse(parts=[]), model_name=package)
        self._answers = recordings(package)

    @property
    def system(self) -> str:
        """The provider, as it is named."""
        return "recorded"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Give the answer; raises `NotRecordedError` where there is none."""
        del model_settings
        answer = self._answers.get(asked_as(*first_of(messages)))
        if answer is None:
            msg = "no answer is recorded to what was asked: answers are recorded for samples as they are"
            raise NotRecordedError(msg)
        forms = model_request_parameters.output_tools
        said = (
            ToolCallPart(forms[0].name, answer, "recorded")
            if forms
            else TextPart(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
        )
        return ModelResponse(parts=[said], model_name=FOLDER, finish_reason="stop")

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Give the same as a stream that is over."""
        del run_context
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )


def first_of(messages: Sequence[ModelMessage]) -> tuple[str, str]:
    """Give the instructions and what was asked first: a second try is about the same."""
    first = next((one for one in messages if isinstance(one, ModelRequest)), ModelRequest(parts=[]))
    asked = (str(part.content) for part in first.parts if isinstance(part, UserPromptPart))
    return first.instructions or "", next(asked, "")
