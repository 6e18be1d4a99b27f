"""The command line as its users have it: real processes, a real data folder, nothing replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ripieno.blueprints.hospital_discharge.sample_patients import recent_sample
from warm_start import PATIENCE_SECONDS, Result, WarmStart

__all__ = ["Cli", "Result"]


class Cli:
    """Runs commands in a folder of their own."""

    def __init__(self, folder: Path, warm: WarmStart) -> None:
        self.folder = folder
        self.patience = PATIENCE_SECONDS
        self._warm = warm
        self.home = folder / "home"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RIPIENO_")}
        self.environment = {**kept, "RIPIENO_HOME": str(self.home), "RIPIENO_PRINCIPAL": "tester"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ripieno.cli", *arguments]

    def run(self, *arguments: str, stdin: str | bytes = b"", **environment: str) -> Result:
        return self._warm.run(
            arguments,
            folder=self.folder,
            environment={**self.environment, **environment},
            given=stdin.encode() if isinstance(stdin, str) else stdin,
            patience=self.patience,
        )

    def ok(self, *arguments: str, **environment: str) -> Result:
        result = self.run(*arguments, **environment)
        assert result.code == 0, result
        return result

    def at_once(self, *arguments: str, by: Sequence[str], **environment: str) -> list[Result]:
        """Run a command by several people, in processes of their own that are there at the same time."""
        started = [self.start(*arguments, RIPIENO_PRINCIPAL=name, **environment) for name in by]
        said = [one.communicate(timeout=PATIENCE_SECONDS) for one in started]
        return [
            Result(one.returncode, out.decode(), err.decode())
            for one, (out, err) in zip(started, said, strict=True)
        ]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own command
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, name: str, text: str | bytes) -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    def patient(self, name: str) -> str:
        return self.write(f"patients/{name}.json", json.dumps(recent_sample(name)))

    def discharge(self, name: str) -> dict[str, Any]:
        """Run the discharge of a sample patient until it rests."""
        result = self.run(
            "run", "hospital-discharge", "--input", self.patient(name), "--no-wait-people", "--output", "json"
        )
        return result.json[0]


@pytest.fixture
def cli(tmp_path: Path, warm: WarmStart) -> Cli:
    return Cli(tmp_path, warm)


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Ask again until something true comes back, or the patience is over."""

    def ask(question: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = question()
            if found:
                return found
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)  # a process of its own is waited for, and needs the machine

    return ask
