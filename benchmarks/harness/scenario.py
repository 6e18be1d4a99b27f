"""What a scenario is: something measured for Ripieno alone, once per bench, in a process of its own.

A scenario's module ends in `main(Scenario(...))` and prints its figures as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Figure", "Scenario", "ScenarioResult", "main"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its unit, beside what the design asks of it."""

    what: str
    value: float
    unit: str
    goal: str = ""
    """Such as `at most 1.2x`; empty where nothing is asked. A figure never fails the bench."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Something to measure."""

    title: str
    measure: Callable[[Path, bool], Awaitable[list[Figure]]]
    """Gets an empty folder on the disk to measure, and whether a smoke run at a tiny scale is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """What one scenario measured."""

    title: str
    figures: list[Figure]


def main(scenario: Scenario) -> None:
    """Be the command line of a scenario's module."""
    parser = argparse.ArgumentParser(description=scenario.title)
    parser.add_argument("--quick", action="store_true", help="a smoke run at a tiny scale")
    parser.add_argument("--folder", type=Path, default=None, help="where the data folder is made and removed")
    parser.add_argument("--json", action="store_true", help="on one line")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:

        async def run() -> list[Figure]:
            return await scenario.measure(Path(folder), options.quick)

        result = ScenarioResult(title=scenario.title, figures=asyncio.run(run()))
    print(json.dumps(asdict(result), indent=None if options.json else 2))
