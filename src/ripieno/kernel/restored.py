"""What a run that was put back from a backup may have done since, of which its log knows nothing.

Decided by what is in the run's log alone, so that a replay decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ripieno.kernel.clock import MICROSECONDS, Clock
from ripieno.kernel.recording import Recording
from ripieno.model.event import Event, Json
from ripieno.model.participant import ToolLike

__all__ = ["Restored"]


@dataclass(frozen=True, slots=True)
class Restored:
    """From when on a run's log was lost, and until when it may have acted."""

    restore: str
    """The id of the restore."""
    seq: int
    """Its event in the run: what was claimed after it was claimed knowingly."""
    since: int
    """Microseconds; what the log knows ends here."""
    until: int
    """Microseconds; whatever was lost was done before."""
    anew: bool
    """True for a run made anew in place of one that may have been lost: its keys are not that one's."""

    @classmethod
    def of(cls, recording: Recording) -> Self | None:
        """Read it from what a run has recorded; None for one that was never put back."""
        event, started = recording.restored, recording.started
        made = None if started is None else started.body.get("restored")
        if event is not None:
            body = event.body
            return cls(body["restore"], event.seq, body["since"], event.at, made is not None)
        if made is not None:
            return cls(made["restore"], 1, made["since"], made["until"], anew=True)
        return None

    @classmethod
    def said_in(cls, recording: Recording) -> dict[str, Json]:
        """Give what the first event says of a run that begins with what another has recorded."""
        restored = cls.of(recording)
        return {} if restored is None else {"restored": restored.document()}

    def document(self) -> dict[str, Json]:
        """Give it as the first event of a run says it that is made in place of one that may be lost."""
        return {"restore": self.restore, "since": self.since, "until": self.until}

    def doubts(self, tool: ToolLike, recorded: Sequence[Event], clock: Clock) -> bool:
        """Tell whether the next claim at a path may have been made before, by what is recorded there.

        A call under the same key may simply be made again, as long as the other system knows its keys.
        """
        if tool.effect == "read" or any(event.seq > self.seq for event in recorded if event.kind == "intent"):
            return False
        kept = (clock.now() - self.since) / MICROSECONDS < tool.key_lifetime
        return self.anew or tool.on_uncertain != "retry" or not kept

    def deadline(self, tool: ToolLike) -> int:
        """Give until when a call that was lost may have been under way, in microseconds."""
        return self.until + int(tool.timeout * MICROSECONDS)
