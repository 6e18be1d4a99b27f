"""What OpenAI's client sends is the same, to the byte, as if it had looked through all of it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from ripieno.participants.llm.sent_plainly import plainly, sent_plainly

SCHEMA = {"type": "object", "properties": {"of": {"type": "string", "format": "date-time"}}}
PICTURE = BinaryContent(b"\x89PNG\r\n", media_type="image/png")

TOLD: list[ModelMessage] = [
    ModelRequest(
        [SystemPromptPart("Buy."), UserPromptPart(["cheaper?", PICTURE, ImageUrl("https://x/y.png")])]
    ),
    ModelResponse(
        [
            ThinkingPart("tea", id="r-1", signature="s", provider_name="openai"),
            TextPart("Looking."),
            ToolCallPart("price", {"of": "tea ☕"}, "c-1"),
            ToolCallPart("price", '{"of": 1}', "c-2"),
        ]
    ),
    ModelRequest(
        [
            ToolReturnPart("price", {"cost": 3.5, "at": None}, "c-1"),
            ToolReturnPart("price", "no", "c-2", outcome="retried"),
        ]
    ),
]
OFFERED = ModelRequestParameters(
    function_tools=[
        ToolDefinition(name="price", description="What it costs.", parameters_json_schema=SCHEMA)
    ],
    output_tools=[ToolDefinition(name="final_result", parameters_json_schema=SCHEMA, kind="output")],
)


class Sent:
    """A client of OpenAI's whose requests are refused, and kept."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._refuse))
        self.client = AsyncOpenAI(api_key="sk-only-for-tests", max_retries=0, http_client=http)

    def _refuse(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(request.content)
        return httpx2.Response(400, json={"error": {"message": "refused"}})


@pytest.mark.parametrize("kind", [OpenAIChatModel, OpenAIResponsesModel])
@pytest.mark.parametrize("offered", [OFFERED, ModelRequestParameters()], ids=["tools", "none"])
@pytest.mark.parametrize("more", [{}, {"extra_body": {"top_k": 3, "tools": []}}], ids=["plain", "with more"])
async def test_a_request_is_the_same_to_the_byte(
    kind: type[Any], offered: ModelRequestParameters, more: dict[str, Any]
) -> None:
    found: list[list[bytes]] = []
    for lean in (True, False):
        sent = Sent()
        if lean:
            sent_plainly(sent.client)
        model = kind("gpt-4.1-mini", provider=OpenAIProvider(openai_client=sent.client))
        settings = ModelSettings(temperature=0.5, max_tokens=9, **more)
        with pytest.raises(ModelHTTPError):
            await model.request(TOLD, settings, offered)
        with pytest.raises(ModelHTTPError):
            async with model.request_stream(TOLD, settings, offered):
                pass
        found.append(sent.bodies)
    assert found[0] == found[1]
    assert [len(bodies) for bodies in found] == [2, 2]
    assert all(b"Looking." in body for body in found[0])


async def test_only_what_is_long_and_plain_is_passed_by() -> None:
    asked: list[dict[str, Any]] = []

    async def create(**given: Any) -> None:
        asked.append(given)

    await plainly(create)(model="m", messages=[{"role": "user"}], tools=None, stop=["."], extra_body={"a": 1})
    assert asked == [
        {
            "model": "m",
            "messages": (),
            "tools": None,
            "stop": ["."],
            "extra_body": {"messages": [{"role": "user"}], "a": 1},
        }
    ]
