"""A tenant that is deleted leaves structure and proofs; nothing is done in it any more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from kernel.scenarios.house import ended, parked, reply
from retention.folder import BOSS, LETTERS, MARK, checked, found_in_files, house, letter, secrets_of
from ripieno.anchoring.export import Exporter
from ripieno.journal.signing import signer_at
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.kernel.commands import cancel
from ripieno.kernel.host import Host
from ripieno.model.errors import ErasedError, InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal
from ripieno.proof.erased import Erasures
from ripieno.proof.verification import verify_export
from ripieno.retention.erasing import erase
from ripieno.retention.holds import hold, release
from ripieno.retention.tenants import delete_tenant

ACME = Principal("person", "acme-boss", "acme", every_role=True)
WHY = "the contract is over"


async def theirs(host: Host) -> str:
    run = (await host.start(LETTERS, MARK, principal=ACME)).row.id
    rows = await host.store.questions(run=run, tenant="acme")
    while not rows:
        await host.rest(run)
        rows = await host.store.questions(run=run, tenant="acme")
    await reply(host, rows[0], {"proceed": True, "note": MARK}, by=ACME, reason=MARK)
    await ended(host, run)
    return run


async def test_nothing_of_a_deleted_tenant_is_left_but_structure(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        runs = [await theirs(host) for _ in range(2)]
        await store.record("acme", "operation", {"what": "pause"}, reason=f"{MARK} said so")
        other = await letter(host, given="another tenant's")
        secrets = secrets_of(tmp_path, runs)
        stream = await store.tenant_stream("acme")
        assert await delete_tenant(store, "acme", by=BOSS, reason=WHY) > 10
        assert not found_in_files(tmp_path, secrets)
        with pytest.raises(ErasedError, match="tenant acme was erased"):
            store.key(stream)
        for attempt in (
            host.start(LETTERS, MARK, principal=ACME),
            store.record("acme", "operation", {}),
            delete_tenant(store, "acme", by=BOSS, reason=WHY),
        ):
            with pytest.raises(RefusedError, match="tenant 'acme' was deleted"):
                await attempt
        system = await store.events(await store.tenant_stream("*"))
        assert [event.body["name"] for event in system if event.kind == "deletion"] == ["acme"]
        assert store.reason_of("*", str(system[-1].body["reason"])) == WHY
        assert (await host.outcome(other)).status == "complete"
    assert checked(tmp_path).sound
    async with house(tmp_path) as host:
        assert (await host.outcome(other)).status == "complete"


async def test_a_tenant_with_work_under_way_or_a_hold_is_not_deleted(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        done = await theirs(host)
        run = (await host.start(LETTERS, MARK, principal=ACME)).row.id
        await parked(host, run)
        with pytest.raises(RefusedError, match="has not ended"):
            await delete_tenant(store, "acme", by=BOSS, reason=WHY)
        await cancel(store, host.clock, await store.run(run), by=ACME)
        await ended(host, run)
        await hold(store, "key", "some-case", by=ACME, reason="a case")
        with pytest.raises(RefusedError, match="hold on key some-case"):
            await delete_tenant(store, "acme", by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="hold on key some-case"):
            await store.delete_tenant("acme", by=BOSS.id, reason=WHY)
        await release(store, "key", "some-case", by=ACME, reason="over")
        with pytest.raises(RefusedError, match="is not erased"):
            await store.delete_tenant("acme", by=BOSS.id, reason=WHY)
        assert (await host.outcome(done)).status == "complete"
        await delete_tenant(store, "acme", by=BOSS, reason=WHY)
    assert checked(tmp_path).sound


async def test_who_may_not_deletes_nobody(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        await letter(host)
        operator = Principal("person", "op", roles=frozenset({"operator"}))
        with pytest.raises(NotAllowedError, match="system-operator"):
            await delete_tenant(store, "default", by=operator, reason=WHY)
        with pytest.raises(InputError, match="reason"):
            await delete_tenant(store, "default", by=BOSS, reason="")
        with pytest.raises(InputError, match="the system itself"):
            await delete_tenant(store, "*", by=BOSS, reason=WHY)
        with pytest.raises(NotFoundError, match="no tenant 'nobody'"):
            await delete_tenant(store, "nobody", by=BOSS, reason=WHY)


async def test_a_verification_says_whose_values_were_erased_by_whom_and_tells_it_from_tampering(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as host:
        await theirs(host)
        run = await letter(host)
        await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
        await delete_tenant(host.store, "acme", by=BOSS, reason=WHY)
    report = checked(tmp_path)
    assert report.sound
    assert (len(report.erasures), "erased by person:boss: runs " in str(report)) == (2, True)
    assert run[-6:] in str(report)
    assert "deleted by person:boss: tenant acme" in report.erasures
    exported = StringIO()
    with Extract(SqliteSnapshot(tmp_path)) as log:
        Exporter(log, exported, values=True).write()
    shown = verify_export(exported.getvalue().splitlines(keepends=True), signer_at(tmp_path).verifier)
    assert (shown.sound, shown.erasures) == (True, report.erasures)
    assert "deleted by person:boss: tenant acme" in str(shown)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
        connection.execute(
            "DELETE FROM events WHERE stream = (SELECT stream FROM tenants WHERE name = 'acme') AND seq = 2"
        )
    found = [str(one) for one in checked(tmp_path).findings]
    assert "tenant acme, event 2: is missing" in found
    assert (
        "tenant acme: was erased by person:boss, which takes away values and keys, and no event:"
        " somebody deleted those that are missing"
    ) in found


def test_of_many_erased_runs_some_are_named_and_the_others_counted() -> None:
    erasures = Erasures()
    for number in range(7):
        erasures.follow("run.erased", "default", {"run": f"{number:032}", "by": "system:retention"})
    erasures.follow("hold.set", "default", {"by": "person:ada"})
    assert erasures.told() == [
        "erased by system:retention: runs 000000, 000001, 000002, 000003, 000004 and 2 more"
    ]
