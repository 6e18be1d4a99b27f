"""Models that are served on loopback, known to this process under short names."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from providers.replies import Script
from providers.server import Provider, serving
from ripieno.participants.llm.clients import CLIENTS
from ripieno.participants.llm.models import MODELS, read

__all__ = ["LOCAL", "asking", "declared"]

LOCAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "chat": {"provider": "openai", "model": "gpt-5-mini"},
    "responses": {"provider": "openai", "model": "gpt-5-mini", "api": "responses"},
    "claude": {"provider": "anthropic", "model": "claude-haiku-4-5"},
    "gemini": {"provider": "google", "model": "gemini-2.5-pro"},
    "mistral": {"provider": "mistral", "model": "mistral-large-latest"},
    "ollama": {"provider": "ollama", "model": "llama3.2", "price": {"input": "0.01", "output": "0.01"}},
    "azure": {"provider": "azure", "model": "gpt-5-mini", "options": {"api_version": "2025-04-01-preview"}},
    "bedrock": {"provider": "bedrock", "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
}
"""By what each is called in tests."""

PATHS: Final = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "google": "/google",
    "mistral": "/mistral",
    "ollama": "/openai/v1",
    "azure": "/azure",
    "bedrock": "/bedrock",
}


def declared(provider: Provider, **more: Mapping[str, Any]) -> None:
    """Let this process know the models of a provider on loopback, and what is said of them besides."""
    said = {
        name: {
            **settings,
            "base_url": f"{provider.address}{PATHS[settings['provider']]}",
            **({} if name == "bedrock" else {"key": "secret://env/PROVIDER_KEY"}),
            **more.get(name, {}),
        }
        for name, settings in LOCAL.items()
    }
    MODELS.declare(read(said, "a test"))


@asynccontextmanager
async def asking(script: Script, **more: Mapping[str, Any]) -> AsyncGenerator[Provider]:
    """Serve by a script, and let agents name its models as above."""
    async with serving(script) as provider:
        declared(provider, **more)
        yield provider
        await CLIENTS.close()
