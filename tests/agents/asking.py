"""Models that are served on loopback, known to this process under short names."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

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
    "vertex": {
        "provider": "google-vertex",
        "model": "gemini-2.5-pro",
        "region": "europe-west1",
        "options": {"project": "of-tests"},
    },
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
    "google-vertex": "/vertex",
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
            **({} if name in ("bedrock", "vertex") else {"key": "secret://env/PROVIDER_KEY"}),
            **more.get(name, {}),
        }
        for name, settings in LOCAL.items()
    }
    MODELS.declare(read(said, "a test"))


@asynccontextmanager
async def asking(script: Script, **more: Mapping[str, Any]) -> AsyncGenerator[Provider]:
    """Serve by a script, and let agents name its models as above; Vertex AI as a service account."""
    with TemporaryDirectory() as folder:
        async with serving(script) as provider:
            file = Path(folder) / "account.json"
            file.write_text(json.dumps(account(provider)), encoding="utf-8")
            os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
            declared(provider, **more)
            try:
                yield provider
                await CLIENTS.close()
            finally:
                del os.environ["GOOGLE_APPLICATION_CREDENTIALS"]


def account(provider: Provider) -> dict[str, str]:
    """Give what Google hands out for a service account, whose tokens are had of the provider on loopback."""
    return {
        "type": "service_account",
        "client_email": "tests@of-tests.example",
        "private_key": private_key(),
        "token_uri": f"{provider.address}/vertex/token",
    }


@cache
def private_key() -> str:
    """Give a key that nobody else has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
