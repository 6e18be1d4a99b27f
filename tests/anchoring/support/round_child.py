"""Makes one round, in a process that is killed by itself right before or after one of its steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ripieno.anchoring import rounds
from ripieno.anchoring.folder import FolderSink
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.sequencer import Sequencer

STEPS: dict[str, tuple[Any, str]] = {
    "advance": (Sequencer, "advance"),
    "keep": (Sequencer, "keep"),
    "keep_latest": (rounds, "keep_latest"),
    "publish": (FolderSink, "publish"),
    "published": (Sequencer, "published"),
}


def killed(act: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
    def replaced(*arguments: Any, **named: Any) -> Any:
        if not before:
            act(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    return replaced


def turned(home: str, out: str, step: str, when: str) -> None:
    owner, name = STEPS[step]
    setattr(owner, name, killed(getattr(owner, name), before=when == "before"))
    rounds.Rounds(Path(home), Anchoring(1, "example.com/log", (out,))).turn()
