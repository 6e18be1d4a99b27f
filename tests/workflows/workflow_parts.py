"""Python objects that the workflow files of these tests name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ripieno import Calendar, Function, Workflow, function, human, sequential, tool


def read(input: Any) -> Any:  # noqa: A002 - the name by which a participant receives its input
    return input


def check(read: Any) -> Any:
    return read


def file(check: Any) -> Any:
    return check


def post(input: Any) -> Any:  # noqa: A002
    return input


@function(pure=True, version="2", timeout="5s")
def weigh(input: Any) -> Any:  # noqa: A002
    return input


@function(name="otherwise-named")
def another(input: Any) -> Any:  # noqa: A002
    return input


def asks_for(nobody: Any, nowhere: Any) -> Any:
    return nobody, nowhere


@tool(effect="read", name="find-it")
def find_it(key: str, within: float = 1.5) -> str:
    return f"{key} {within}"


def count_tokens(message: Any) -> int:
    return len(str(message.content))


@tool(effect="read")
def look_up(key: str) -> str:
    return key


class Verdict(BaseModel):
    approved: bool
    share: float = 0.5


class Order(BaseModel):
    amount: int


def refuse_odd(value: Any) -> None:
    if value % 2:
        msg = "odd"
        raise ValueError(msg)


def is_large(names: Mapping[str, Any]) -> bool:
    return names["amount"] > 100


def next_speaker(thread: Any) -> str:
    return thread.everyone[0]


FORM: dict[str, Any] = {"type": "object", "properties": {"ok": {"type": "boolean"}}}

chief = human("chief", role="chief")
intake = sequential(read, check, name="intake")
NUMBER = 3

CALENDAR = Calendar("night", hours={"mon-sun": "00:00-06:00"})

CALENDARS = [
    Calendar("office", zone="Europe/Berlin", hours={"mon-fri": "09:00-17:00"}, holidays=["12-25"]),
    Calendar("shifts", hours={"mon-sun": ["00:00-06:00", "18:00-24:00"]}, holidays=["2026-12-24", "02-29"]),
]


class Names:
    """Names that are unique within a workflow."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"


inner = Workflow("inner", Function(read))
