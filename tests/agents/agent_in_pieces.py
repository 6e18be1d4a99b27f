"""An agent that pays and books by its tools, for crashes to cut in two; its provider outlives them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from kernel.support.errands import FOLDER, answered, book, effects, pay, settle_in
from kernel.support.scenario import Scenario
from providers.replies import Calls, Says, Script, turns
from ripieno import Workflow, agent
from ripieno.participants.llm.clients import CLIENTS
from ripieno.participants.llm.models import MODELS, ModelEntry, read

__all__ = ["PORT", "SCENARIO", "SCRIPT"]

PORT: Final = "AGENT_PROVIDER_PORT"
SCRIPT: Final[Script] = turns(
    Calls([("pay", {"amount": 1}), ("book", {"place": "here"})]),
    Calls([("pay", {"amount": 2}), ("pay", {"sum": 2})]),
    Calls([("book", {"place": "there"})]),
    Says("all done"),
)
CLIENTS.shape(ModelEntry("warm", "openai", "gpt-5-mini"))  # loads what no child should have to
CLERK = agent("clerk", model="local", instructions="Pay and book.", tools=[pay, book])


def settle(home: Path) -> None:
    settle_in(home)
    said = {"provider": "openai", "model": "gpt-5-mini", "key": "secret://env/PROVIDER_KEY"}
    address = f"http://127.0.0.1:{os.environ[PORT]}/openai/v1"
    MODELS.declare(read({"local": {**said, "base_url": address}}, "a test"))


def given() -> dict[str, Any]:
    """Give an input by which the provider tells one run from another."""
    return {"folder": os.environ[FOLDER]}


SCENARIO = Scenario(Workflow("clerking", CLERK), given, settle, effects, answered)
