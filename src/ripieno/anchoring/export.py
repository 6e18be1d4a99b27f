"""Writes the log, or some runs of it, with all that it takes to verify it elsewhere: see `proof.form`."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Collection, Sequence
from typing import Any, Final, TextIO

from ripieno.journal.keys import StreamKey
from ripieno.journal.sql.extract import Extract, Placed
from ripieno.journal.stored import StoredCheckpoint
from ripieno.model.errors import InputError, StoreError
from ripieno.proof.form import FORM, RUN_ROW, RUN_TABLES
from ripieno.proof.inclusion import EventProof

__all__ = ["Exporter", "prove"]

CHECKPOINTS: Final = 1000
"""How many checkpoints are written at most, the newest."""


class Exporter:
    """Writes one export of a snapshot."""

    def __init__(
        self,
        log: Extract,
        file: TextIO,
        *,
        streams: Collection[str] | None = None,
        values: bool = False,
        earlier: Sequence[int] = (),
    ) -> None:
        """`streams`: these alone. `earlier`: sizes of checkpoints that it is to be shown to go on from."""
        self._log = log
        self._file = file
        self._streams = streams
        self._values = values
        self._earlier = frozenset(earlier)
        self._tree = log.tree
        self._lines = 0

    def write(self) -> int:
        """Write all of it, and give the number of events."""
        whole = self._streams is None
        keys = list(self._log.successions())
        more = {"keys": keys} if keys else {}
        self._line("export", form=FORM, whole=whole, values=self._values, leaves=self._tree.size, **more)
        newest = self._checkpoints()
        tenants: set[str] = set()
        for stream in self._log.streams():
            if self._wanted(stream.id):
                row = stream.row
                if row is None:
                    tenants.add(stream.name.removeprefix("tenant "))
                said = None if row is None else {column: getattr(row, column) for column in RUN_ROW}
                self._line(
                    "stream",
                    id=stream.id,
                    name=stream.name,
                    head_seq=stream.head_seq,
                    head_hash=stream.head_hash,
                    row=said,
                )
        events = 0
        for event in self._log.in_order(self._streams):
            events += 1
            self._event(event, newest)
        if self._values:
            self._all_values()
        self._rows(tenants)
        self._line("end", lines=self._lines)
        return events

    def _wanted(self, stream: str) -> bool:
        return self._streams is None or stream in self._streams

    def _checkpoints(self) -> StoredCheckpoint | None:
        """Write the newest checkpoints; in a part each with its proof. Give the newest."""
        every = list(self._log.checkpoints())
        written = [one for one in every[:-CHECKPOINTS] if one.size in self._earlier] + every[-CHECKPOINTS:]
        newest = written[-1] if written else None
        for one in written:
            fields: dict[str, Any] = {"number": one.number, "size": one.size, "at": one.at, "note": one.note}
            if newest is not None and self._streams is not None:
                fields["proof"] = proof(self._tree.consistency(one.size, newest.size))
            self._line("checkpoint", **fields)
        return newest

    def _event(self, event: Placed, newest: StoredCheckpoint | None) -> None:
        fields: dict[str, Any] = {
            "leaf": event.leaf,
            "hash": None if event.hash is None else b64encode(event.hash).decode(),
            "envelope": event.envelope.decode("utf-8", "surrogateescape"),
        }
        if self._streams is not None and newest is not None and event.leaf is not None:
            covered = event.leaf < newest.size
            fields["proof"] = proof(self._tree.inclusion(event.leaf, newest.size)) if covered else None
        self._line("event", **fields)

    def _all_values(self) -> None:
        streams = [stream.id for stream in self._log.streams() if self._wanted(stream.id)]
        keys = {stream: self._key(stream) for stream in streams}
        for stream, key in keys.items():
            said = None if key is None else b64encode(key.commitment_key).decode()
            self._line("key", stream=stream, key=said)
        for stream, key in keys.items():
            if key is None:
                continue
            for commitment, sealed in self._log.told(stream):
                data = key.open(bytes.fromhex(commitment), sealed)
                self._line("value", stream=stream, commitment=commitment, data=b64encode(data).decode())

    def _key(self, stream: str) -> StreamKey | None:
        """Give the key of a stream; None where it was destroyed."""
        try:
            return self._log.key(stream)
        except StoreError:
            return None

    def _rows(self, tenants: set[str]) -> None:
        for table in RUN_TABLES:
            for row in self._log.table(table):
                if self._wanted(row["run"]):
                    self._line("row", table=table, **row)
        for decision in self._log.decisions():
            if decision.tenant in tenants:
                self._line(
                    "row",
                    table=decision.table,
                    tenant=decision.tenant,
                    key=list(decision.key),
                    columns=decision.columns,
                )
        for message in self._log.unfolded():
            if self._wanted(message["run"]):
                self._line("message", **message)

    def _line(self, line: str, **fields: Any) -> None:
        self._lines += 1
        self._file.write(json.dumps({"line": line, **fields}, separators=(",", ":")))
        self._file.write("\n")


def proof(hashes: list[bytes]) -> list[str]:
    """Give a proof as it stands in an export."""
    return [b64encode(one).decode() for one in hashes]


def prove(log: Extract, stream: str, seq: int) -> str:
    """Give the proof that an event is in the newest checkpoint, as C2SP's tlog-proof writes it.

    Raises `InputError` where there is no such event, or no checkpoint covers it.
    """
    event = log.place(stream, seq)
    if event is None:
        msg = f"{log.named(stream, seq)} is not there"
        raise InputError(msg)
    newest = max(log.checkpoints(), default=None)
    if newest is None or event.leaf is None or event.leaf >= newest.size:
        msg = f"no checkpoint covers {log.named(stream, seq)} yet"
        raise InputError(msg, remedy="ripieno audit checkpoint signs one")
    hashes = log.tree.inclusion(event.leaf, newest.size)
    return EventProof(event.envelope, event.leaf, hashes, newest.note).text
