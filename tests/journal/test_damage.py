"""Whatever is changed, deleted, moved or added in the log is found, and the place is named."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.support.sample import Sample, verified, write_sample
from tests.journal.support.writing import begin

from ripieno.journal.sqlite import SqliteStore
from ripieno.model.event import canonical
from ripieno.model.ids import new_id, short

EVENTS = range(1, 10)
FIELDS = ("v", "stream", "seq", "prev", "at", "epoch", "kind", "path", "body")
INSERT = "INSERT INTO events (stream, seq, kind, envelope) VALUES (?, ?, ?, ?)"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return asyncio.run(write_sample(tmp_path_factory.mktemp("sample")))


def places(home: Path) -> list[str]:
    return [finding.place for finding in verified(home).findings]


def another(value: Any) -> Any:
    """Give a value of the same type that differs in one character."""
    if isinstance(value, dict):
        return {**cast("dict[str, Any]", value), "added": True}
    if isinstance(value, int):
        return value + 1
    text = str(value)
    return text[:-1] + ("0" if text[-1:] != "0" else "1")


def test_an_undamaged_log_is_sound(sample: Sample) -> None:
    report = verified(sample.home)
    assert report.findings == []
    assert report.sound
    assert (report.events, report.runs, report.values) == (14, 3, 10)
    assert str(report).splitlines() == [
        "14 events, 3 runs, 10 values: sound; no checkpoint vouches for any of it",
        "  answers and commands that name no policies that let them: 1",
    ]


# -- events that were changed -------------------------------------------------------------------------


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("seq", EVENTS)
def test_a_change_in_any_field_is_found_at_its_event(
    sample: Sample, tmp_path: Path, seq: int, field: str
) -> None:
    event = json.loads(sample.envelope(sample.ended, seq))
    changed = canonical({**event, field: another(event[field])})
    found = set(places(sample.damaged(tmp_path, rewrite(sample, seq, changed))))
    assert sample.place(seq) in found
    others = {place for place in found if "event" in place} - {sample.place(seq)}
    assert others <= ({sample.place(seq + 1)} if field == "epoch" else set())


def rewrite(sample: Sample, seq: int, envelope: bytes) -> tuple[str, bytes, bytes, int]:
    return (
        "UPDATE events SET envelope = ? WHERE stream = ? AND seq = ?",
        envelope,
        bytes.fromhex(sample.ended),
        seq,
    )


@settings(max_examples=60, deadline=None)
@given(seq=st.sampled_from(EVENTS), at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_anywhere_is_found_at_its_event(sample: Sample, seq: int, at: int, byte: int) -> None:
    envelope = bytearray(sample.envelope(sample.ended, seq))
    envelope[at % len(envelope)] ^= byte or 1
    with tempfile.TemporaryDirectory() as folder:
        home = sample.damaged(Path(folder), rewrite(sample, seq, bytes(envelope)))
        assert sample.place(seq) in places(home)


@pytest.mark.parametrize(("first", "second"), [(2, 3), (3, 5), (8, 9)])
def test_several_changed_events_are_found(sample: Sample, tmp_path: Path, first: int, second: int) -> None:
    changes = [
        rewrite(sample, seq, sample.envelope(sample.ended, seq).replace(b'"epoch":1', b'"epoch":2'))
        for seq in (first, second)
    ]
    found = places(sample.damaged(tmp_path, *changes))
    assert sample.place(second) in found
    assert any(place == sample.place(first) for place in found) or second == first + 1


def test_a_changed_event_before_a_missing_one_is_found(sample: Sample, tmp_path: Path) -> None:
    envelope = sample.envelope(sample.ended, 3).replace(b'"epoch":1', b'"epoch":2')
    deletion = ("DELETE FROM events WHERE stream = ? AND seq = 5", bytes.fromhex(sample.ended))
    report = verified(sample.damaged(tmp_path, rewrite(sample, 3, envelope), deletion))
    assert f"{sample.place(3)}: was changed, or the event after it" in str(report)
    assert f"{sample.place(5)}: is missing" in str(report)


def test_an_event_written_anew_in_another_form_is_found(sample: Sample, tmp_path: Path) -> None:
    event = json.loads(sample.envelope(sample.ended, 2))
    home = sample.damaged(tmp_path, rewrite(sample, 2, json.dumps(event).encode()))
    assert f"{sample.place(2)}: is not in canonical form: it was rewritten" in str(verified(home))


@pytest.mark.parametrize("number", ["1.5", str(2**60)], ids=["float", "integer beyond 2^53"])
def test_an_envelope_that_breaks_the_envelope_rule_is_found(
    sample: Sample, tmp_path: Path, number: str
) -> None:
    envelope = sample.envelope(sample.ended, 5).replace(b'"round":1', f'"round":{number}'.encode())
    home = sample.damaged(tmp_path, rewrite(sample, 5, envelope))
    assert f"{sample.place(5)}: is not in canonical form" in str(verified(home))


@pytest.mark.parametrize("column", ["stream", "seq", "kind"])
def test_a_column_that_says_otherwise_than_its_envelope_is_found(
    sample: Sample, tmp_path: Path, column: str
) -> None:
    value = {"stream": bytes.fromhex(sample.waiting), "seq": 90, "kind": "scope"}[column]
    statement = f"UPDATE events SET {column} = ? WHERE stream = ? AND seq = 9"  # noqa: S608 - one of three
    report = verified(sample.damaged(tmp_path, (statement, value, bytes.fromhex(sample.ended))))
    assert f"stored under {column}" in str(report)


# -- events that are missing, added or moved ----------------------------------------------------------


@pytest.mark.parametrize("seq", EVENTS)
def test_a_deleted_event_is_named(sample: Sample, tmp_path: Path, seq: int) -> None:
    deletion = ("DELETE FROM events WHERE stream = ? AND seq = ?", bytes.fromhex(sample.ended), seq)
    report = verified(sample.damaged(tmp_path, deletion))
    assert f"{sample.place(seq)}: is missing" in str(report)
    assert "nothing stands at position" in str(report)


@pytest.mark.parametrize("length", [1, 2, 8])
def test_a_tail_that_was_cut_off_is_found(sample: Sample, tmp_path: Path, length: int) -> None:
    first = 10 - length
    deletion = ("DELETE FROM events WHERE stream = ? AND seq >= ?", bytes.fromhex(sample.ended), first)
    report = verified(sample.damaged(tmp_path, deletion))
    assert f"{sample.place(first)}: is missing" in str(report)


def test_a_head_that_was_cut_off_is_found(sample: Sample, tmp_path: Path) -> None:
    deletion = ("DELETE FROM events WHERE stream = ? AND seq <= 3", bytes.fromhex(sample.ended))
    report = verified(sample.damaged(tmp_path, deletion))
    assert f"{sample.place(1)}: is missing, and all up to event 3" in str(report)


def test_a_head_that_was_cut_off_and_the_rest_counted_anew_is_found(sample: Sample, tmp_path: Path) -> None:
    stream = bytes.fromhex(sample.waiting)
    envelope = sample.envelope(sample.waiting, 2).replace(b'"seq":2', b'"seq":1')
    statements = [
        ("DELETE FROM events WHERE stream = ? AND seq = 1", stream),
        ("UPDATE events SET seq = 1, envelope = ? WHERE stream = ?", envelope, stream),
        ("UPDATE runs SET head_seq = 1, head_hash = ? WHERE id = ?", sha256(envelope), sample.waiting),
    ]
    report = verified(sample.damaged(tmp_path, *statements))
    assert f"run {short(sample.waiting)}, event 1: names an event before it" in str(report)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_deletion_at_the_end_of_the_log_is_found(sample: Sample, tmp_path: Path) -> None:
    home = sample.damaged(tmp_path, ("DELETE FROM events WHERE position >= 13",))
    assert "log: nothing stands at position 13 to 14: events were deleted" in str(verified(home))


@pytest.mark.parametrize("seq", range(1, 9))
def test_two_events_that_changed_places_are_found(sample: Sample, tmp_path: Path, seq: int) -> None:
    one, two = sample.envelope(sample.ended, seq), sample.envelope(sample.ended, seq + 1)
    report = verified(sample.damaged(tmp_path, rewrite(sample, seq, two), rewrite(sample, seq + 1, one)))
    assert f"{sample.place(seq)}: stored under seq" in str(report)


def test_events_that_were_moved_within_the_log_are_found(sample: Sample, tmp_path: Path) -> None:
    stream = bytes.fromhex(sample.ended)
    moves = [
        ("UPDATE events SET position = 100 WHERE stream = ? AND seq = 3", stream),
        ("UPDATE events SET position = position - 1 WHERE position > 5 AND position < 100",),
    ]
    report = verified(sample.damaged(tmp_path, *moves))
    assert f"{sample.place(4)}: stands in the log before the event that it follows" in str(report)


def test_an_event_added_at_the_end_of_a_run_is_found(sample: Sample, tmp_path: Path) -> None:
    event = json.loads(sample.envelope(sample.ended, 9))
    added = canonical({**event, "seq": 10, "kind": "step", "prev": sha256(sample.envelope(sample.ended, 9))})
    home = sample.damaged(tmp_path, (INSERT, bytes.fromhex(sample.ended), 10, "step", added))
    assert f"{sample.place(10)}: was added: its row counts 9 events" in str(verified(home))
    assert f"{sample.place(10)}: stands after the end of its run" in str(verified(home))


def test_an_event_added_in_between_is_found(sample: Sample, tmp_path: Path) -> None:
    stream = bytes.fromhex(sample.ended)
    added = sample.envelope(sample.ended, 4)
    move = "UPDATE events SET seq = ? WHERE stream = ? AND seq = ?"
    statements = [
        *((move, seq + 1, stream, seq) for seq in range(9, 3, -1)),
        (INSERT, stream, 4, "result", added),
    ]
    assert sample.place(5) in places(sample.damaged(tmp_path, *statements))


def test_an_event_under_an_epoch_that_was_over_is_found(sample: Sample, tmp_path: Path) -> None:
    envelope = sample.envelope(sample.ended, 4).replace(b'"epoch":1', b'"epoch":5')
    report = verified(sample.damaged(tmp_path, rewrite(sample, 4, envelope)))
    assert f"{sample.place(5)}: written under epoch 1 after epoch 5" in str(report)


# -- values -------------------------------------------------------------------------------------------


def references(sample: Sample) -> dict[str, int]:
    found: dict[str, int] = {}
    for seq in EVENTS:
        text = sample.envelope(sample.ended, seq).decode()
        for (commitment,) in sample.rows(
            "SELECT lower(hex(commitment)) FROM payloads WHERE stream = ?", bytes.fromhex(sample.ended)
        ):
            if commitment in text:
                found.setdefault(commitment, seq)
    return found


def test_every_changed_value_is_found_at_the_first_event_that_holds_it(
    sample: Sample, tmp_path: Path
) -> None:
    held = references(sample)
    assert sorted(held.values()) == [1, 2, 3, 4, 6, 7, 9]
    for number, (commitment, seq) in enumerate(held.items()):
        change = "UPDATE payloads SET sealed = zeroblob(length(sealed)) WHERE commitment = ?"
        home = sample.damaged(tmp_path / str(number), (change, bytes.fromhex(commitment)))
        (finding,) = verified(home).findings
        assert finding.place.startswith(f"{sample.place(seq)} (")
        assert "was changed in the store" in finding.problem


def test_every_missing_value_is_found_at_the_first_event_that_holds_it(
    sample: Sample, tmp_path: Path
) -> None:
    for number, (commitment, seq) in enumerate(references(sample).items()):
        deletion = ("DELETE FROM payloads WHERE commitment = ?", bytes.fromhex(commitment))
        (finding,) = verified(sample.damaged(tmp_path / str(number), deletion)).findings
        assert finding.place.startswith(f"{sample.place(seq)} (")
        assert finding.problem == f"value {commitment[:12]} is not in the store"


def test_values_that_changed_places_are_both_found(sample: Sample, tmp_path: Path) -> None:
    one, two, *_ = (bytes.fromhex(commitment) for commitment in references(sample))
    (first,) = sample.rows("SELECT sealed FROM payloads WHERE commitment = ?", one)
    (second,) = sample.rows("SELECT sealed FROM payloads WHERE commitment = ?", two)
    change = "UPDATE payloads SET sealed = ? WHERE commitment = ?"
    report = verified(sample.damaged(tmp_path, (change, second[0], one), (change, first[0], two)))
    assert [finding.place for finding in report.findings] == [
        f"{sample.place(1)} (input)",
        f"{sample.place(2)} (output)",
    ]


def test_a_changed_value_that_no_event_holds_is_found(sample: Sample, tmp_path: Path) -> None:
    stream = bytes.fromhex(sample.ended)
    home = sample.damaged(
        tmp_path,
        ("INSERT INTO payloads VALUES (?, ?, x'00')", stream, bytes(32)),
        rewrite(sample, 5, b"unreadable"),
    )
    report = verified(home)
    assert f"{sample.place()}: value 000000000000" in str(report)
    assert "no event holds it" in str(report)


def test_a_reference_that_is_no_commitment_is_found(sample: Sample, tmp_path: Path) -> None:
    commitment = next(iter(references(sample)))
    envelope = sample.envelope(sample.ended, 1).replace(commitment.encode(), b"what it says")
    report = verified(sample.damaged(tmp_path, rewrite(sample, 1, envelope)))
    assert f"{sample.place(1)} (input): is not the commitment of a value" in str(report)


def test_a_changed_key_is_found_once_for_all_values_of_its_run(sample: Sample, tmp_path: Path) -> None:
    home = sample.damaged(tmp_path, ("UPDATE runs SET wrapped = zeroblob(60) WHERE id = ?", sample.ended))
    (finding,) = verified(home).findings
    assert (finding.place, finding.problem[:32]) == (sample.place(), "none of its values can be read: ")


# -- rows ---------------------------------------------------------------------------------------------

ROWS: dict[str, object] = {
    "head_seq": 8,
    "head_hash": "0" * 64,
    "status": "failed",
    "workflow": "another",
    "version": "v9",
    "principal": "person:eve",
    "tenant": "elsewhere",
    "key": "patient-9",
    "requested_at": 1,
    "ended_at": 1,
    "updated_at": 1,
    "epoch": 0,
}


@pytest.mark.parametrize("column", ROWS)
def test_a_row_that_says_otherwise_than_its_events_is_found(
    sample: Sample, tmp_path: Path, column: str
) -> None:
    statement = f"UPDATE runs SET {column} = ? WHERE id = ?"  # noqa: S608 - one of the above
    report = verified(sample.damaged(tmp_path, (statement, ROWS[column], sample.ended)))
    assert len(report.findings) == 1
    assert report.findings[0].place.startswith(sample.place())


async def test_a_migrated_run_has_the_version_that_its_events_say(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    run = await begin(store, own=False)
    await store.repin(run, "v2", "person:ada")
    await store.close()
    assert verified(tmp_path).sound
    copy = Sample(tmp_path, run, run, run).damaged(tmp_path / "copy", ("UPDATE runs SET version = 'v1'",))
    assert f"run {short(run)}: its row says version 'v1', its events say 'v2'" in str(verified(copy))


@pytest.mark.parametrize("status", ["complete", "running"])
def test_a_status_that_no_event_gave_is_found(sample: Sample, tmp_path: Path, status: str) -> None:
    run = sample.waiting if status == "complete" else sample.ended
    report = verified(sample.damaged(tmp_path, ("UPDATE runs SET status = ? WHERE id = ?", status, run)))
    assert f"run {short(run)}: its row says {status}, its events say" in str(report)


def test_a_head_of_a_tenant_that_was_changed_is_found(sample: Sample, tmp_path: Path) -> None:
    home = sample.damaged(tmp_path, ("UPDATE tenants SET head_hash = ?", "0" * 64))
    assert places(home) == ["tenant default, event 2"]


def test_the_deletion_of_a_runs_row_is_found(sample: Sample, tmp_path: Path) -> None:
    report = verified(sample.damaged(tmp_path, ("DELETE FROM runs WHERE id = ?", sample.ended)))
    assert f"stream {sample.ended}: has events up to 9, but its row is gone" in str(report)
    assert f"stream {sample.ended}: has values, but its row is gone" in str(report)


def test_the_deletion_of_a_runs_events_is_found(sample: Sample, tmp_path: Path) -> None:
    deletion = ("DELETE FROM events WHERE stream = ?", bytes.fromhex(sample.ended))
    report = verified(sample.damaged(tmp_path, deletion))
    assert f"{sample.place(1)}: is missing, and all up to event 9" in str(report)


@pytest.mark.parametrize("which", ["ended", "waiting", "tenant"])
def test_the_deletion_of_everything_of_a_stream_is_found(sample: Sample, tmp_path: Path, which: str) -> None:
    run = str(getattr(sample, which))
    stream = bytes.fromhex(run)
    statements = [
        ("DELETE FROM events WHERE stream = ?", stream),
        ("DELETE FROM payloads WHERE stream = ?", stream),
        ("DELETE FROM runs WHERE id = ?", run),
        ("DELETE FROM tenants WHERE stream = ?", stream),
        *((f"DELETE FROM {table} WHERE run = ?", run) for table in ("questions", "inbox", "claims")),  # noqa: S608
    ]
    report = verified(sample.damaged(tmp_path, *statements))
    # the next task's number follows none; the tenant's version is made by no event
    also = {"ended": {f"run {short(sample.waiting)}"}, "tenant": {"tenant default"}}.get(which, set[str]())
    assert {finding.place for finding in report.findings} == {"log"} | also
    assert "events were deleted" in str(report)


def test_a_row_of_a_run_that_never_was_is_found(sample: Sample, tmp_path: Path) -> None:
    run = new_id()
    copy = f"INSERT INTO tenants SELECT 'false', x'{run}', wrapped, head_seq, head_hash FROM tenants"  # noqa: S608
    assert places(sample.damaged(tmp_path, (copy,)))[0] == "tenant false, event 1"


@pytest.mark.parametrize("name", ["nothing", "", "f"])
def test_a_run_whose_id_was_changed_into_none_is_found_and_the_verification_goes_on(
    sample: Sample, tmp_path: Path, name: str
) -> None:
    report = verified(sample.damaged(tmp_path, ("UPDATE runs SET id = ? WHERE id = ?", name, sample.ended)))
    assert f"stream {sample.ended}: has events up to 9, but its row is gone" in str(report)
    assert report.events == sum(1 for _ in sample.rows("SELECT 1 FROM events"))


# -- the report ---------------------------------------------------------------------------------------


def test_a_log_that_is_damaged_all_over_is_told_in_bounded_words(sample: Sample, tmp_path: Path) -> None:
    stream = bytes.fromhex(sample.ended)
    extra = [(INSERT, stream, seq, "step", b"{}") for seq in range(10, 1200)]
    report = verified(sample.damaged(tmp_path, *extra))
    assert (len(report.findings), report.more > 100) == (1000, True)
    assert str(report).splitlines()[-1] == f"  and {report.more:,} more"
    assert not report.sound
