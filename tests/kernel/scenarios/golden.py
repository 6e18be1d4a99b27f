"""Journals as lines of JSON: what a release wrote, kept so that every later one can show it replays.

The first line names the run, then come its values in the clear, then its events. Hashes, keys and
times of commit are left out: a store that takes the run in gives it new ones.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ripieno.journal.records import NewRun, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.model.event import Event

__all__ = ["Golden", "export"]

COMMITMENT_LENGTH = 64


@dataclass(frozen=True)
class Golden:
    """A journal as read from its lines."""

    run: Mapping[str, Any]
    values: Mapping[str, bytes]
    events: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, text: str) -> Golden:
        lines = [json.loads(line) for line in text.splitlines()]
        values = {line["value"]: base64.b64decode(line["data"]) for line in lines if "value" in line}
        return cls(lines[0], values, [line for line in lines if "kind" in line])

    async def restore(self, store: Store, clock: Clock, version: str, *, events: int) -> RunRow:
        """Put the run with its first events into a store, under a key of that store's own."""
        keys = store.new_key(bytes.fromhex(self.run["run"]))
        commitments: dict[str, str] = {}
        payloads: list[tuple[bytes, bytes]] = []
        for old, data in self.values.items():  # a value that names others stands after them
            renamed = replaced(data.decode("latin-1"), commitments).encode("latin-1")
            commitment = keys[1].commit(renamed)
            commitments[old] = commitment.hex()
            payloads.append((commitment, renamed))
        drafts = [
            (event["kind"], event["path"], json.loads(replaced(json.dumps(event["body"]), commitments)))
            for event in self.events[:events]
        ]
        run, workflow = self.run["run"], self.run["workflow"]
        new = NewRun(run, "default", workflow, version, self.run["principal"], None, clock.now())
        return (await store.create(new, keys, drafts, payloads, own=False)).row


def replaced(text: str, commitments: Mapping[str, str]) -> str:
    for old, new in commitments.items():
        text = text.replace(old, new)
    return text


async def export(store: Store, run: str) -> str:
    """Give a run's journal as lines."""
    row = await store.run(run)
    events = await store.events(run)
    lines: list[Mapping[str, Any]] = [{"run": run, "workflow": row.workflow, "principal": row.principal}]
    values = {ref: store.payload(run, ref) for event in events for ref in references(event)}
    ordered = sorted(values, key=lambda ref: (any(other in text(values[ref]) for other in values), ref))
    lines += [{"value": ref, "data": base64.b64encode(values[ref]).decode()} for ref in ordered]
    lines += [{"kind": event.kind, "path": event.path, "body": event.body} for event in events]
    return "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)


def text(data: bytes) -> str:
    return data.decode("latin-1")


def references(event: Event) -> Iterator[str]:
    """Give the commitments of values in an event's body."""

    def within(value: Any, field: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, item in value.items():  # pyright: ignore[reportUnknownVariableType] - any JSON
                yield from within(item, str(name))  # pyright: ignore[reportUnknownArgumentType] - any JSON
        elif isinstance(value, str) and len(value) == COMMITMENT_LENGTH and field not in HASHES:
            yield value

    return within(event.body, "")


HASHES = frozenset({"version", "definition", "source"})
"""Fields as long as a commitment that hold a digest of code."""
