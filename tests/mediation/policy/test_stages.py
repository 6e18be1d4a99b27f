"""Versions of policies are promoted, shared and rolled back, by whom policy lets; the log tells of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.house import ADA, OPERATOR, opened
from ripieno.identity import administration
from ripieno.journal.policies import PolicySet, PolicyStage
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.mediation.policy import Library, PolicyError, load_library
from ripieno.mediation.policy.stages import (
    find_set,
    history,
    promote,
    record,
    register,
    roll_back,
    share,
    withdraw,
)
from ripieno.model.errors import ChangedError, InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal

REASON = "as agreed"
NOBODY = '@id("nobody") forbid (principal, action == Action::"policy.change", resource);'
ONLY_EVE = """@id("only-eve") forbid (principal, action == Action::"policy.change", resource)
unless { principal.id == "person:eve" };"""


def written(folder: Path, text: str) -> Library:
    folder.mkdir(exist_ok=True)
    (folder / "rules.cedar").write_text(text)
    return load_library(folder, shown="policies")


async def entered(store: SqliteStore, folder: Path, *texts: str) -> list[PolicySet]:
    found: list[PolicySet] = []
    for text in texts:
        library = written(folder / "policies", text)
        await register(store, library, by=OPERATOR, reason=REASON)
        found.append(await find_set(store, "default", library.version))
    return found


async def put(store: SqliteStore, kept: PolicySet, stage: str = "production") -> PolicyStage:
    assert stage in {"staging", "production"}
    where = "staging" if stage == "staging" else "production"
    return await promote(store, kept, where, by=OPERATOR, reason=REASON)


async def back(store: SqliteStore) -> PolicyStage:
    return await roll_back(store, by=OPERATOR, reason="it failed")


def held(store: SqliteStore) -> list[tuple[str, int] | None]:
    now = store.policy_stages("default")
    return [None if one is None else (one.version, one.share) for one in (now.staging, now.production)]


async def test_a_set_goes_from_draft_over_staging_to_production_and_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        one, two = await entered(store, tmp_path, "// 1", "// 2")
        assert (one.state, one.by, held(store)) == ("registered", "person:op", [None, None])
        await put(store, one)
        await put(store, two, "staging")
        await share(store, 30, by=OPERATOR, reason=REASON)
        assert held(store) == [(two.version, 30), (one.version, 100)]
        await put(store, two)
        assert held(store) == [(two.version, 0), (two.version, 100)]
        assert (await back(store)).version == one.version
        with pytest.raises(RefusedError, match="is the first set of policies in production"):
            await back(store)
        files = load_library()
        assert await withdraw(store, two.version, files, by=OPERATOR, reason=REASON) == "staging"
        assert await withdraw(store, one.version, files, by=OPERATOR, reason=REASON) == "production"
        assert held(store) == [None, None]
        await put(store, two)
        with pytest.raises(RefusedError, match="is the first"):  # before it the files decided
            await back(store)
    with SqliteAudit(tmp_path / "home") as audit:
        assert verify(audit).sound


async def test_what_the_same_files_say_is_one_version(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        library = written(tmp_path / "policies", "// 1")
        store.note_policies("default", library.version, b"as it was seen")
        assert await register(store, library, by=OPERATOR)
        assert not await register(store, library, by=OPERATOR)
        (kept,) = store.policy_sets("default")
        assert kept.state == "registered"
        assert written(tmp_path / "policies", "// 1").version == kept.version


async def test_what_cannot_work_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        with pytest.raises(PolicyError, match=r"policies/rules.cedar:1"):
            await register(store, written(tmp_path / "policies", "forbid"), by=OPERATOR)
        with pytest.raises(NotFoundError, match="no policies 'beef' are kept"):
            await find_set(store, "default", "beef")
        with pytest.raises(RefusedError, match="no policies are in production"):
            await back(store)
        one, two = await entered(store, tmp_path, "// 1", "// 2")
        with pytest.raises(InputError, match="'' fits 2 sets"):
            await find_set(store, "default", "")
        with pytest.raises(RefusedError, match="no policies are in staging"):
            await share(store, 10, by=OPERATOR, reason=REASON)
        await put(store, one, "staging")
        with pytest.raises(RefusedError, match="no policies are in production"):
            await share(store, 10, by=OPERATOR, reason=REASON)
        with pytest.raises(RefusedError, match="is in staging already"):
            await put(store, one, "staging")
        await put(store, one)
        with pytest.raises(RefusedError, match="is in production already, and decides"):
            await share(store, 10, by=OPERATOR, reason=REASON)
        await put(store, two, "staging")
        with pytest.raises(InputError, match="got 101"):
            await share(store, 101, by=OPERATOR, reason=REASON)
        await share(store, 10, by=OPERATOR, reason=REASON)
        with pytest.raises(RefusedError, match="decides for 10 % of new runs"):
            await withdraw(store, one.version, load_library(), by=OPERATOR, reason=REASON)
        with pytest.raises(RefusedError, match="is a draft already"):
            await withdraw(store, "other", load_library(), by=OPERATOR, reason=REASON)
        with pytest.raises(InputError, match="needs a reason"):
            await roll_back(store, by=OPERATOR, reason=" ")
        store.note_policies("default", "seen", b"{}")
        await store.record("default", "operation", {})
        with pytest.raises(RefusedError, match="were never registered"):
            await put(store, await find_set(store, "default", "seen"))


async def test_only_whom_policy_lets_changes_which_policies_decide(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        (one,) = await entered(store, tmp_path, "// 1")
        with pytest.raises(NotAllowedError, match="may not change which policies decide"):
            await register(store, load_library(), by=ADA)
        with pytest.raises(NotAllowedError):
            await promote(store, one, "production", by=ADA, reason=REASON)
        with pytest.raises(NotAllowedError):
            await share(store, 1, by=ADA, reason=REASON)
        with pytest.raises(NotAllowedError):
            await roll_back(store, by=ADA, reason=REASON)
        with pytest.raises(NotAllowedError):
            await withdraw(store, one.version, load_library(), by=ADA, reason=REASON)
        stream = await store.events(await store.tenant_stream("default"))
        assert [event.body["verb"] for event in stream if event.kind == "act.denied"] == [
            "register",
            "promote",
            "share",
            "rollback",
            "withdraw",
        ]


async def test_nobody_is_locked_out_without_being_told(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        one, nobody, only_eve = await entered(store, tmp_path, "// 1", NOBODY, ONLY_EVE)
        with pytest.raises(RefusedError, match="not even person:op, who asks for it, may change policies"):
            await put(store, nobody)
        with pytest.raises(RefusedError, match="not even person:op"):
            await put(store, only_eve)
        await put(store, nobody, "staging")  # it decides about nothing but runs
        await put(store, one)
        files = written(tmp_path / "policies", NOBODY)
        with pytest.raises(RefusedError, match="not even"):
            await withdraw(store, one.version, files, by=OPERATOR, reason=REASON)
        await administration.grant(store, "bob", ["clerk"], by=OPERATOR, reason=REASON)
        with pytest.raises(RefusedError, match="neither person:op nor anybody in the directory"):
            await put(store, nobody)
        await administration.grant(store, "eve", ["administrator"], by=OPERATOR, reason=REASON)
        await put(store, only_eve)
        eve = Principal("person", "eve", roles=frozenset({"administrator"}))
        await promote(store, nobody, "production", by=eve, reason="to the end", force=True)
        await administration.suspend(store, "eve", by=OPERATOR, reason=REASON)
        with pytest.raises(RefusedError, match="neither person:op"):
            await back(store)
        await roll_back(store, by=OPERATOR, reason="so be it", force=True)
        assert await withdraw(store, only_eve.version, files, by=OPERATOR, reason=REASON, force=True)


async def test_of_two_who_promote_at_once_one_is_told_that_the_other_was_first(tmp_path: Path) -> None:
    async with (
        opened(tmp_path / "home", SqliteStore) as store,
        opened(tmp_path / "home", SqliteStore) as other,
    ):
        one, two = await entered(store, tmp_path, "// 1", "// 2")
        first = PolicyStage("production", one.version, 100, "person:op")
        await other.deploy_policies("default", first, "promote", None, reason=REASON)
        with pytest.raises(ChangedError, match="production of the policies was changed by person:op"):
            await store.deploy_policies("default", first, "promote", None, reason=REASON)
        stale = store.policy_stages("default").production
        assert stale is not None
        await put(other, two)
        with pytest.raises(ChangedError):
            await store.withdraw_policies("default", stale, "person:op", REASON)
        await withdraw(other, two.version, load_library(), by=OPERATOR, reason=REASON)
        with pytest.raises(ChangedError, match="by somebody meanwhile"):
            await store.deploy_policies("default", stale, "promote", stale, reason=REASON)


async def test_the_rate_of_failed_changes_is_counted_from_the_log(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        assert (await record(store, "default")).versions == []
        assert await history(store, "default") == []
        one, two, three = await entered(store, tmp_path, "// 1", "// 2", "// 3")
        assert (await record(store, "default")).fail_rate is None
        await put(store, one)  # a change
        await put(store, two, "staging")
        await share(store, 10, by=OPERATOR, reason=REASON)  # a change
        await put(store, two)  # the same change
        await put(store, three, "staging")
        await share(store, 10, by=OPERATOR, reason=REASON)  # a change that failed
        await back(store)
        await withdraw(store, three.version, load_library(), by=OPERATOR, reason=REASON)
        await put(store, three)  # a change that failed
        await back(store)
        await put(store, one, "staging")
        await share(store, 40, by=OPERATOR, reason=REASON)  # a change
        found = await record(store, "default")
        assert (found.changes, found.failed_changes, found.fail_rate) == (5, 2, 0.4)
        table = {kept.version: (one.stage, one.share, one.failed_changes) for kept, one in found.versions}
        assert table == {
            one.version: ("staging", 40, 0),
            two.version: ("production", 60, 0),
            three.version: (None, 0, 2),
        }
