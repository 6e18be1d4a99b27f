"""Which models there are for whoever asks for none by name: of the project, by a key, or in an Ollama here.

Nothing is sent to a provider for it. An Ollama is asked which models it has, and is given half a second.
"""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

from ripieno.participants.llm.here import ELSEWHERE, ollama_address
from ripieno.participants.llm.models import MODELS, ModelEntry
from ripieno.participants.llm.providers import PROVIDERS, missing

__all__ = ["FoundModel", "found_models", "ollama_models", "usable_model"]

PATIENCE_SECONDS: Final = 0.5
LARGEST: Final = 4_000_000
DEFAULTS: Final[Mapping[str, str]] = {
    "openai": "gpt-5-mini",
    "anthropic": "claude-sonnet-4-5",
    "google": "gemini-2.5-flash",
    "mistral": "mistral-large-latest",
}
"""The model that is meant where there is a key of a provider and nothing else is said."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,149}")
EMBEDDING: Final = ("embed", "bge-", "minilm")
"""What the names of models hold that answer nothing."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that could be asked."""

    name: str
    """As agents name it."""
    because: str
    """How it was found, such as `OPENAI_API_KEY is set`."""
    approved_for: tuple[str, ...]
    missing: str | None = None
    """What has to be installed before it can be asked."""

    def may_see(self, data: str) -> bool:
        """Tell whether it is approved for a class of data."""
        return data in self.approved_for

    @property
    def lacks(self) -> str:
        """What it lacks to be asked about health records, and what to do; empty where it lacks nothing."""
        if self.missing is not None:
            return f"not installed: {self.missing}"
        approve = f'approved_for = ["phi"] under [models."{self.name}"] in ripieno.toml'
        return "" if self.may_see("phi") else f"not approved for phi: {approve}"


def found_models(environment: Mapping[str, str] | None = None) -> list[FoundModel]:
    """Give what the project declares, then what there is a key for, then what an Ollama has.

    Raises `SettingsError` where the project's file cannot be read.
    """
    known = os.environ if environment is None else environment
    found = {one.name: one for one in _declared()}
    for one in (*_by_key(known), *_in_ollama(known)):
        found.setdefault(one.name, one)
    return list(found.values())


def usable_model(data: str, models: list[FoundModel]) -> FoundModel | None:
    """Give the first model that can be asked and may see a class of data; None where there is none."""
    return next((one for one in models if one.missing is None and one.may_see(data)), None)


def _declared() -> Iterator[FoundModel]:
    for entry in MODELS.declared.values():
        yield _found(entry, f"{entry.place or 'the project'} declares it")


def _by_key(environment: Mapping[str, str]) -> Iterator[FoundModel]:
    for provider, model in DEFAULTS.items():
        variable = PROVIDERS[provider].variable
        if variable and environment.get(variable):
            yield _found(MODELS.find(f"{provider}:{model}"), f"{variable} is set")


def _in_ollama(environment: Mapping[str, str]) -> Iterator[FoundModel]:
    address = ollama_address(environment)
    for model in ollama_models(address):
        yield _found(MODELS.find(f"ollama:{model}"), f"Ollama at {urlsplit(address).netloc} has it")


def _found(entry: ModelEntry, because: str) -> FoundModel:
    return FoundModel(entry.name, because, entry.approved_for, missing(entry.provider))


def ollama_models(address: str) -> list[str]:
    """Give the models that an Ollama at an address has, the one used last first; none where none is."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", f"{parts.path}/api/tags", headers={"accept": "application/json"})
        answer = connection.getresponse()
        told: Any = json.loads(answer.read(LARGEST)) if answer.status == http.client.OK else {}
    except (OSError, http.client.HTTPException, ValueError):
        return []
    finally:
        connection.close()
    listed: Any = cast("dict[str, Any]", told).get("models") if isinstance(told, dict) else None
    return list(_names(listed))


def _names(listed: Any) -> Iterator[str]:
    for one in cast("list[Any]", listed) if isinstance(listed, list) else ():
        fields = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        name = fields.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            continue
        elsewhere = bool(fields.get("remote_host")) or name.endswith(ELSEWHERE)
        if not elsewhere and not any(part in name for part in EMBEDDING):
            yield name
