"""A data folder on a disk that cannot be written: what happened is shown, and nothing can be done to it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys

import pytest

from cli.conftest import Cli

DROP_FROM_BOUNDING_SET = 24
CAPABILITIES_OVER_PERMISSIONS = (1, 2)


def without_capabilities() -> None:
    """Let permissions count also for root."""
    for capability in CAPABILITIES_OVER_PERMISSIONS:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="how root is kept from writing is Linux's own")
def test_what_happened_is_shown_and_a_command_is_refused_plainly(cli: Cli) -> None:
    run = cli.discharge("interaction")["short_id"]
    for folder in ("owners", "doorbells"):
        shutil.rmtree(cli.home / folder)
    (cli.home / ".gitignore").unlink()
    (cli.home / "journal.sqlite").chmod(0o400)
    cli.home.chmod(0o500)
    try:
        for code, said, *command in (
            (0, run, "runs", "list"),
            (0, "reconcile", "runs", "events", run),
            (1, "phi data is not shown", "runs", "show", run),
            (1, "can only be read here", "runs", "cancel", run),
        ):
            done = subprocess.run(  # noqa: S603 - our own command; nothing else runs in the child yet
                cli.command(*command),
                cwd=cli.folder,
                env=cli.environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                preexec_fn=without_capabilities,
            )
            assert (done.returncode, said in done.stdout + done.stderr) == (code, True), (command, done)
    finally:
        cli.home.chmod(0o700)
