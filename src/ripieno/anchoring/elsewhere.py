"""What others have of the log: asked before anything is run on it, and before it is called sound.

A data folder that was put back as a whole agrees with itself: only who has its checkpoints can tell.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Final

from ripieno.anchoring.rounds import ForkError, check, known_size
from ripieno.anchoring.settings import Anchoring
from ripieno.anchoring.sink import RememberingSink, Sink, SinkError, sink_at
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import SIGNING_KEY, signer_at

__all__ = ["Elsewhere", "ask", "compare"]

SECONDS: Final = 10.0
"""How long who begins to serve waits for all sinks together."""

NONE: Final = "it shows no checkpoint"

AGAIN: Final = (
    "ripieno restore puts a backup back so that what is lost is told; where there is none,"
    " ripieno backup of this folder, and ripieno restore of that with --replace, do so too"
)


@dataclass(slots=True)
class Elsewhere:
    """What sinks have."""

    notes: dict[str, str] = field(default_factory=dict[str, str])
    """The newest checkpoint of each sink that could be asked and has one."""
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """Why others were not compared."""


def ask(sinks: Sequence[Sink], known: Mapping[str, int] | None = None, seconds: float = SECONDS) -> Elsewhere:
    """Ask all sinks at once for their newest checkpoint, and wait for none of them longer than that.

    `known`: the size of a checkpoint that a sink should have; it makes the asking cheaper, and no more.
    """
    found = Elsewhere()
    answers: dict[str, str | SinkError | None] = {}

    def one(sink: Sink) -> None:
        size = (known or {}).get(sink.name, 0)
        try:
            note = sink.newest(size)
            answers[sink.name] = sink.newest(0) if note is None and size else note
        except SinkError as error:
            answers[sink.name] = error

    threads = [Thread(target=one, args=(sink,), daemon=True) for sink in sinks]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    for sink in sinks:
        match answers.get(sink.name, SinkError(f"it does not answer within {seconds:g} seconds")):
            case SinkError() as error:
                found.problems[sink.name] = error.message.removeprefix(f"{sink.name}: ")
            case None:
                found.problems[sink.name] = NONE
            case note:
                found.notes[sink.name] = note
    return found


def compare(home: Path, settings: Anchoring, *, seconds: float = SECONDS) -> dict[str, str]:
    """Compare the log of a data folder with what its sinks have; give those that cannot be asked, and why.

    Raises `ForkError` where one has a checkpoint that the log does not go on from. The sinks are asked
    before the log is read: what others commit and publish meanwhile is in it then.
    """
    sinks = [sink_at(place) for place in settings.sinks]
    if not sinks:
        return {}
    with Sequencer(home) as sequencer:
        told = sequencer.sinks()
        known = {sink.name: known_size(sequencer, told.get(sink.name)) for sink in sinks}
    found = ask(sinks, known, seconds)
    if found.notes:
        signer = signer_at(home, None if (home / SIGNING_KEY).exists() else settings.origin)
        with Sequencer(home) as sequencer:
            for name, note in found.notes.items():
                try:
                    check(sequencer, signer, name, note)
                except ForkError as error:
                    msg = f"nothing is run in {home}: {error.message}"
                    raise ForkError(msg, remedy=AGAIN if error.behind else error.remedy) from error
    expected = {sink.name for sink in sinks if isinstance(sink, RememberingSink) and sink.name in told}
    return {name: why for name, why in found.problems.items() if why != NONE or name in expected}
