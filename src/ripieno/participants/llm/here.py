"""Models on this machine: what they are told does not leave it, so that they may be told anything."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ripieno.model.provenance import CLASSES

__all__ = ["OLLAMA_HOST", "approved_here", "ollama_address", "on_loopback"]

OLLAMA_HOST: Final = "OLLAMA_HOST"
"""The environment variable that says where Ollama is, as its own commands read it."""

PORT: Final = 11434
ELSEWHERE: Final = ("-cloud", ":cloud")
"""How the names of models end that an Ollama has asked for elsewhere."""


def ollama_address(environment: Mapping[str, str] | None = None) -> str:
    """Give where Ollama is, such as `http://127.0.0.1:11434`; what is said wrongly counts as not said."""
    said = (os.environ if environment is None else environment).get(OLLAMA_HOST, "").strip().strip("\"'")
    try:
        parts = urlsplit(said if "://" in said else f"http://{said}")
        host, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        return f"http://127.0.0.1:{PORT}"
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what a server listens on: it is asked here
        host = "127.0.0.1"
    usual = {"http": 80, "https": 443}.get(parts.scheme, PORT) if "://" in said else PORT
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{port or usual}{parts.path.rstrip('/')}"


def on_loopback(url: str) -> bool:
    """Tell whether an address is one of this machine alone."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def approved_here(provider: str, model: str, base_url: str | None) -> tuple[str, ...]:
    """Give the classes of data that a model may be told where nobody says: all on this machine, else none."""
    stays = provider == "recorded" or (
        provider == "ollama" and on_loopback(base_url or ollama_address()) and not model.endswith(ELSEWHERE)
    )
    return tuple(sorted(CLASSES)) if stays else ()
