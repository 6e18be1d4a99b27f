"""One round: every committed event gets its leaf, what the log is then is signed, and published.

Nothing is signed that contradicts what was signed before: of a log that was put back to an earlier state
nothing more is, until that is cleared up.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ripieno.anchoring.duties import KINDS, notes_of
from ripieno.anchoring.rekeying import settle_next
from ripieno.anchoring.settings import Anchoring
from ripieno.anchoring.sink import RememberingSink, Sink, SinkError, TakenError, named, sink_at, size_of
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import LATEST, keep_latest, signer_at
from ripieno.journal.stored import StoredCheckpoint, StoredSink
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.model.errors import RipienoError
from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import NoteError, Signer
from ripieno.proof.restores import explained
from ripieno.proof.succession import KeyChain

__all__ = ["ForkError", "Round", "Rounds", "check", "known_size"]

LOOK_SECONDS: Final = 0.02
"""How often whoever waits for its turn looks."""

PAST: Final = "compare with a backup; ripieno restore puts one back so that what is lost is told"


class ForkError(RipienoError):
    """The log contradicts what was signed of it: nothing is signed until somebody has looked."""

    code = "fork"

    behind = False
    """True where the log lacks what was signed: an earlier state was put back."""


@dataclass(slots=True)
class Round:
    """What a round came to."""

    checkpoint: StoredCheckpoint | None = None
    """The newest checkpoint; None where there is none."""
    signed: bool = False
    """True when it was signed in this round."""
    sequenced: int = 0
    """How many events got their leaf."""
    published: list[str] = field(default_factory=list[str])
    """The sinks that have it."""
    failures: dict[str, str] = field(default_factory=dict[str, str])
    """What went wrong with the others."""
    changes: list[StoredSink] = field(default_factory=list[StoredSink])
    """Sinks that could be reached until now and cannot any more, or the other way round."""


class Rounds:
    """Makes one round after the other for a data folder, as long as nobody else does."""

    def __init__(self, home: Path, settings: Anchoring, clock: Clock | None = None) -> None:
        """Raise `SettingsError` for a sink that there cannot be."""
        self._home = home
        self._settings = settings
        self._clock = clock or SystemClock()
        self._sinks: Sequence[Sink] = [sink_at(place) for place in settings.sinks]
        self._asked: set[str] = set()
        """Sinks of which the newest checkpoint was compared with the log since this process began."""
        self._signer: Signer | None = None

    def turn(self, patience: float = 0.0) -> Round | None:
        """Make a round if there is anything to do; None where there is not, or where somebody else is at it.

        Takes the thread that calls it. `patience`: seconds to wait for somebody else. Raises `ForkError`,
        `StoreError`, and `SettingsError` where the origin is another one than before.
        """
        deadline = time.monotonic() + patience
        with Sequencer(self._home) as sequencer:
            if not patience and not self._due(sequencer):
                return None
            while not sequencer.elect():
                if time.monotonic() >= deadline:
                    return None
                time.sleep(LOOK_SECONDS)
            return self._round(sequencer)

    def _due(self, sequencer: Sequencer) -> bool:
        if any(sink.name not in self._asked for sink in self._sinks):
            return True
        newest = sequencer.checkpoint()
        if sequencer.waiting() or newest is None or newest.size < sequencer.tree.size:
            return True
        told = sequencer.sinks()
        return any(sink.name not in told or told[sink.name].number != newest.number for sink in self._sinks)

    def _round(self, sequencer: Sequencer) -> Round:
        done = Round()
        while portion := sequencer.advance():
            done.sequenced += portion
        done.checkpoint = sequencer.checkpoint()
        size = sequencer.tree.size
        if size == 0:
            return done
        settle_next(self._home, sequencer)
        signer = self._signer = signer_at(self._home, self._settings.origin)
        told = sequencer.sinks()
        reached = self._compare(sequencer, signer, told, done)
        if reached and (done.checkpoint is None or done.checkpoint.size < size):
            note = Checkpoint(signer.name, size, sequencer.tree.root(size)).signed(signer)
            done.checkpoint = sequencer.keep(size, self._clock.now(), note)
            done.signed = True
        if done.checkpoint is not None:
            keep_latest(self._home, done.checkpoint.note)
            self._publish(sequencer, told, done)
        return done

    # -- what was signed before -----------------------------------------------------------------------

    def _compare(
        self, sequencer: Sequencer, signer: Signer, told: dict[str, StoredSink], done: Round
    ) -> bool:
        """Compare the log with every checkpoint that can be had; False while a sink cannot be asked."""
        if done.checkpoint is not None:
            check(sequencer, signer, "the store", done.checkpoint.note)
        latest = self._home / LATEST
        if latest.exists():
            note = latest.read_text(encoding="utf-8", errors="replace")
            if done.checkpoint is None or note != done.checkpoint.note:
                check(sequencer, signer, LATEST, note)
        for sink in self._sinks:
            if sink.name in self._asked:
                continue
            known = known_size(sequencer, told.get(sink.name))
            try:
                note = sink.newest(known)
            except SinkError as error:
                self._failed(sequencer, told, sink, error, done)
                continue
            if note is not None:
                check(sequencer, signer, sink.name, note)
            self._asked.add(sink.name)
        return all(sink.name in self._asked for sink in self._sinks)

    # -- publishing -------------------------------------------------------------------------------------

    def _publish(self, sequencer: Sequencer, told: dict[str, StoredSink], done: Round) -> None:
        assert done.checkpoint is not None, "there is one to be published"
        newest = done.checkpoint
        for sink in self._sinks:
            before = told.get(sink.name)
            if sink.name in done.failures:
                continue
            if before is not None and before.number == newest.number and before.failed_at is None:
                done.published.append(sink.name)
                continue
            try:
                self._remember(sequencer, sink, before, newest.size)
                sink.publish(newest.size, newest.note)
            except TakenError as error:
                raise ForkError(error.message, remedy=PAST) from error
            except SinkError as error:
                self._failed(sequencer, told, sink, error, done)
                continue
            after = StoredSink(sink.name, newest.number, self._clock.now(), None, None)
            sequencer.published(after)
            done.published.append(sink.name)
            if before is not None and before.failed_at is not None:
                done.changes.append(after)

    def _remember(self, sequencer: Sequencer, sink: Sink, before: StoredSink | None, size: int) -> None:
        """Tell a sink what was erased, deleted and held, before it gets the checkpoint that covers it.

        All that it lacks, also where it lacks more than its row says, as after a restore.
        """
        if not isinstance(sink, RememberingSink):
            return
        assert self._signer is not None, "a checkpoint was signed"
        since = 0 if before is None or before.number is None else sequencer.size_at(before.number)
        if not sequencer.events_of(KINDS, since, size):
            return
        told = max(map(size_of, sink.told()), default=0)
        for ends, note in notes_of(sequencer, self._signer, min(since, told), size):
            sink.remember(named(ends, note), note)

    def _failed(
        self,
        sequencer: Sequencer,
        told: dict[str, StoredSink],
        sink: Sink,
        error: SinkError,
        done: Round,
    ) -> None:
        before = told.get(sink.name) or StoredSink(sink.name, None, None, None, None)
        done.failures[sink.name] = error.message
        after = before._replace(failed_at=before.failed_at or self._clock.now(), problem=error.message)
        if after != before:
            sequencer.published(after)
        if before.failed_at is None:
            done.changes.append(after)


def known_size(sequencer: Sequencer, told: StoredSink | None) -> int:
    """Give the size of the last checkpoint that a sink is said to have."""
    newest = sequencer.checkpoint()
    if told is None or newest is None or told.number != newest.number:
        return 0
    return newest.size


def check(sequencer: Sequencer, signer: Signer, place: str, note: str) -> None:
    """Raise `ForkError` where the log is not one that goes on from a checkpoint."""
    try:
        key = KeyChain.of(signer.verifier, sequencer.successions())
        earlier = Checkpoint.opened(note, key)
    except NoteError as error:
        msg = f"the newest checkpoint of {place} is none of this log: {error}"
        raise ForkError(msg, remedy="each log needs a place of its own, and its key is for good") from error
    size = sequencer.tree.size
    fits = earlier.size <= size and sequencer.tree.root(earlier.size) == earlier.root
    if fits or explained(sequencer.restores(key), earlier):
        return
    if earlier.size > size:
        behind = f"{place} has a checkpoint of {earlier.size:,} events, the log has {size:,}"
        msg = f"{behind}: it was put back to an earlier state, and nothing more is signed of it"
        error = ForkError(msg, remedy=PAST)
        error.behind = True
        raise error
    signed = f"the first {earlier.size:,} events are not those that were signed, as {place} has it"
    msg = f"{signed}: nothing more is signed of this log"
    raise ForkError(msg, remedy=PAST)
