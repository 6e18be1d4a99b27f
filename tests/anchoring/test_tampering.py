"""Every field of every kind of event, and whatever else can be done to a log: all of it is found, and named.

Twice: by whoever verifies the data folder, and by whoever has an export, a public key and a checkpoint.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import shutil
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from tests.anchoring.support.every_kind import write_every_kind
from tests.anchoring.support.exported import exported, key_of, written

from ripieno.journal.signing import signer_at
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.model.event import KINDS
from ripieno.proof.checkpoints import Checkpoint, event_leaf
from ripieno.proof.merkle import Frontier
from ripieno.proof.notes import Signer, Verifier
from ripieno.proof.reading import hash_of

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Log:
    home: Path
    notes: list[str]
    key: Verifier
    lines: list[dict[str, Any]]

    def events(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give number of the line and envelope of the events of a kind."""
        for number, line in enumerate(self.lines):
            if line["line"] == "event":
                envelope = json.loads(line["envelope"])
                if envelope["kind"] == kind:
                    yield number, envelope

    def changes(self, kind: str) -> Iterator[tuple[int, dict[str, Any], Path_]]:
        """Give the events of a kind with the fields to change: each field in the first that has it."""
        seen: set[Path_] = set()
        for number, envelope in self.events(kind):
            for at in fields(envelope):
                if at not in seen:
                    seen.add(at)
                    yield number, envelope, at


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    home = tmp_path_factory.mktemp("every-kind")
    notes = asyncio.run(write_every_kind(home))
    return Log(home, notes, key_of(home), exported(home, values=True))


def folder(home: Path, log: Log) -> list[str]:
    with SqliteAudit(home) as audit:
        report = verify(audit, key=log.key, checkpoints=log.notes)
    return [str(one) for one in report.findings]


def export(lines: list[dict[str, Any]], log: Log) -> list[str]:
    return written(lines, log.key, *log.notes).findings


def test_before_anything_is_changed_it_is_sound(log: Log) -> None:
    assert folder(log.home, log) == []
    report = written(log.lines, log.key, *log.notes)
    assert report.findings == []
    assert (report.whole, report.runs, report.unfolded, report.uncovered, report.given) == (True, 3, 1, 0, 2)
    assert report.values > 10
    assert report.rows > 20
    said = str(report).splitlines()
    assert ": sound; anchored up to checkpoint 2, which was handed in; nothing after it" in said[0]
    *told, erased, deleted = said[1:]
    assert told == [
        "  it goes on from the earlier checkpoints given (2)",
        "  1 message was not taken in yet: no chain vouches for them",
        "  of 2 runs or tenants the values are gone with their key: the chain stands without them",
    ]
    assert erased.startswith("  erased by person:ada: run ")
    assert deleted == "  deleted by person:ada: tenant gone"


# -- every field of every kind of event ---------------------------------------------------------------


def fields(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    """Give the path of everything in a document: each value, and each field as a whole."""
    if isinstance(value, dict):
        for name, item in cast("dict[str, Any]", value).items():
            yield (*at, name)
            yield from fields(item, (*at, name))
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield (*at, number)
            yield from fields(item, (*at, number))


def another(value: Any) -> Any:
    """Give a value of the same type that differs a little."""
    match value:
        case dict():
            return {**cast("dict[str, Any]", value), "added": 1}
        case list():
            return [*cast("list[Any]", value), 1]
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return 0
        case _:
            return value[:-1] + ("0" if value[-1:] != "0" else "1")


def changed(document: dict[str, Any], at: Path_) -> dict[str, Any]:
    found = copy.deepcopy(document)
    inner: Any = found
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = another(inner[at[-1]])
    return found


def canonical(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def place_of(log: Log, envelope: dict[str, Any]) -> str:
    names = {line["id"]: line["name"] for line in log.lines if line["line"] == "stream"}
    return f"{names[envelope['stream']]}, event {envelope['seq']}"


Change = tuple[int, dict[str, Any], Path_]


def apart(log: Log) -> list[list[Change]]:
    """Give all changes in rounds: what one does to its event and to the next of the chain hides no other.

    Where an event belongs is changed in rounds of its own.
    """
    rounds: list[list[Change]] = []
    for kind in sorted(KINDS):
        found = list(log.changes(kind))
        assert len(found) >= 9, kind
        for change in found:
            for one in rounds:
                if all(far(change, other) for other in one):
                    one.append(change)
                    break
            else:
                rounds.append([change])
    return rounds


def far(one: Change, other: Change) -> bool:
    """Tell whether two changes do not touch the same events."""
    (_, envelope, at), (_, other_envelope, other_at) = one, other
    if moves(at) != moves(other_at):
        return False
    return envelope["stream"] != other_envelope["stream"] or abs(envelope["seq"] - other_envelope["seq"]) > 2


def moves(at: Path_) -> bool:
    """Tell whether a field says where an event belongs."""
    return at[0] in ("stream", "seq") or at == ("v",)


def test_a_change_in_any_field_is_found_at_its_event_by_the_export_alone(log: Log) -> None:
    for changes in apart(log):
        lines = list(log.lines)
        for number, envelope, at in changes:
            lines[number] = {**lines[number], "envelope": canonical(changed(envelope, at))}
        found = export(lines, log)
        for number, envelope, at in changes:
            leaf = f"leaf {lines[number]['leaf']} of the tree"
            assert any(leaf in one for one in found), (at, found)
            place = place_of(log, envelope)
            assert moves(at) or any(one.startswith(place) for one in found), (at, found)


def test_a_change_in_any_field_is_found_at_its_event_in_the_folder(log: Log, tmp_path: Path) -> None:
    shutil.copytree(log.home, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:

        def put(envelope: str, stream: str, seq: int) -> None:
            connection.execute(
                "UPDATE events SET envelope = ? WHERE stream = ? AND seq = ?",
                (envelope.encode(), bytes.fromhex(stream), seq),
            )

        for changes in apart(log):
            for _, envelope, at in changes:
                put(canonical(changed(envelope, at)), envelope["stream"], envelope["seq"])
            found = folder(tmp_path, log)
            for _, envelope, at in changes:
                assert any(one.startswith(place_of(log, envelope)) for one in found), (at, found)
                put(canonical(envelope), envelope["stream"], envelope["seq"])
        assert folder(tmp_path, log) == []


# -- every field of every line of an export -----------------------------------------------------------

UNSIGNED = {
    *(("export", "values"), ("checkpoint", "at"), ("checkpoint", "number")),
    *(("message", name) for name in ("id", "kind", "by", "at", "question", "content", "path")),
}
"""What nothing vouches for: the report says so, or says whose word it is."""


def lines_of(log: Log, line: str) -> list[int]:
    """Give the lines of a kind; of events the first of each kind of theirs."""
    if line == "event":
        return sorted(next(number for number, _ in log.events(kind)) for kind in KINDS)
    return [number for number, one in enumerate(log.lines) if one["line"] == line]


@pytest.mark.parametrize("line", ["export", "checkpoint", "stream", "event", "key", "value", "row", "end"])
def test_a_change_in_any_field_of_a_line_is_found(log: Log, line: str) -> None:
    for number in lines_of(log, line):
        for name in log.lines[number]:
            if name == "line" or (line, name) in UNSIGNED:
                continue
            for value in others(log.lines[number][name]):
                lines = list(log.lines)
                lines[number] = {**lines[number], name: value}
                assert export(lines, log), (number, name, lines[number])


def others(value: Any) -> Iterator[Any]:
    """Give values that differ: of a row each of its columns, by itself."""
    if isinstance(value, dict):
        for name in cast("dict[str, Any]", value):
            yield changed(cast("dict[str, Any]", value), (name,))
    else:
        yield another(value)


def test_what_documents_say_is_in_no_export(log: Log) -> None:
    """No event tells of it, so that nobody could tell whether it is all there."""
    with closing(sqlite3.connect(log.home / "journal.sqlite")) as connection:
        [(texts,)] = connection.execute("SELECT count(*) FROM passages").fetchall()
    assert texts > 0
    told = [b64decode(one["data"]) for one in log.lines if one["line"] == "value"]
    assert told
    assert not any(b"what it says" in one for one in told)


@pytest.mark.parametrize("line", ["checkpoint", "stream", "event", "key", "value", "row", "message", "end"])
def test_a_line_that_is_gone_is_found(log: Log, line: str) -> None:
    for number in lines_of(log, line):
        lines = log.lines[:number] + log.lines[number + 1 :]
        assert export(lines, log), log.lines[number]
        counted = [one if one["line"] != "end" else {**one, "lines": len(lines) - 1} for one in lines]
        if line not in ("checkpoint", "message", "end"):
            assert export(counted, log), log.lines[number]


@pytest.mark.parametrize("line", ["event", "stream", "row"])
def test_a_line_that_is_there_twice_is_found(log: Log, line: str) -> None:
    for number in lines_of(log, line):
        lines = [*log.lines[: number + 1], *log.lines[number:]]
        counted = [one if one["line"] != "end" else {**one, "lines": len(lines) - 1} for one in lines]
        assert export(counted, log), log.lines[number]


def test_two_events_that_changed_places_are_found(log: Log) -> None:
    events = lines_of(log, "event")
    for one, two in pairwise(events):
        lines = list(log.lines)
        lines[one], lines[two] = lines[two], lines[one]
        assert any("would follow" in found for found in export(lines, log))


@pytest.mark.parametrize("value", [None, [], {}, "", "x", -1, 2**70, True, "\ud800"])
def test_garbage_in_any_field_is_told_and_nothing_breaks(log: Log, value: Any) -> None:
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(log.lines):
        for name in line:
            if (line["line"], name) in seen or line.get(name) == value:
                continue
            seen.add((line["line"], name))
            lines = list(log.lines)
            lines[number] = {**line, name: value}
            found = export(lines, log)
            nothing_said = value is None and name == "tool"  # as it was in an earlier format
            assert found or (line["line"], name) in UNSIGNED or nothing_said, (number, name)


# -- what somebody with the keys does -----------------------------------------------------------------


def forged(log: Log, *, drop: int = 0) -> list[dict[str, Any]]:
    """Rewrite the first event and all that follows from it: chains, heads and leaves; or cut off the end."""
    lines = copy.deepcopy(log.lines)
    events = [line for line in lines if line["line"] == "event"]
    heads: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(events):
        envelope = json.loads(line["envelope"])
        envelope["at"] += number == 0 and not drop
        if envelope["seq"] > 1:
            envelope["prev"] = heads[envelope["stream"]][1]
        text = canonical(envelope)
        if number < len(events) - drop:
            digest = hashlib.sha256(text.encode())
            heads[envelope["stream"]] = envelope["seq"], digest.hexdigest()
            line |= {"envelope": text, "hash": b64encode(digest.digest()).decode()}
    gone = [id(line) for line in events[len(events) - drop :]] if drop else []
    lines = [line for line in lines if id(line) not in gone]
    for line in lines:
        if line["line"] == "stream":
            line["head_seq"], line["head_hash"] = heads[line["id"]]
        elif line["line"] == "export":
            line["leaves"] -= drop
        elif line["line"] == "end":
            line["lines"] -= drop
    return lines


def resigned(lines: list[dict[str, Any]], key: Signer) -> list[dict[str, Any]]:
    """Sign what the export has become with a key of one's own."""
    frontier = Frontier()
    for line in lines:
        if line["line"] == "event":
            envelope = json.loads(line["envelope"])
            stream = bytes.fromhex(envelope["stream"])
            frontier.append(event_leaf(stream, envelope["seq"], hash_of(line["hash"])))
    note = Checkpoint(key.name, frontier.size, frontier.root()).signed(key)
    kept = [line for line in lines if line["line"] != "checkpoint"]
    number = next(n for n, line in enumerate(lines) if line["line"] == "checkpoint")
    kept.insert(number, {"line": "checkpoint", "number": 1, "size": frontier.size, "at": 0, "note": note})
    return [one if one["line"] != "end" else {**one, "lines": len(kept) - 1} for one in kept]


def test_a_log_rewritten_from_its_first_event_is_told_by_what_was_signed(log: Log) -> None:
    found = export(forged(log), log)
    assert "checkpoint 1: the first 10 events are not those that were signed" in found
    assert any(one.startswith("checkpoint given 1: the first 10 events") for one in found)


def test_signing_anew_with_another_key_is_told(log: Log) -> None:
    other = Signer(log.key.name, bytes(32))
    found = export(resigned(forged(log), other), log)
    assert any("not signed by" in one for one in found)


def test_signing_anew_with_the_same_key_is_told_by_an_earlier_checkpoint_alone(log: Log) -> None:
    lines = resigned(forged(log), signer_at(log.home))
    assert written(lines, log.key).findings == []
    assert any("checkpoint given 1: the first 10" in one for one in export(lines, log))


def test_a_log_cut_off_behind_a_checkpoint_is_told(log: Log) -> None:
    """The last event: of a tenant, and no row goes with it."""
    lines = resigned(forged(log, drop=1), signer_at(log.home))
    values = [one for one in written(lines, log.key).findings if "is not in the export" not in one]
    assert values == []
    assert any(
        "checkpoint given 2: covers" in one and "the log was cut off behind it" in one
        for one in export(lines, log)
    )


# -- values and keys, in the folder -------------------------------------------------------------------

SWAPS: dict[str, Callable[[sqlite3.Connection], None]] = {
    "payload": lambda connection: two(connection, "payloads", "sealed"),
    "commitment": lambda connection: two(connection, "payloads", "commitment"),
    "commitment key": lambda connection: two(connection, "runs", "wrapped"),
}


def two(connection: sqlite3.Connection, table: str, column: str) -> None:
    """Let the first two rows change places in one column."""
    rows = connection.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid LIMIT 2").fetchall()  # noqa: S608 - ours
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (b"\x00" * 32, rows[1][0]))  # noqa: S608 - ours
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (rows[1][1], rows[0][0]))  # noqa: S608 - ours
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (rows[0][1], rows[1][0]))  # noqa: S608 - ours


@pytest.mark.parametrize("what", SWAPS)
def test_what_was_exchanged_beside_the_log_is_found_in_the_folder(
    log: Log, tmp_path: Path, what: str
) -> None:
    shutil.copytree(log.home, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        SWAPS[what](connection)
    found = folder(tmp_path, log)
    assert any("value" in one for one in found), found


def test_values_and_keys_that_were_exchanged_are_found_in_the_export(log: Log) -> None:
    values, keys = lines_of(log, "value"), lines_of(log, "key")
    for one, two, name in ((values[0], values[1], "data"), (keys[0], keys[1], "key")):
        lines = list(log.lines)
        lines[one] = {**log.lines[one], name: log.lines[two][name]}
        lines[two] = {**log.lines[two], name: log.lines[one][name]}
        found = export(lines, log)
        assert any("does not match its commitment" in each for each in found), found
