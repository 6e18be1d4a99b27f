"""Agents are tested as what they are part of: workflows that run, with a provider of models on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from patterns.running import Running, Turned
from ripieno.kernel.host import Host
from ripieno.participants.llm.models import MODELS

KEY = "sk-only-for-tests-0123456789"


@pytest.fixture
def running(host: Host, clock: Turned) -> Running:
    """Give what runs a flow and waits for what becomes of it."""
    return Running(host, clock)


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test know of the models of another, or of a project."""
    monkeypatch.setenv("PROVIDER_KEY", KEY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAONLYFORTESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    MODELS.declare({})
    yield
    MODELS.declare(None)
