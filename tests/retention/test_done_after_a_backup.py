"""What was erased, deleted and held after a backup is told outside the store, and done again by a restore."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kernel.scenarios.house import asked, parked
from retention.folder import BOSS, LETTERS, MARK, checked, found_in_files, house, letter, secrets_of, visited
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.duties import Duties, Duty, duty_of, parted
from ripieno.anchoring.folder import FolderSink
from ripieno.anchoring.manifest import BackupError
from ripieno.anchoring.restore import Restored, restore
from ripieno.anchoring.rounds import Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.anchoring.sink import SinkError, size_of
from ripieno.journal.signing import signer_at
from ripieno.kernel.commands import cancel
from ripieno.kernel.host import Host
from ripieno.model.errors import RefusedError
from ripieno.model.principal import Principal
from ripieno.proof.notes import NoteError, Signer
from ripieno.retention.erasing import erase
from ripieno.retention.holds import hold, release
from ripieno.retention.tenants import delete_tenant

WHY = "asked for"
THEIRS = Principal("person", "theirs", tenant="acme", every_role=True)


@dataclass
class Place:
    """A data folder, a backup of it, and a place outside where checkpoints are kept."""

    folder: Path
    runs: dict[str, str] = field(default_factory=dict[str, str])
    secrets: list[bytes] = field(default_factory=list[bytes])

    def __post_init__(self) -> None:
        self.home, self.backup, self.sink = (self.folder / name for name in ("home", "backup", "sink"))
        self.home.mkdir()

    def sign(self, home: Path | None = None) -> None:
        done = Rounds(home or self.home, Anchoring(sinks=(str(self.sink),))).turn(5)
        assert done is None or not done.failures

    async def back_up(self) -> None:
        await asyncio.to_thread(self.sign)
        await asyncio.to_thread(back_up, self.home, self.backup, with_keys=True)

    async def put_back(self, to: Path, sink: Path | None, *, unchecked: bool = False) -> Restored:
        return await asyncio.to_thread(
            restore,
            self.backup,
            to,
            by="person:op",
            sinks=[str(sink)] if sink else [],
            unchecked=unchecked,
        )


def duties(sink: Path) -> list[Path]:
    return sorted(sink.glob("*.duties"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("place"))
    asyncio.run(much_done(made))
    return made


@pytest.fixture
def sink(place: Place, tmp_path: Path) -> Path:
    """Give a copy of what is outside, to be changed."""
    return shutil.copytree(place.sink, tmp_path / "sink")


async def theirs(host: Host) -> str:
    """Begin a run in another tenant, and end it."""
    run = (await host.start(LETTERS, MARK, principal=THEIRS)).row.id
    await parked(host, run)
    await cancel(host.store, host.clock, await host.store.run(run), by=THEIRS, reason="no")
    await host.outcome(run)
    return run


async def much_done(place: Place) -> None:
    """Back up; then erase, delete and hold in each way, and sign in between."""
    async with house(place.home) as host:
        store, runs = host.store, place.runs
        runs["erased"], runs["held"] = await letter(host), await letter(host, key="case-7")
        runs["freed"] = await letter(host, key="case-8")
        runs["parent"], runs["child"] = await visited(host)
        runs["theirs"] = await theirs(host)
        runs["going"] = (await host.start(LETTERS, MARK, principal=BOSS)).row.id
        await asked(host, runs["going"])
        await parked(host, runs["going"])
        await hold(store, "key", "case-8", by=BOSS, reason=WHY)
        await place.back_up()
        gone = [runs[name] for name in ("erased", "freed", "parent", "child", "theirs", "going")]
        place.secrets += [one for one in secrets_of(place.home, gone) if one != MARK.encode()]
        await erase(store, await store.run(runs["erased"]), by=BOSS, reason=WHY)
        await hold(store, "key", "case-7", by=BOSS, reason=WHY)
        await asyncio.to_thread(place.sign)
        await release(store, "key", "case-8", by=BOSS, reason=WHY)
        await erase(store, await store.run(runs["freed"]), by=BOSS, reason=WHY)
        await erase(store, await store.run(runs["parent"]), by=BOSS, reason=WHY)
        await cancel(store, host.clock, await store.run(runs["going"]), by=BOSS, reason="no longer")
        await host.outcome(runs["going"])
        await erase(store, await store.run(runs["going"]), by=BOSS, reason=WHY)
        later = await letter(host)
        await erase(store, await store.run(later), by=BOSS, reason=WHY)
        await delete_tenant(store, "acme", by=BOSS, reason=WHY)
        await asyncio.to_thread(place.sign)


async def test_all_of_it_is_done_again_from_what_the_sink_was_told(place: Place, tmp_path: Path) -> None:
    runs, new = place.runs, tmp_path / "new"
    done = await place.put_back(new, place.sink)
    again = [runs[name] for name in ("erased", "freed", "parent", "child", "going", "theirs")]
    assert sorted(done.repeated.erased) == sorted(again)
    assert (done.repeated.deleted, done.repeated.holds, done.repeated.kept) == (["acme"], 2, {})
    assert list(done.told_by) == [f"file:{place.sink}"]
    assert not found_in_files(new, place.secrets)
    report = checked(new)
    assert report.sound, report
    async with house(new) as host:
        store = host.store
        assert [(one.name, one.by) for one in store.holds("default")] == [("case-7", BOSS.id)]
        with pytest.raises(RefusedError, match="hold"):
            await erase(store, await store.run(runs["held"]), by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="was deleted"):
            await host.start(LETTERS, MARK, principal=THEIRS)
        stream = await store.tenant_stream("*")
        (event,) = [one for one in await store.events(stream) if one.kind == "log.restored"]
        assert (event.body["erased"], event.body["deleted"], event.body["told_by"]) == (6, ["acme"], 1)


async def test_a_log_that_was_put_back_tells_it_on_and_may_be_put_back_again(
    place: Place, sink: Path, tmp_path: Path
) -> None:
    first = await place.put_back(tmp_path / "first", sink)
    signed(tmp_path / "first", sink)
    second = await place.put_back(tmp_path / "second", sink)
    assert sorted(second.repeated.erased) == sorted(first.repeated.erased)
    assert second.repeated.kept == {}
    assert not found_in_files(tmp_path / "second", place.secrets)
    signed(tmp_path / "second", sink)
    assert checked(tmp_path / "second").sound


async def test_nothing_but_the_log_reads_what_a_place_outside_keeps(place: Place) -> None:
    kept = b"".join(file.read_bytes() for file in duties(place.sink))
    for word in (*place.runs.values(), "case-7", "acme", "person:boss", "send"):
        assert word.encode() not in kept
    note = duties(place.sink)[1].read_text("utf-8")
    signer = signer_at(place.home)
    opened = Duties.opened(note, signer)
    assert {one.name for one in opened.held} >= {place.runs["erased"], "case-7"}
    assert opened.signed(signer) == note, "the same text each time"
    with pytest.raises(NoteError):
        Duties.opened(note, Signer(signer.name, bytes(32)))


async def test_a_place_that_comes_later_is_told_all_and_one_that_was_told_nothing_twice(
    place: Place, tmp_path: Path
) -> None:
    before = [(file.name, file.stat().st_mtime_ns) for file in duties(place.sink)]
    place.sign()
    assert [(file.name, file.stat().st_mtime_ns) for file in duties(place.sink)] == before
    signed(place.home, tmp_path / "other")
    done = await place.put_back(tmp_path / "new", tmp_path / "other")
    assert len(done.repeated.erased) == 6


async def test_what_was_taken_out_of_the_place_outside_is_missed(
    place: Place, sink: Path, tmp_path: Path
) -> None:
    assert len(duties(sink)) == 3, "a hold before the backup, and two times after it"
    duties(sink)[1].unlink()
    with pytest.raises(BackupError, match=r"what it kept of events .* is gone") as told:
        await place.put_back(tmp_path / "new", sink)
    assert told.value.remedy is not None
    assert "--unchecked" in told.value.remedy
    assert not (tmp_path / "new").exists()
    done = await place.put_back(tmp_path / "new", sink, unchecked=True)
    assert (list(done.told_by), done.repeated.erased) == ([], [])


@pytest.mark.parametrize("change", ["signature", "other", "garbage", "unreadable"])
async def test_what_is_not_of_this_log_is_refused(
    place: Place, sink: Path, tmp_path: Path, change: str
) -> None:
    file = duties(sink)[1]
    note = file.read_text("utf-8")
    match change:
        case "signature":
            file.write_text(note.replace('"upto": ', '"upto": 1'), "utf-8")
        case "other":
            opened = Duties.opened(note, signer_at(place.home))
            file.write_text(opened.signed(Signer("else", bytes(32))), "utf-8")
        case "garbage":
            file.write_text("no note at all", "utf-8")
        case _:
            file.write_bytes(b"\xff\xfe")
    with pytest.raises(BackupError, match="what was erased after the backup cannot be told"):
        await place.put_back(tmp_path / "new", sink)


async def test_where_nothing_outside_tells_it_that_is_said(place: Place, tmp_path: Path) -> None:
    done = await place.put_back(tmp_path / "new", None)
    assert (list(done.told_by), done.repeated.erased, done.repeated.deleted) == ([], [], [])
    assert found_in_files(tmp_path / "new", place.secrets)


async def test_a_place_that_cannot_be_written_gets_neither_checkpoint_nor_duty(tmp_path: Path) -> None:
    """Whoever sees a checkpoint there sees all that was erased until then."""
    made = Place(tmp_path)
    async with house(made.home) as host:
        run = await letter(host)
        await asyncio.to_thread(made.sign)
        await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
    before = sorted(file.name for file in made.sink.iterdir())
    rounds = Rounds(made.home, Anchoring(sinks=(str(made.sink),)))
    rounds._sinks = [Full(str(made.sink))]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - a disk that says no
    done = rounds.turn(5)
    assert done is not None
    assert "no space" in done.failures[f"file:{made.sink}"]
    assert sorted(file.name for file in made.sink.iterdir()) == before
    made.sign()
    assert len(duties(made.sink)) == 1


class Full(FolderSink):
    """A disk that has room for a checkpoint, and for nothing else."""

    def remember(self, name: str, note: str) -> None:
        msg = f"{name}: no space for {len(note)} bytes"
        raise SinkError(msg)


def signed(home: Path, sink: Path) -> None:
    done = Rounds(home, Anchoring(sinks=(str(sink),))).turn(5)
    assert done is not None
    assert not done.failures


def test_many_are_cut_into_notes_that_can_be_read() -> None:
    signer = Signer("log", bytes(32))
    lost = tuple((f"step@{n}/tool/1", "send") for n in range(1000))
    many = [Duty(n * 2, "run.erased", "default", "person:ada", f"{n:032x}", lost=lost) for n in range(40)]
    parts = list(parted(many, 100))
    assert [one for _, part in parts for one in part] == many
    assert (len(parts) > 1, parts[-1][0]) == (True, 100)
    ends = [0, *(end for end, _ in parts)]
    for (end, part), after in zip(parts, ends, strict=False):
        assert Duties.opened(Duties(after, end, part).signed(signer), signer) == Duties(after, end, part)
    assert list(parted([], 100)) == []
    assert duty_of(1, "run.ended", None, {}) is None
    assert size_of("0000000000000007.checkpoint") == 0


@pytest.mark.parametrize("names", [["hold.set", "run.erased"], ["run.erased", "deletion", "hold.released"]])
async def test_what_is_not_there_any_more_or_stands_in_the_way_is_told(
    tmp_path: Path, names: Sequence[str]
) -> None:
    """As an operator finds it who puts back a backup of another time: nothing breaks off."""
    from ripieno.anchoring.done_since import repeat  # noqa: PLC0415 - inside of what is tested
    from ripieno.journal.sqlite import SqliteStore  # noqa: PLC0415 - likewise

    async with house(tmp_path) as host:
        run, clock = await letter(host), host.clock
        store = host.store
        assert isinstance(store, SqliteStore)
        nowhere = {"deletion": "nobody", "run.erased": "0" * 32, "hold.set": run, "hold.released": "x"}
        first = [duty(name, nowhere[name]) for name in names]
        done = await repeat(store, clock, [*first, duty("run.erased", run)])
        assert (run in done.kept) == ("hold.set" in names)
        assert (run in done.erased) == ("hold.set" not in names)


def duty(kind: str, name: str) -> Duty:
    body = {"run": name, "name": name, "what": "run", "by": "person:ada"}
    found = duty_of(1, kind, "default", body)
    assert found is not None
    return found
