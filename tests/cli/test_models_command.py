"""`ripieno models check` asks each model as a run, and says what it can do and costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.asking import PATHS
from providers.replies import Asked, Broken, Says
from providers.server import serving
from ripieno.cli.models import checked
from ripieno.cli.settings import Settings
from ripieno.model.errors import SettingsError
from ripieno.participants.llm.models import MODELS, read, usual_key

PROJECT = """
[models.fast]
provider = "openai"
model = "gpt-5-mini"
base_url = "{address}/openai/v1"
key = "secret://env/PROVIDER_KEY"
price = {{ input = "1", output = "2.5" }}
approved_for = ["phi"]
region = "eu"

[models."openai:gpt-5-nano"]
base_url = "{address}/openai/v1"
key = "secret://env/NO_SUCH_KEY"
"""


ELSEWHERE = ("openai", "anthropic", "google", "mistral")


def settings(home: Path) -> Settings:
    return Settings.settle({"home": str(home)}, {"RIPIENO_PRINCIPAL": "ada"}, home)


async def test_a_model_that_answers_one_that_does_not_and_one_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROVIDER_KEY", "sk-only-for-tests-0123456789")
    asked: list[Asked] = []

    def script(one: Asked) -> Any:
        asked.append(one)
        return Says("ok") if one.model == "gpt-5-mini" else Broken(401, "who are you?")

    async with serving(script) as provider:
        (tmp_path / "ripieno.toml").write_text(PROJECT.format(address=provider.address))
        MODELS.declare(None)
        found = await checked(settings(tmp_path / "home"), (), offline=False)
    MODELS.declare(None)
    fast, nano = found
    assert (fast["model"], fast["reachable"], fast["problem"]) == ("openai:gpt-5-mini", True, None)
    assert (fast["price"], fast["prices"]) == ({"input": "1", "output": "2.5"}, "project")
    assert (fast["tools"], fast["streaming"], fast["thinking"], fast["region"]) == (True, True, True, "eu")
    assert nano["reachable"] is False
    assert "NO_SUCH_KEY" in nano["problem"]
    assert nano["prices"].startswith("genai-prices")
    assert len(asked) == 1
    json.dumps(found)


async def test_a_providers_usual_key_is_not_sent_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.setenv(variable, "sk-of-the-provider-itself")
    asked: list[Asked] = []

    def script(one: Asked) -> Any:
        asked.append(one)
        return Says("ok")

    async with serving(script) as provider:
        said = {f"{name}:x": {"base_url": f"{provider.address}{PATHS[name]}"} for name in ELSEWHERE}
        MODELS.declare(read(said, "a test"))
        found = await checked(settings(tmp_path / "home"), (), offline=False)
    MODELS.declare(None)
    assert [one["problem"] for one in found] == [None] * len(ELSEWHERE)
    assert len(asked) == len(ELSEWHERE)
    assert not any("sk-of-the-provider" in one.key for one in asked)
    assert usual_key("openai") == MODELS.find("openai:gpt-5").key


async def test_what_cannot_be_known_is_said_with_what_to_do(tmp_path: Path) -> None:
    MODELS.declare({})
    [one] = await checked(settings(tmp_path / "home"), ("fast",), offline=True)
    MODELS.declare(None)
    assert one["reachable"] is False
    assert "no model is called 'fast'" in one["problem"]
    assert "[models.fast]" in one["problem"]


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"fast": {"provider": "openai"}}, "who serves it, and what is it called there?"),
        ({"fast": {"provider": "opnai", "model": "x"}}, "no provider of models is called 'opnai'"),
        ({"fast": {"provider": "openai", "model": "x", "url": "y"}}, "nothing about a model is called 'url'"),
        ({"openai:x": {"api": "soap"}}, "api must be 'chat' or 'responses'"),
        ({"openai:x": {"key": "sk-in-the-clear"}}, "expected a reference such as secret://"),
        ({"openai:x": {"approved_for": ["phy"]}}, "unknown class of data 'phy'"),
        ({"openai:x": {"price": {"input": "1"}}}, "price must be dollars for a million tokens"),
        ({"openai:x": {"price": {"input": "1", "output": "-1"}}}, "output must be US dollars"),
        ({"openai:x": {"price": {"input": "1", "output": "a"}}}, "output must be US dollars"),
        ({"openai:x": {"options": ["a"]}}, "options must be a table of texts"),
        ({"openai:x": {"base_url": 1}}, "base_url must be a text"),
        ({"openai:x": {"base_url": "models.example.com"}}, "base_url must be an address"),
        ({"openai:x": {"base_url": "https://["}}, "base_url must be an address"),
        ({"openai:x": {"base_url": "https://me:secret@models.example.com"}}, "base_url must be an address"),
        (
            {"openai:x": {"base_url": "http://models.example.com", "key": "secret://env/K"}},
            "a key is not sent",
        ),
        ({"azure:x": {"base_url": "http://mine.example.com"}}, "a key is not sent"),
        ({"openai:x": 1}, "expected a table"),
        ([], "expected a table of models"),
    ],
)
def test_what_a_project_says_wrongly_is_named_with_its_place(said: Any, names: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(said, "ripieno.toml")
    assert names in str(refused.value)
    assert "ripieno.toml" in str(refused.value)
