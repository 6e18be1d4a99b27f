"""Which models are found without being named: declared, by a key, in an Ollama; what they may be shown."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from providers.replies import Says
from providers.server import serving
from ripieno.participants.llm.found import found_models, ollama_models, usable_model
from ripieno.participants.llm.here import approved_here, ollama_address, on_loopback
from ripieno.participants.llm.models import MODELS, read
from ripieno.participants.llm.providers import missing

NOBODY = {"OLLAMA_HOST": "127.0.0.1:9"}
TAGS: list[dict[str, Any]] = [
    {"name": "llama3.2:latest", "size": 2_000_000_000},
    {"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com:443"},
    {"name": "nomic-embed-text:latest"},
    {"name": "no name\n"},
    {"model": "without a name"},
]


@pytest.mark.parametrize(
    ("said", "is_at"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - what Ollama's server is told, which nothing binds here
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("box.example", "http://box.example:11434"),
        ("https://box.example", "https://box.example:443"),
        ("http://box.example/ollama/", "http://box.example:80/ollama"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("'127.0.0.1:8080'", "http://127.0.0.1:8080"),
        ("127.0.0.1:much", "http://127.0.0.1:11434"),
    ],
)
def test_where_ollama_is_is_read_as_its_own_commands_read_it(said: str | None, is_at: str) -> None:
    assert ollama_address({} if said is None else {"OLLAMA_HOST": said}) == is_at


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://localhost:11434/v1", True),
        ("http://[::1]:11434", True),
        ("http://10.0.0.7:11434", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine_alone_is_told_by_its_address(url: str, *, here: bool) -> None:
    assert on_loopback(url) is here


@pytest.mark.parametrize(
    ("provider", "model", "base_url", "all_of_it"),
    [
        ("recorded", "a.package", None, True),
        ("ollama", "llama3.2", "http://127.0.0.1:11434/v1", True),
        ("ollama", "llama3.2", "http://10.0.0.7:11434/v1", False),
        ("ollama", "gpt-oss:120b-cloud", "http://127.0.0.1:11434/v1", False),
        ("openai", "gpt-5", "http://127.0.0.1:8080/v1", False),
    ],
    ids=["recorded", "Ollama here", "Ollama there", "Ollama that asks elsewhere", "another that is here"],
)
def test_what_stays_here_may_be_told_anything(
    provider: str, model: str, base_url: str | None, *, all_of_it: bool
) -> None:
    assert ("phi" in approved_here(provider, model, base_url)) is all_of_it


def test_what_a_project_says_of_approval_counts_for_what_is_here_too() -> None:
    said: dict[str, dict[str, Any]] = {
        "ollama:a": {"base_url": "http://127.0.0.1:1/v1"},
        "ollama:b": {"base_url": "http://127.0.0.1:1/v1", "approved_for": []},
        "ollama:c": {"base_url": "http://10.0.0.7:1/v1", "approved_for": ["phi"]},
    }
    entries = read(said, "ripieno.toml")
    assert {name: one.facts["approved_for_phi"] for name, one in entries.items()} == {
        "ollama:a": True,
        "ollama:b": False,
        "ollama:c": True,
    }


async def test_an_ollama_that_is_there_is_found_with_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(lambda _: Says("ok")) as provider:
        provider.models = TAGS
        monkeypatch.setenv("OLLAMA_HOST", provider.address)
        [found] = await asyncio.to_thread(found_models, {"OLLAMA_HOST": provider.address})
        assert provider.asked == []
    assert found.name == "ollama:llama3.2:latest"
    assert found.because == f"Ollama at 127.0.0.1:{provider.port} has it"
    assert found.may_see("phi")
    assert found.lacks == ""
    assert usable_model("phi", [found]) == found


@pytest.mark.parametrize("listed", [{"a": 1}, "none", [1, None]], ids=["an object", "a text", "no objects"])
async def test_what_no_ollama_would_say_is_none(listed: Any) -> None:
    async with serving(lambda _: Says("ok")) as provider:
        provider.models = listed
        assert await asyncio.to_thread(ollama_models, provider.address) == []
        assert await asyncio.to_thread(ollama_models, f"{provider.address}/openai") == []


def test_who_does_not_answer_is_no_ollama_and_is_not_waited_for_long() -> None:
    assert ollama_models("http://127.0.0.1:9") == []
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert ollama_models(f"http://127.0.0.1:{silent.getsockname()[1]}") == []


def test_a_key_finds_a_model_that_is_not_approved_until_the_project_says_so(tmp_path: Path) -> None:
    environment = {**NOBODY, "OPENAI_API_KEY": "sk-only-for-tests", "MISTRAL_API_KEY": ""}
    [found] = found_models(environment)
    assert (found.name, found.because) == ("openai:gpt-5-mini", "OPENAI_API_KEY is set")
    assert found.lacks.startswith("not approved for phi: approved_for = ")
    assert usable_model("phi", [found]) is None
    MODELS.declare(read({"openai:gpt-5-mini": {"approved_for": ["phi"]}}, str(tmp_path / "ripieno.toml")))
    [declared] = found_models(environment)
    assert (declared.name, declared.lacks) == ("openai:gpt-5-mini", "")
    assert usable_model("phi", [declared]) == declared


def test_what_is_not_installed_is_found_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_there(package: str) -> None:
        del package

    command = "pip install 'ripieno[openai]'"
    missing.cache_clear()
    with monkeypatch.context() as without:
        without.setattr("ripieno.participants.llm.providers.find_spec", nothing_there)
        [found] = found_models({**NOBODY, "OPENAI_API_KEY": "sk-only-for-tests"})
    missing.cache_clear()
    assert found.lacks == f"not installed: {command}"
    assert usable_model("phi", [found]) is None


def test_where_there_is_nothing_nothing_is_found() -> None:
    assert found_models(NOBODY) == []
