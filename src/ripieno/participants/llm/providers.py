"""Who serves models: what their clients need, and the model of Pydantic AI that speaks with each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError
from ripieno.participants.llm.here import ollama_address
from ripieno.participants.llm.sent_plainly import sent_plainly
from ripieno.resilience.http import CONNECT_SECONDS, client
from ripieno.resilience.pools import WIDTH, pooled

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from ripieno.participants.llm.models import ModelEntry

__all__ = ["PROVIDERS", "Built", "ProviderKind", "build", "missing"]

LARGEST: Final = 50_000_000
"""Bytes of one response, a stream included: whoever speaks as OpenAI does may be anybody."""
PLACEHOLDER: Final = "unset"
"""What stands for a key where a model is only asked what it can do, and never called."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One provider of models."""

    extra: str
    """The extra of this package that brings its client."""
    package: str
    """What that client is imported as."""
    variable: str | None
    """The environment variable in which its key usually is; None where it needs none."""
    model: Callable[[ModelEntry, str | None, Any], Model]
    """Makes the model, with a key and an HTTP client."""
    http: str | None = "httpx2"
    """The library of that client; None where its own cannot be had another."""


def made(module: str, name: str, /, **settings: Any) -> Any:
    """Give an instance of a class of Pydantic AI, without the settings that are not said."""
    kind = getattr(importlib.import_module(f"pydantic_ai.{module}"), name)
    return kind(**{key: value for key, value in settings.items() if value is not None})


def once(provider: Any) -> Any:
    """Let a client try nothing again by itself: each attempt is a claim of its own, and is recorded."""
    provider.client.max_retries = 0
    return provider


def lean(provider: Any) -> Any:
    """As `once`, for a client of OpenAI, which then does nothing that is of no use here."""
    sent_plainly(provider.client)
    return once(provider)


def speaking(entry: ModelEntry, provider: Any) -> Model:
    """Speak one of OpenAI's two interfaces."""
    kind = "OpenAIResponsesModel" if entry.api == "responses" else "OpenAIChatModel"
    return made("models.openai", kind, model_name=entry.model, provider=lean(provider))


def openai(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with OpenAI, or with whoever speaks as it does."""
    where = {"base_url": entry.base_url, "api_key": key or PLACEHOLDER}
    return speaking(entry, made("providers.openai", "OpenAIProvider", **where, http_client=http))


def azure(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Azure OpenAI."""
    where = {"azure_endpoint": entry.base_url, "api_version": dict(entry.options).get("api_version")}
    own = {"api_key": key or PLACEHOLDER, "http_client": http}
    return speaking(entry, made("providers.azure", "AzureProvider", **where, **own))


def ollama(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Ollama: where it is declared to be, else as `OLLAMA_HOST` says, else where it usually is."""
    where = {"base_url": entry.base_url or f"{ollama_address()}/v1", "api_key": key}
    provider = made("providers.ollama", "OllamaProvider", **where, http_client=http)
    return made("models.ollama", "OllamaModel", model_name=entry.model, provider=lean(provider))


def anthropic(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Anthropic."""
    where = {"base_url": entry.base_url, "api_key": key or PLACEHOLDER}
    provider = made("providers.anthropic", "AnthropicProvider", **where, http_client=http)
    return made("models.anthropic", "AnthropicModel", model_name=entry.model, provider=once(provider))


def google(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Gemini; its client tries nothing again unless it is told to."""
    where = {"base_url": entry.base_url, "api_key": key or PLACEHOLDER}
    provider = made("providers.google", "GoogleProvider", **where, http_client=http)
    return made("models.google", "GoogleModel", model_name=entry.model, provider=provider)


def vertex(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Vertex AI, as whoever the machine is signed in as."""
    where = {"location": entry.region, "project": dict(entry.options).get("project")}
    own = {"base_url": entry.base_url, "api_key": key, "http_client": http}
    provider = made("providers.google_cloud", "GoogleCloudProvider", **where, **own)
    return made("models.google", "GoogleModel", model_name=entry.model, provider=provider)


def bedrock(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Amazon Bedrock: by a key, or as whoever the machine is signed in as.

    Its client waits in threads, which no call under way reaches: it has its times when it is made. Unless it
    is told how long an answer may be silent, it gives up after 5 min.
    """
    del http
    times = entry.resilience.timeouts
    where = {"region_name": entry.region or "us-east-1", "base_url": entry.base_url}
    connect = None if times is None else times.connect
    silent = None if times is None else times.first_byte or times.total
    waits = {
        "aws_connect_timeout": CONNECT_SECONDS if connect is None else seconds(connect),
        "aws_read_timeout": None if silent is None else seconds(silent),
    }
    provider = made("providers.bedrock", "BedrockProvider", **where, **waits, api_key=key)
    provider.client.meta.events.unregister(
        "needs-retry.bedrock-runtime", unique_id="retry-config-bedrock-runtime"
    )  # as `once` does for the others
    return made("models.bedrock", "BedrockConverseModel", model_name=entry.model, provider=provider)


def mistral(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Speak with Mistral; its client tries nothing again unless it is told to."""
    where = {"base_url": entry.base_url, "api_key": key or PLACEHOLDER}
    provider = made("providers.mistral", "MistralProvider", **where, http_client=http)
    return made("models.mistral", "MistralModel", model_name=entry.model, provider=provider)


def recorded(entry: ModelEntry, key: str | None, http: Any) -> Model:
    """Give the answers that are recorded with a package."""
    del key, http
    module = importlib.import_module("ripieno.participants.llm.recordings")
    return module.RecordedModel(entry.model)


PROVIDERS: Final[Mapping[str, ProviderKind]] = {
    "openai": ProviderKind("openai", "openai", "OPENAI_API_KEY", openai),
    "anthropic": ProviderKind("anthropic", "anthropic", "ANTHROPIC_API_KEY", anthropic),
    "google": ProviderKind("google", "google.genai", "GOOGLE_API_KEY", google),
    "google-vertex": ProviderKind("google", "google.genai", None, vertex),
    "bedrock": ProviderKind("bedrock", "boto3", None, bedrock, None),
    "azure": ProviderKind("openai", "openai", "AZURE_OPENAI_API_KEY", azure),
    "mistral": ProviderKind("mistral", "mistralai", "MISTRAL_API_KEY", mistral),
    "ollama": ProviderKind("openai", "openai", None, ollama),
    "recorded": ProviderKind("agents", "pydantic_ai", None, recorded, None),
}
"""By the name that stands before the colon. Whoever speaks as OpenAI does is `openai` with a `base_url`.

`recorded` is nobody: answers that are kept with a package.
"""


@lru_cache(maxsize=64)
def missing(provider: str) -> str | None:
    """Say what has to be installed for a provider; None where it is."""
    kind = PROVIDERS[provider]
    try:
        there = all(find_spec(package) is not None for package in ("pydantic_ai", kind.package))
    except ModuleNotFoundError:
        there = False
    return None if there else f"pip install 'ripieno[{kind.extra}]'"


@dataclass(frozen=True, slots=True)
class Built:
    """A model that can be asked, and the HTTP client by which it is."""

    model: Model
    http: Any = None

    async def close(self) -> None:
        """Close its connections."""
        if self.http is not None:
            await self.http.aclose()


def many_at_once(library: str) -> Any:
    """Give an HTTP client that waits for no connection: how many go at once is declared elsewhere."""
    module = importlib.import_module(library)
    limits = module.Limits(max_connections=None, max_keepalive_connections=WIDTH)
    context = module.create_ssl_context()  # which takes longer to make than many a request
    made_alike = lambda: module.AsyncHTTPTransport(verify=context, limits=limits)  # noqa: E731 - in one line
    return client(library, transport=pooled(module, made_alike), most_bytes=LARGEST, packed=True)


def build(entry: ModelEntry, key: str | None) -> Built:
    """Make the model of Pydantic AI; raises `DefinitionError` that says what has to be installed or set."""
    command = missing(entry.provider)
    if command is not None:
        msg = f"{entry.name}: the client of {entry.provider} is not installed"
        raise DefinitionError(msg, remedy=command)
    kind = PROVIDERS[entry.provider]
    try:
        http = None if kind.http is None else many_at_once(kind.http)
        return Built(kind.model(entry, key, http), http)
    except Exception as error:
        msg = f"{entry.name}: {error}"
        raise DefinitionError(msg, remedy=f"look at what ripieno.toml says of {entry.name}") from error
