"""Runs contenders and scenarios as processes of their own, the contenders interleaved in rounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contender import Description, Failure, Measurement
from harness.scenario import Figure, ScenarioResult
from harness.shape import QUICK, Size

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bench", "CallError", "Entry", "found_in"]

HERE = Path(__file__).parent.parent
TIMEOUT_S = 900
# Nobody's traces leave the machine, and nobody pays for making them.
QUIET = {"LANGSMITH_TRACING": "false", "ENABLE_INSTRUMENTATION": "false", "OTEL_SDK_DISABLED": "true"}


class CallError(Exception):
    """One of our modules has failed."""

    def __init__(self, module: str, why: str) -> None:
        """Say which, and of what."""
        super().__init__(f"{module}: {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class Entry:
    """A contender by the name of its module, and what it said of itself."""

    name: str
    description: Description

    def takes(self, size: Size) -> bool:
        """Tell whether it takes part at this size; in a smoke run everybody does."""
        return size in QUICK or [size.runs, size.steps] in self.description.sizes


def found_in(package: str) -> list[str]:
    """Name the modules of a package in `benchmarks/`."""
    return sorted(path.stem for path in (HERE / package).glob("[!_]*.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where and how the processes run."""

    folder: Path
    """On the disk to measure."""

    concurrency: int

    def describe(self, name: str) -> Entry:
        """Ask a contender what it is."""
        return Entry(name, Description(**self._call(f"contenders.{name}", ["--describe"])))

    def measure(self, entry: Entry, size: Size) -> Measurement | Failure:
        """Measure a contender once; one that fails says of what, and ends no run of the others."""
        arguments = ["--runs", size.runs, "--steps", size.steps, "--concurrency", self.concurrency]
        arguments += ["--folder", self.folder]
        try:
            return Measurement(**self._call(f"contenders.{entry.name}", arguments))
        except CallError as error:
            return Failure(error.why)

    def rounds(
        self, entries: Sequence[Entry], size: Size, count: int
    ) -> list[dict[str, Measurement | Failure]]:
        """Measure A B C, then A B C again, so that a slow minute of the machine falls on all alike."""
        rounds: list[dict[str, Measurement | Failure]] = []
        for number in range(1, count + 1):
            measured: dict[str, Measurement | Failure] = {}
            for entry in entries:
                measured[entry.name] = it = self.measure(entry, size)
                said = it.why if isinstance(it, Failure) else f"{it.runs * it.steps / it.wall_s:,.0f} steps/s"
                print(f"{size} round {number}: {entry.name} {said}", file=sys.stderr)
            rounds.append(measured)
        return rounds

    def scenario(self, name: str, *, quick: bool) -> ScenarioResult:
        """Run a scenario once."""
        print(f"scenario {name}", file=sys.stderr)
        arguments = ["--folder", self.folder, *(["--quick"] if quick else [])]
        answer = self._call(f"scenarios.{name}", arguments)
        return ScenarioResult(title=answer["title"], figures=[Figure(**each) for each in answer["figures"]])

    def _call(self, module: str, arguments: Sequence[object]) -> dict[str, Any]:
        """Run one of our modules and read the object it printed; its complaints pass through.

        Raises `CallError` when it fails or takes too long.
        """
        command = [sys.executable, "-m", module, "--json", *map(str, arguments)]
        try:
            done = subprocess.run(  # noqa: S603 - our own module, no shell
                command, cwd=HERE, env=os.environ | QUIET, capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            message = f"not done within {TIMEOUT_S} s"
            raise CallError(module, message) from error
        complaints = done.stderr.decode(errors="replace")
        sys.stderr.write(complaints)
        if done.returncode:
            raise CallError(module, last_line(complaints) or f"ended with exit code {done.returncode}")
        return json.loads(done.stdout)


def last_line(complaints: str) -> str:
    """Give the line that says what went wrong: of a traceback of several errors the innermost."""
    lines = [line.strip(" |+-") for line in complaints.splitlines()]
    return next((line for line in reversed(lines) if line), "")
