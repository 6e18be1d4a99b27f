"""Why a visit failed, and in what the code asks for something else than was recorded, in words."""

from __future__ import annotations

from collections.abc import Mapping
from traceback import walk_tb

from ripieno.kernel.exits import said
from ripieno.model.errors import RipienoError
from ripieno.model.event import Event
from ripieno.model.participant import Participant

__all__ = ["differs", "explain"]


def explain(error: BaseException) -> str:
    """Say what a participant raised, and where; our own errors say it themselves."""
    if isinstance(error, RipienoError):
        return str(error).replace("\n  ", ". ")
    *_, (frame, line) = walk_tb(error.__traceback__)
    code = frame.f_code
    file = code.co_filename.rsplit("/", 1)[-1]
    return f"{said(error)} (in {code.co_name}, {file}:{line})"


def differs(event: Event, participant: Participant, reads: Mapping[str, str]) -> str:
    """Say in what a recorded visit differs from the one that the code asks for."""
    if event.body["participant"] != participant.kind:
        return (
            f"{event.path}: recorded by a {event.body['participant']} (event {event.seq}),"
            f" now asked of a {participant.kind}"
        )
    before: Mapping[str, str] = event.body["inputs"]
    names = sorted(name for name in {*before, *reads} if before.get(name) != reads.get(name))
    return f"{event.path}: was recorded (event {event.seq}) with other inputs: {', '.join(names)}"
