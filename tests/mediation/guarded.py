"""A workflow whose every call has a secret, and says it, for a crash to cut anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernel.support.ledger import Ledger
from kernel.support.scenario import Scenario
from ripieno import Call, Context, Secret, ToolError, Workflow, function, tool
from ripieno.kernel.commands import AskedFor

__all__ = ["CANARY", "SCENARIO"]

FOLDER = "GUARDED_FOLDER"
CANARY = "canary in the crash"
SECRETS = {"key": "secret://env/GUARDED_KEY"}


def ledger_in(home: Path) -> Ledger:
    return Ledger(home / "ledger.jsonl")


def ledger() -> Ledger:
    return ledger_in(Path(os.environ[FOLDER]))


@tool(on_uncertain="retry", timeout="5s", secrets=SECRETS)
def pay(amount: int, key: Secret, call: Call) -> str:
    """Pay somebody who knows the idempotency key, and say what should not be said."""
    ledger().enter(f"pay {amount}", call.key)
    return f"paid {amount} with {key.reveal()}"


def posted(key: Secret) -> str | None:
    """Look whether the letter went, and say too much."""
    went = any(entry.act == "post" for entry in ledger().entries())
    return f"looked with {key.reveal()}" if went else None


@tool(on_uncertain=posted, timeout="5s", secrets=SECRETS)
def post(key: Secret) -> str:
    """Post a letter, once."""
    ledger().enter("post")
    return f"looked with {key.reveal()}"


@tool(effect="read", attempts=1, secrets=SECRETS)
def fail(key: Secret) -> None:
    """Fail, saying it."""
    raise ToolError(key.reveal())


@tool(timeout="5s")
def send(text: str) -> None:
    """Send what it is given: never reached with a secret."""
    ledger().enter(f"send {text}")


@function(pure=True)
async def all_of_them(input: Any, context: Context) -> list[str]:  # noqa: A002 - bound by this name
    """Make the calls one after another; what is refused is told, not raised."""
    said = [await context.use(pay, amount=input), await context.use(post)]
    for one, arguments in ((fail, {}), (send, {"text": f"key: {CANARY}"})):
        try:
            said.append(await context.use(one, **arguments))
        except ToolError as error:
            said.append(error.code)
    return said


def settle_in(home: Path) -> None:
    os.environ[FOLDER] = str(home)
    os.environ["GUARDED_KEY"] = CANARY


def effects(home: Path) -> list[str]:
    entries = ledger_in(home).entries()
    return sorted({(entry.act, entry.key): entry.act for entry in entries}.values())


def answered(asked: AskedFor, home: Path) -> Any:
    """Say that a call that only fails did nothing: the one that people are asked about."""
    assert asked.about["tool"] == "fail", home
    return {"happened": False}


SCENARIO = Scenario(Workflow("guarded", all_of_them), lambda: 7, settle_in, effects, answered)
