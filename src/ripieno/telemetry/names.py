"""What OpenTelemetry's semantic conventions call things, version 1.44.0.

Those for generative AI are still in development there, so that their names are pinned here.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

__all__ = [
    "AGENT_NAME",
    "AGENT_VERSION",
    "CONVERSATION",
    "COUNTED",
    "ERROR_TYPE",
    "FINISH_REASONS",
    "OPERATION",
    "OPERATION_DURATION",
    "PROVIDER",
    "PROVIDERS",
    "REQUEST_MODEL",
    "RESPONSE_MODEL",
    "SCHEMA",
    "TOKEN_TYPE",
    "TOKEN_USAGE",
    "TOOL_NAME",
    "VERSION",
    "WORKFLOW",
]

SCHEMA: Final = "https://opentelemetry.io/schemas/1.44.0"
VERSION: Final = version("ripieno")

AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_VERSION: Final = "gen_ai.agent.version"
CONVERSATION: Final = "gen_ai.conversation.id"
ERROR_TYPE: Final = "error.type"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - of a model, and no secret
TOOL_NAME: Final = "gen_ai.tool.name"
WORKFLOW: Final = "gen_ai.workflow.name"

OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - of a model, and no secret

COUNTED: Final = {
    RESPONSE_MODEL: "model",
    "gen_ai.response.id": "response",
    "gen_ai.usage.input_tokens": "input",
    "gen_ai.usage.output_tokens": "output",
    "gen_ai.usage.cache_read.input_tokens": "cache_read",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write",
    "gen_ai.usage.reasoning.output_tokens": "reasoning",
}
"""What the log has of an answer, by its name in the conventions."""

PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
}
"""Providers of models that the conventions call otherwise."""
