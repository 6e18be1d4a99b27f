"""Rows that say otherwise who has a task, what became of it or of a call, or how a run stands, are found."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.journal.support.sample import Sample, verified
from tests.journal.support.writing import AT, answer, ask, end, owned, step, write

from ripieno.journal.records import (
    CloseChange,
    Lease,
    MessageKind,
    NewRun,
    QuestionChange,
    SegmentChange,
)
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Store
from ripieno.journal.tasks import Holding
from ripieno.model.ids import new_id, short

ADA, BOB, EVE = "person:ada", "person:bob", "person:eve"
SEGMENT = SegmentChange(2, (1,))
"""What replay of the run starts from."""


async def move(
    store: Store,
    lease: Lease,
    kind: MessageKind,
    holding: Holding | None,
    *,
    by: str = ADA,
    to: str | None = None,
) -> None:
    """Do something with the run's task."""
    [row] = await store.questions(run=lease.run)
    message = dataclasses.replace(answer(lease.run, row.id, kind=kind, by=by), target=to)
    await store.move(message, change=None if holding is None else (row.revision, holding))
    await store.fold(lease)


MOVES: Sequence[tuple[MessageKind, Holding | None, str, str | None]] = (
    ("claim", Holding("clinician", claimed_by=ADA), ADA, None),
    ("delegate", Holding("clinician", BOB, None, ADA), ADA, BOB),
    ("comment", None, BOB, None),
    ("release", Holding("clinician", claimed_by=ADA), BOB, ADA),
    ("release", Holding("clinician"), ADA, None),
    ("reassign", Holding(None, EVE), ADA, EVE),
    ("delegate", Holding(None, BOB, None, EVE), EVE, BOB),
    ("release", Holding(None, EVE), BOB, EVE),
)
"""A task goes from hand to hand: what is done, whom it is with then, by whom, and to whom."""


async def sample_of(home: Path, moves: int) -> Sample:
    """Write a run that asks at event 2, after so many moves; it waits."""
    store = SqliteStore(home)
    await store.open()
    try:
        lease = await owned(store)
        await ask(store, lease)
        for kind, holding, by, to in MOVES[:moves]:
            await move(store, lease, kind, holding, by=by, to=to)
        await store.park(lease, moves)
        return Sample(home, lease.run, lease.run, "")
    finally:
        await store.close()


def findings(home: Path) -> list[str]:
    return [str(finding) for finding in verified(home).findings]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Sample]:
    """Give a log for each number of moves."""
    return [
        asyncio.run(sample_of(tmp_path_factory.mktemp("moved"), moves)) for moves in range(len(MOVES) + 1)
    ]


def test_a_task_is_with_whom_its_events_say_after_every_move(moved: Sequence[Sample]) -> None:
    assert [findings(sample.home) for sample in moved] == [[]] * len(moved)


@pytest.mark.parametrize("column", ["role", "person", "claimed_by", "delegated_by"])
@pytest.mark.parametrize("moves", [0, 1, 2, 3, 6, 7], ids=lambda moves: f"after {moves}")
def test_another_holder_of_a_task_is_found_at_the_event_that_said_whose_it_is(
    moved: Sequence[Sample], tmp_path: Path, column: str, moves: int
) -> None:
    sample = moved[moves]
    [found] = findings(sample.damaged(tmp_path, (f"UPDATE questions SET {column} = 'mallory'",)))  # noqa: S608
    assert found.startswith(f"{sample.place(2 + moves)}: the row of its question says {column} 'mallory'")


@pytest.mark.parametrize("moves", range(len(MOVES) + 1), ids=lambda moves: f"after {moves}")
def test_another_time_of_a_claim_is_found_at_the_event_that_said_whose_it_is(
    moved: Sequence[Sample], tmp_path: Path, moves: int
) -> None:
    sample = moved[moves]
    [found] = findings(sample.damaged(tmp_path, ("UPDATE questions SET claimed_at = 7",)))
    assert found.startswith(f"{sample.place(2 + moves)}: the row of its question says claimed_at 7")


async def reminded(home: Path, times: int) -> Sample:
    """Write a run that asks with three reminders, of which so many were given."""
    store = SqliteStore(home)
    await store.open()
    try:
        lease = await owned(store)
        path, reminders = "visit@1/ask/1", (AT + 1, AT + 2, AT + 3)
        question = f"{lease.run}/{path}"
        change = QuestionChange(question, "task", "clinician", None, None, None, reminders)
        body: dict[str, Any] = {"what": "task", "question": question, "role": "clinician"}
        body |= {"reminders": list(reminders)}
        await write(store, step(lease, path, kind="asked", body=body, change=change))
        await store.park(lease, 0)
        for number in range(times):
            await store.fire_timers(AT + 1 + number)
        return Sample(home, lease.run, lease.run, "")
    finally:
        await store.close()


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_reminders_other_than_those_given_are_found(tmp_path: Path, times: int) -> None:
    (tmp_path / "sound").mkdir()
    sample = await reminded(tmp_path / "sound", times)
    assert findings(sample.home) == []
    home = sample.damaged(tmp_path / "damaged", ("UPDATE questions SET reminders = '[]', reminded = 9",))
    found = findings(home)
    place = f"{sample.place(2 + times)}: the row of its question says"
    assert f"{place} reminded 9, it says {times}" in found
    assert (len(found) == 2) == (times < 3)


async def test_a_task_that_was_moved_and_answered_while_its_run_was_owned_is_sound(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    lease = await owned(store)
    question = await ask(store, lease)
    message = answer(lease.run, question, kind="claim")
    await store.move(message, change=(0, Holding("clinician", claimed_by=ADA)))
    assert verified(tmp_path).sound, "its owner has yet to take that in"
    await store.send(answer(lease.run, question), closes="answered")
    assert verified(tmp_path).sound
    await store.fold(lease)
    await write(store, end(lease))
    await store.close()
    assert verified(tmp_path).sound


STATES = {
    "lost": "the row of its question says state 'lost'",
    "closed": "the row of its question says closed, but what asked it goes on",
}


@pytest.mark.parametrize("state", STATES)
def test_an_open_question_that_is_put_away_is_found(
    moved: Sequence[Sample], tmp_path: Path, state: str
) -> None:
    sample = moved[0]
    home = sample.damaged(tmp_path, ("UPDATE questions SET state = ?", state))
    assert findings(home) == [f"{sample.place(2)}: {STATES[state]}"]


async def closed(home: Path) -> Sample:
    """Write a run in which a visit asked twice and ended: one task is closed, one timer expired."""
    store = SqliteStore(home)
    await store.open()
    try:
        lease = await owned(store)
        await ask(store, lease, "visit@1/ask/1")
        await store.send(answer(lease.run, await ask(store, lease, "visit@1/ask/2")), closes="answered")
        await write(store, step(lease, "visit@1", kind="scope", change=CloseChange("visit@1")))
        await ask(store, lease, "late@1/ask/1", due_at=AT)
        await store.fire_timers(AT + 1)
        return Sample(home, lease.run, lease.run, "")
    finally:
        await store.close()


async def test_what_ended_with_its_visit_or_before_it_was_heard_of_is_sound(tmp_path: Path) -> None:
    assert findings((await closed(tmp_path)).home) == []


WRONG = {
    "reopened": (
        "state = 'open', answered_by = NULL WHERE path = 'visit@1/ask/1'",
        2,
        "the row of its question says open, but what asked it has ended",
    ),
    "answered, though it is closed": (
        "answered_by = 'person:eve' WHERE path = 'visit@1/ask/1'",
        2,
        "the row of its question says closed, and by whom it was answered",
    ),
    "by somebody else": (
        "answered_by = 'person:eve' WHERE path = 'visit@1/ask/2'",
        3,
        "the row of its question says answered by person:eve",
    ),
    "for somebody": (
        "answered_for = 'person:eve' WHERE path = 'visit@1/ask/2'",
        3,
        "the row of its question says answered_for 'person:eve', it says None",
    ),
    "answered, not expired": (
        "state = 'answered', answered_by = 'person:eve' WHERE path = 'late@1/ask/1'",
        5,
        "the row of its question says answered by person:eve",
    ),
}


@pytest.mark.parametrize("what", WRONG)
async def test_another_end_of_a_question_than_it_had_is_found(tmp_path: Path, what: str) -> None:
    (tmp_path / "sound").mkdir()
    sample = await closed(tmp_path / "sound")
    change, seq, problem = WRONG[what]
    home = sample.damaged(tmp_path / "damaged", (f"UPDATE questions SET {change}",))  # noqa: S608 - ours
    assert findings(home) == [f"{sample.place(seq)}: {problem}"]


async def test_who_is_asked_no_more_since_all_is_taken_back_is_sound(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    lease = await owned(store)
    await ask(store, lease, "visit@1/ask/1")
    plan: dict[str, Any] = {"under": [""], "effects": []}
    await write(store, step(lease, "/undo/1", kind="undo", body=plan, change=CloseChange("visit@1")))
    await store.close()
    assert findings(tmp_path) == []


def test_a_deleted_task_that_was_moved_is_found_where_it_was_asked(
    moved: Sequence[Sample], tmp_path: Path
) -> None:
    sample = moved[1]
    home = sample.damaged(tmp_path, ("DELETE FROM questions",))
    assert findings(home) == [f"{sample.place(2)}: its question is not in the table"]


async def numbered(home: Path) -> Sample:
    """Write a run that asks three people and sets a timer."""
    store = SqliteStore(home)
    await store.open()
    try:
        lease = await owned(store)
        for number in range(1, 4):
            await ask(store, lease, f"ask@{number}")
        return Sample(home, lease.run, lease.run, "")
    finally:
        await store.close()


NUMBERS: dict[str, tuple[list[str], list[str]]] = {
    "swapped": (
        ["number = -1 WHERE number = 1", "number = 1 WHERE number = 2", "number = 2 WHERE number = -1"],
        [
            "ask@1 is t-2, the task asked before it is not there",
            "ask@2 is t-1, the task asked before it t-2",
            "ask@3 is t-3, the task asked before it t-1",
        ],
    ),
    "another": (["number = 9 WHERE number = 3"], ["ask@3 is t-9, the task asked before it t-2"]),
    "none": (["number = NULL WHERE number = 3"], ["ask@3 has no number"]),
}


@pytest.mark.parametrize("what", NUMBERS)
async def test_numbers_of_tasks_that_do_not_follow_each_other_are_found(tmp_path: Path, what: str) -> None:
    (tmp_path / "sound").mkdir()
    sample = await numbered(tmp_path / "sound")
    assert findings(sample.home) == []
    changes, problems = NUMBERS[what]
    home = sample.damaged(tmp_path / "damaged", *((f"UPDATE questions SET {one}",) for one in changes))  # noqa: S608
    name = f"{sample.place()}: question {sample.ended}"
    assert findings(home) == [f"{name}/{problem}" for problem in problems]


# -- runs --------------------------------------------------------------------------------------------------


async def looped(home: Path, *, tells: bool) -> Sample:
    """Write a run with a segment that tells from where replay starts, or as those did that do not tell it."""
    store = SqliteStore(home)
    await store.open()
    try:
        lease = await owned(store)
        body: dict[str, Any] = {"round": 1, **({"replay": SEGMENT.document()} if tells else {})}
        await write(
            store, step(lease), step(lease, "loop@1/segment", kind="segment", body=body, change=SEGMENT)
        )
        await store.release(lease, "blocked", "a reason")
        return Sample(home, lease.run, lease.run, "")
    finally:
        await store.close()


REPLAYS = {
    "replay_after = 1": (True,),
    "replay_after = 9": (True, False),
    "replay_needed = '[]'": (True,),
    "replay_needed = '{}'": (True, False),
    "replay_needed = '['": (True, False),
    "replay_needed = '[1, 7]'": (True, False),
}
"""What is changed, and whether it is found with segments that tell of it, and with those that do not."""


@pytest.mark.parametrize("change", REPLAYS)
async def test_another_beginning_of_replay_is_found(tmp_path: Path, change: str) -> None:
    for tells in REPLAYS[change]:
        home = tmp_path / str(tells)
        home.mkdir()
        sample = await looped(home, tells=tells)
        assert findings(sample.home) == []
        [found] = findings(sample.damaged(tmp_path / f"damaged-{tells}", (f"UPDATE runs SET {change}",)))  # noqa: S608
        after = change.partition("after = ")[2] or "2"
        assert found == (
            f"{sample.place()}: its row says that replay starts after event {after};"
            " its last segment, event 3, does not say so"
        )


async def test_a_beginning_of_replay_that_no_segment_tells_of_is_found(
    moved: Sequence[Sample], tmp_path: Path
) -> None:
    sample = moved[1]
    home = sample.damaged(tmp_path, ("UPDATE runs SET replay_after = 2",))
    assert findings(home) == [
        f"{sample.place()}: its row says that replay starts after event 2; no segment says so"
    ]


RUNS = {
    "status = 'lost'": "its row says lost, which no run is",
    "status = 'waiting'": "its row says why it is held up, and that it is waiting",
    "owner = 'x', status = 'running'": "its row says why it is held up, and that it is running",
    "parent = 'x'": "its row says parent 'x', its events say None",
}


@pytest.mark.parametrize("change", RUNS)
async def test_a_run_that_stands_otherwise_than_it_can_is_found(tmp_path: Path, change: str) -> None:
    (tmp_path / "sound").mkdir()
    sample = await looped(tmp_path / "sound", tells=True)
    found = findings(sample.damaged(tmp_path / "damaged", (f"UPDATE runs SET {change}",)))  # noqa: S608 - ours
    assert f"{sample.place()}: {RUNS[change]}" in found


@pytest.mark.parametrize("parent", ["fork", "child"])
async def test_another_parent_than_a_run_has_is_found(tmp_path: Path, parent: str) -> None:
    (tmp_path / "sound").mkdir()
    store = SqliteStore(tmp_path / "sound")
    await store.open()
    above = (await owned(store)).run
    run = new_id()
    keys = store.new_key(bytes.fromhex(run))
    started: dict[str, Any] = {"workflow": "flow", "version": "v1"}
    if parent == "child":
        started["parent"] = {"run": above, "path": "p"}
    events: list[Any] = [("run.started", "", started)]
    if parent == "fork":
        events.append(("run.forked", "", {"from": above, "at": 1}))
    new = NewRun(run, "default", "flow", "v1", ADA, None, AT, parent=above)
    await store.create(new, keys, events, [], own=False)
    await store.close()
    sample = Sample(tmp_path / "sound", run, run, "")
    assert findings(sample.home) == []
    home = sample.damaged(tmp_path / "damaged", ("UPDATE runs SET parent = NULL WHERE id = ?", run))
    assert findings(home) == [f"run {short(run)}: its row says parent None, its events say {above!r}"]


async def test_a_log_that_holds_nothing_beside_its_key_is_not_called_sound(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    await store.close()
    assert findings(tmp_path) == [
        "log: holds nothing, though it has a key: nothing was ever run here, or it was emptied"
    ]
