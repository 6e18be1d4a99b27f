"""Answers that are kept with a package and stand for a model's: plainly so, and only to what they answer.

A package has them in its folder `recorded`, in `NAME.json` each with what it is asked: `recorded:package`
is a model that gives them. Nothing leaves the process, and no model has said anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

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

from ripieno.model.errors import DefinitionError

__all__ = ["FOLDER", "NotRecordedError", "RecordedModel", "asked_as", "recordings"]

FOLDER: Final = "recorded"
DAY: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


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


def asked_as(instructions: str, prompt: str) -> str:
    """Give the digest of what is asked: SHA-256, each day in it told by how far it is from the last one.

    So that a sample which speaks up to today is asked about in the same words as yesterday.
    """
    days = [found for text in DAY.findall(prompt) if (found := day_of(text)) is not None]
    last = max(days, default=date.min)

    def told(found: re.Match[str]) -> str:
        day = day_of(found[0])
        return found[0] if day is None else f"day {(day - last).days}"

    return hashlib.sha256(f"{instructions.strip()}\n\n{DAY.sub(told, prompt)}".encode()).hexdigest()


def day_of(text: str) -> date | None:
    """Give a day as it is written; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=16)
def recordings(package: str) -> Mapping[str, Any]:
    """Give the answers of a package by what they answer; raises `DefinitionError` where it has none."""
    found: dict[str, Any] = {}
    try:
        folder = files(package) / FOLDER
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.endswith(".json"):
                kept = json.loads(file.read_text(encoding="utf-8"))
                found.update({one["asked"]: one["answer"] for one in kept["answers"]})
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        msg = f"no answers are recorded with {package!r}: {error}"
        remedy = f"name a package that has them in its folder {FOLDER}"
        raise DefinitionError(msg, remedy=remedy) from error
    return found
