"""Which policies decide at this moment: files as they are now, or what a tenant has in production."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, ASK_THE_BOSS, BOB, FORBID, YES, booking
from kernel.scenarios.house import ADA, OPERATOR, asked, begin, ended, events, parked, reply, serving, until
from ripieno import Host, Principal, Workflow
from ripieno.journal.policies import PolicySet
from ripieno.journal.sql.store import SqlStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.home import data_folder
from ripieno.mediation.on_demand import governed
from ripieno.mediation.policy import load_library
from ripieno.mediation.policy.in_force import kept_library
from ripieno.mediation.policy.stages import find_set, promote, register, roll_back, share, withdraw
from ripieno.mediation.policy.texts import files_of
from ripieno.model.errors import NotFoundError, StoreError
from ripieno.model.gate import Action, Actor, Decision, Subject

CALL = Subject("tool", "book", {"effect": "write"})
REASON = "as agreed"


def write(home: Path, text: str, name: str = "rules.cedar") -> None:
    """Exchange a file of policies in one move."""
    file = home.parent / "policies" / name
    file.parent.mkdir(exist_ok=True, parents=True)
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def call(tenant: str = "default", candidate: str | None = None) -> Action:
    actor = Actor(Principal("person", "ada", tenant))
    return Action("tool.call", "tool.call", actor, CALL, candidate=candidate)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "project" / "home"


@asynccontextmanager
async def opened(home: Path) -> AsyncGenerator[SqlStore]:
    store = governed(data_folder(home))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def hosting(home: Path, *workflows: Workflow) -> AsyncGenerator[Host]:
    async with opened(home) as store, serving(home, *workflows, store=store) as host:
        yield host


async def becomes(store: SqlStore, verdict: str, action: Action | None = None) -> Decision:
    """Ask until it is decided so, as something that goes on all the time would."""

    async def look() -> Decision | None:
        found = store.gate.decide(action or call())
        return found if found.verdict == verdict else None

    return await until(look)


async def enter(store: SqlStore, home: Path, text: str, by: Principal = OPERATOR) -> PolicySet:
    """Register a set of one file."""
    folder = home.parent / "drafts" / "policies"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.cedar").write_text(text)
    library = load_library(folder)
    await register(store, library, by=by)
    return await find_set(store, by.tenant, library.version)


# -- files -----------------------------------------------------------------------------------------------


async def test_a_file_that_is_written_changed_or_taken_away_is_heeded(home: Path) -> None:
    async with opened(home) as store:
        gate = store.gate
        assert gate.decide(call()).verdict == "allow"
        versions = [gate.version]
        for text, verdict in ((FORBID, "deny"), (ASK, "ask")):
            write(home, text)
            await becomes(store, verdict)
            versions.append(gate.version)
        (home.parent / "policies" / "rules.cedar").unlink()
        await becomes(store, "allow")
        assert gate.version == versions[0]
        assert len(set(versions)) == 3


BROKEN = {
    "no Cedar": "forbid (principal, action, resource",
    "no id": "forbid (principal, action, resource);",
    "no such attribute": '@id("x") forbid (principal, action, resource) when { context.amout == 1 };',
    "no guard": '@id("x") forbid (principal, action == Action::"tool.call", resource)'
    " when { context.arguments.a == 1 };",
}


@pytest.mark.parametrize("mistake", BROKEN)
async def test_a_change_that_does_not_load_denies_everything_and_says_where_until_it_is_mended(
    home: Path, mistake: str
) -> None:
    write(home, ASK)
    async with opened(home) as store:
        assert store.gate.decide(call()).verdict == "ask"
        write(home, "\n\n" + BROKEN[mistake])
        denied = await becomes(store, "deny")
        assert "policies/rules.cedar:3" in denied.reason
        start = Action("run.start", "start", Actor(OPERATOR), Subject("workflow", "any"))
        assert store.gate.decide(start).verdict == "deny"
        write(home, ASK)
        await becomes(store, "ask")


async def test_a_folder_that_cannot_be_read_any_more_denies_everything(home: Path) -> None:
    write(home, ASK)
    async with opened(home) as store:
        assert store.gate.decide(call()).verdict == "ask"
        folder = home.parent / "policies"
        folder.rename(home.parent / "away")
        folder.write_text("a file in its place")
        assert "cannot be read" in (await becomes(store, "deny")).reason


async def test_what_is_written_bit_by_bit_is_never_read_between(home: Path) -> None:
    """A file is emptied before it is written: without its policies the act would be let happen."""
    write(home, FORBID)
    async with opened(home) as store:
        assert store.gate.decide(call()).verdict == "deny"
        for _ in range(20):
            with (home.parent / "policies" / "rules.cedar").open("w") as file:
                for part in FORBID.splitlines(keepends=True):
                    assert store.gate.decide(call()).verdict == "deny"
                    file.write(part)
                    file.flush()
                    await asyncio.sleep(0)


async def test_an_act_that_waits_is_decided_again_by_the_files_as_they_are_before_its_claim(
    home: Path,
) -> None:
    system = Elsewhere()
    write(home, ASK)
    async with hosting(home, booking(system)) as host:
        run = await begin(host, booking(system), by=ADA)
        await parked(host, run)
        write(home, ASK_THE_BOSS)

        async def changed() -> bool | None:
            found = host.store.gate.decide(call())
            return True if found.policies == ("ask-the-boss",) else None

        await until(changed)
        await reply(host, await asked(host, run), YES, by=BOB)
        await parked(host, run)
        assert system.booked == {}
        (question,) = await host.store.questions(run=run)
        assert question.role == "boss"


# -- versions --------------------------------------------------------------------------------------------


async def test_what_is_in_production_decides_and_files_are_drafts_then(home: Path) -> None:
    async with opened(home) as store:
        forbidding = await enter(store, home, FORBID)
        assert store.gate.decide(call()).verdict == "allow"
        before = store.gate.version
        await promote(store, forbidding, "production", by=OPERATOR, reason=REASON)
        assert store.gate.decide(call()).verdict == "deny"
        assert store.gate.version != before
        write(home, "this is no policy")
        write(home, ASK, "ask.cedar")
        asking = await enter(store, home, ASK)
        await promote(store, asking, "production", by=OPERATOR, reason=REASON)
        assert store.gate.decide(call()).verdict == "ask"
        await roll_back(store, by=OPERATOR, reason="too slow")
        assert store.gate.decide(call()).policies == ("nothing-is-booked",)
        (home.parent / "policies" / "rules.cedar").unlink()
        files = load_library(home.parent / "policies")
        await withdraw(store, forbidding.version, files, by=OPERATOR, reason=REASON)
        await becomes(store, "ask")


async def test_another_process_heeds_what_is_promoted(home: Path) -> None:
    async with opened(home) as store, opened(home) as other:
        assert other.gate.decide(call()).verdict == "allow"
        kept = await enter(store, home, FORBID)
        await promote(store, kept, "production", by=OPERATOR, reason=REASON)
        await becomes(other, "deny")
        await withdraw(store, kept.version, load_library(), by=OPERATOR, reason=REASON)
        await becomes(other, "allow")


async def test_what_one_tenant_promotes_is_nothing_to_another(home: Path) -> None:
    north = Principal("person", "op", "north", every_role=True)
    async with opened(home) as store:
        kept = await enter(store, home, FORBID, north)
        await promote(store, kept, "production", by=north, reason=REASON)
        assert store.gate.decide(call("north")).verdict == "deny"
        assert store.gate.decide(call()).verdict == "allow"
        assert store.policy_stages("default").production is None
        with pytest.raises(NotFoundError):
            await find_set(store, "default", kept.version)


async def test_a_run_that_falls_to_a_candidates_share_is_decided_by_it_as_long_as_it_is_one(
    home: Path,
) -> None:
    system = Elsewhere()
    async with hosting(home, booking(system)) as host:
        store = host.store
        assert isinstance(store, SqlStore)
        asking, forbidding = await enter(store, home, ASK), await enter(store, home, FORBID)
        await promote(store, asking, "production", by=OPERATOR, reason=REASON)
        before = await begin(host, booking(system), by=ADA)
        await promote(store, forbidding, "staging", by=OPERATOR, reason=REASON)
        await share(store, 100, by=OPERATOR, reason=REASON)
        tried = await begin(host, booking(system), by=ADA)
        assert (await ended(host, tried)).status == "escalated"
        (started,) = await events(host, tried, "run.started")
        assert started.body["candidate"] == forbidding.version
        assert (
            started.body["policy"]
            == load_library(home.parent / "drafts" / "policies").rules("standard").version[:16]
        )
        await parked(host, before)  # it began under what is in production
        (started,) = await events(host, before, "run.started")
        assert "candidate" not in started.body
        candidate = call(candidate=forbidding.version)
        assert store.gate.decide(candidate).verdict == "deny"
        assert store.gate.decide(call()).verdict == "ask"
        await share(store, 1, by=OPERATOR, reason="fewer")
        assert store.gate.decide(candidate).verdict == "deny"
        await roll_back(store, by=OPERATOR, reason="nothing is booked any more")
        assert store.gate.decide(candidate).verdict == "ask"
        after = await begin(host, booking(system), by=ADA)
        await reply(host, await asked(host, after), YES, by=BOB)
        assert (await ended(host, after)).status == "complete"


async def test_an_approval_is_void_when_other_policies_are_promoted(home: Path) -> None:
    system = Elsewhere()
    async with hosting(home, booking(system)) as host:
        store = host.store
        assert isinstance(store, SqlStore)
        treasurer, boss = await enter(store, home, ASK), await enter(store, home, ASK_THE_BOSS)
        await promote(store, treasurer, "production", by=OPERATOR, reason=REASON)
        run = await begin(host, booking(system), by=ADA)
        await parked(host, run)
        await promote(store, boss, "production", by=OPERATOR, reason=REASON)
        await reply(host, await asked(host, run), YES, by=BOB)
        await parked(host, run)
        assert system.booked == {}
        await reply(host, await asked(host, run), YES, by=BOB)
        assert (await ended(host, run)).status == "complete"
    with SqliteAudit(home) as audit:
        assert verify(audit).sound


# -- what the log keeps ------------------------------------------------------------------------------------


async def test_the_text_of_each_set_that_decided_is_in_the_log_before_what_it_decided(home: Path) -> None:
    system = Elsewhere()
    write(home, "// first\n")
    async with hosting(home, booking(system)) as host:
        store = host.store
        run = await begin(host, booking(system), by=ADA)
        assert (await ended(host, run)).status == "complete"
        write(home, FORBID)
        assert isinstance(store, SqlStore)
        await becomes(store, "deny")
        denied = await begin(host, booking(system), by=ADA)
        assert (await ended(host, denied)).status == "escalated"
        latest, first = store.policy_sets("default")
        assert (first.state, first.by) == ("seen", "")
        assert files_of(kept_library(store, "default", first.version))["policies/rules.cedar"] == "// first\n"
        assert FORBID in files_of(kept_library(store, "default", latest.version))["policies/rules.cedar"]
        for which, kept in ((run, first), (denied, latest)):
            (started,) = await events(host, which, "run.started")
            library = kept_library(store, "default", kept.version)
            assert library.rules("standard").version.startswith(started.body["policy"])
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        kinds = [kind for (kind,) in connection.execute("SELECT kind FROM events ORDER BY position")]
    assert kinds.index("policy.kept") < kinds.index("run.started")


async def test_a_set_in_production_whose_text_was_changed_or_is_gone_denies(home: Path) -> None:
    async with opened(home) as store:
        kept, other = await enter(store, home, FORBID), await enter(store, home, ASK)
        await promote(store, kept, "production", by=OPERATOR, reason=REASON)
    damages = {
        "is not what they said": ("UPDATE policy_sets SET content = ?", other.content),
        "is not in the store": ("DELETE FROM payloads WHERE commitment = ?", bytes.fromhex(other.content)),
        "are kept in the log": ("DELETE FROM policy_sets WHERE version <> ?", "none"),
    }
    for said, (statement, value) in damages.items():
        with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
            connection.execute(statement, (value,))
            connection.commit()
        async with opened(home) as store:
            found = store.gate.decide(call())
            assert found.verdict == "deny"
            assert said in found.reason
            with pytest.raises((StoreError, NotFoundError)):
                kept_library(store, "default", kept.version)


async def test_a_broken_set_that_decided_can_be_read_as_well(home: Path) -> None:
    write(home, ASK)
    write(home, "extends: 7\n", "own/pack.yaml")
    write(home, FORBID, "own/rules.cedar")
    (home.parent / "policies" / "z.cedar").write_bytes(b"\xff")
    async with opened(home) as store:
        assert store.gate.decide(call()).verdict == "deny"
        store.note_policies("default", store.gate.version, b"only the first is kept")
        await store.record("default", "operation", {})
        (kept,) = store.policy_sets("default")
        library = kept_library(store, "default", kept.version)
        assert {problem.place.file for problem in library.problems if problem.place is not None} == {
            "policies/z.cedar",
            "policies/own/pack.yaml",
        }


async def test_after_it_was_closed_nothing_is_kept_any_more(home: Path) -> None:
    async with opened(home) as store:
        pass
    store.note_policies("default", "v", b"text")
    async with opened(home) as again:
        assert again.policy_sets("default") == []
