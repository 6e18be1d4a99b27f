"""Rows of what was decided outside runs that say otherwise than the tenant's events are found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.journal.support.sample import Sample, verified
from tests.journal.support.writing import AT

from ripieno.journal.deployments import AgentState, Deployment
from ripieno.journal.identity import (
    KeyRow,
    KeyScope,
    LoginRow,
    PrincipalChange,
    PrincipalRow,
    ProviderRow,
    RevokedKey,
)
from ripieno.journal.policies import PolicyStage
from ripieno.journal.records import VersionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.tasks import Absence

V1 = VersionRow("v1", "default", "flow", "module:flow", "{}", AT)
BOB = Absence("a1", "default", "person:ada", "person:bob", AT, AT + 9, "person:ada", AT)
EVE = Absence("a2", "default", "person:eve", "person:bob", AT, AT + 9, "person:eve", AT)

SCOPE = KeyScope(("biller",), None, ("run.start",))
KEY = KeyRow("k1", "default", "service:billing", "", SCOPE, AT + 9, AT, "person:ada")


def clerk(row: PrincipalRow) -> PrincipalRow:
    return replace(row, roles=("clerk",), groups=("ward",))


async def deploy(store: SqliteStore) -> None:
    """Decide which version serves new runs, and who may act."""
    held = Deployment("flow", "production", "v1", 100, "person:ada")
    await store.deploy("default", held, "promote", None, reason="tried")
    await store.protect("default", "flow", "person:ada", "audit")
    await store.protect("default", "*", "person:ada", "audit")
    await store.unprotect("default", "*", "person:ada", "over")
    await store.set_agent_state("default", AgentState("flow", "clerk", "retired", "person:ada", "errs"))


async def deploy_policies(store: SqliteStore) -> None:
    """Decide which policies are in force, and withdraw some."""
    store.note_policies("default", "p1", b"first")
    assert await store.register_policies("default", "p2", b"second", by="person:ada", reason="so")
    held = PolicyStage("production", "p2", 100, "person:ada")
    await store.deploy_policies("default", held, "promote", None, reason="tried")
    other = await store.deploy_policies(
        "default", PolicyStage("staging", "p1", 0, "person:ada"), "promote", None, reason="next"
    )
    await store.withdraw_policies("default", other, "person:ada", "not yet")


async def decide(home: Path) -> Sample:
    store = SqliteStore(home)
    await store.open()
    try:
        await store.register(V1, "person:ada")
        await store.declare_compatible("default", "v0", "v1", "person:ada")
        await store.drain("default", "old", "person:ada", "moved")
        await store.drain("default", "flow", "person:ada", "for a while")
        await store.undrain("default", "flow", "person:ada", None)
        await store.set_mode(V1, "agent", "shadow", by="person:ada")
        await store.set_mode(V1, "agent", "suggest", by="person:ada", reason="it agreed")
        await store.set_absence(BOB)
        await store.set_absence(EVE)
        await store.clear_absence(EVE, "person:ada")
        await store.change_principal("default", PrincipalChange("person:bob", "granted", clerk, "person:ada"))
        await store.map_group("default", "ward", "nurse", "person:ada", None)
        await store.map_group("default", "ward", "clerk", "person:ada", "for a while")
        await store.unmap_group("default", "ward", "clerk", "person:ada", None)
        await deploy(store)
        await store.stop("default", "tool", "pay", by="person:ada", reason="it runs amok")
        await store.stop("default", "tool", "book", by="person:ada", reason="an alarm")
        await store.let_go("default", "tool", "book", by="person:ada", reason=None)
        await store.create_key(KEY, "secret", "for tests")
        await store.create_key(replace(KEY, id="other"), "secret", None)
        assert await store.revoke_key("default", RevokedKey("k1", "person:eve", "leaked"))
        assert not await store.revoke_key("default", RevokedKey("k1", "person:eve"))
        trusted = ProviderRow("default", "https://id.test", {"prefix": ""}, "person:ada")
        assert await store.trust_provider(trusted, None)
        assert not await store.trust_provider(trusted, "again")
        await store.trust_provider(replace(trusted, issuer="https://gone.test"), None)
        assert await store.distrust_provider("default", "https://gone.test", "person:ada", None)
        assert not await store.distrust_provider("default", "https://gone.test", "person:ada", None)
        for mark in ("a", "a", "b"):
            await store.note_login("default", LoginRow("key:k1", "service:billing", mark, AT), {})
        await deploy_policies(store)
        return Sample(home, "", "", await store.tenant_stream("default"))
    finally:
        await store.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return asyncio.run(decide(tmp_path_factory.mktemp("sample")))


def findings(home: Path) -> list[str]:
    return [str(finding) for finding in verified(home).findings]


def test_what_was_decided_replaced_and_taken_back_is_sound(sample: Sample) -> None:
    assert findings(sample.home) == []


CHANGES = {
    "versions.workflow": ("other", 2, "row v1 of versions says workflow 'other', it says 'flow'"),
    "versions.source": ("evil", 2, "row v1 of versions says source 'evil', it says 'module:flow'"),
    "versions.pins": ("[]", 2, "row v1 of versions says pins '[]', it says '{}'"),
    "drains.by": ("person:eve", 4, "row old of drains says by 'person:eve', it says 'person:ada'"),
    "modes.mode": ("auto", 8, "row v1, agent of modes says mode 'auto', it says 'suggest'"),
    "modes.by": ("person:eve", 8, "row v1, agent of modes says by 'person:eve', it says 'person:ada'"),
    "absences.person": ("x", 9, "row a1 of absences says person 'x', it says 'person:ada'"),
    "absences.substitute": ("x", 9, "row a1 of absences says substitute 'x', it says 'person:bob'"),
    "absences.from_at": (1, 9, f"row a1 of absences says from_at 1, it says {AT}"),
    "absences.until_at": (1, 9, f"row a1 of absences says until_at 1, it says {AT + 9}"),
    "principals.status": (
        "suspended",
        12,
        "row person:bob of principals says status 'suspended', it says 'active'",
    ),
    "principals.roles": (
        '["clerk", "treasurer"]',
        12,
        """row person:bob of principals says roles '["clerk", "treasurer"]', it says '["clerk"]'""",
    ),
    "principals.groups": (
        "[]",
        12,
        """row person:bob of principals says groups '[]', it says '["ward"]'""",
    ),
    "group_roles.by": (
        "person:eve",
        13,
        "row ward, nurse of group_roles says by 'person:eve', it says 'person:ada'",
    ),
    "api_keys.principal": (
        "person:eve",
        25,
        "row other of api_keys says principal 'person:eve', it says 'service:billing'",
    ),
    "api_keys.scope": (
        "{}",
        25,
        (
            """row other of api_keys says scope '{}', it says"""
            """ '{"acts": ["run.start"], "roles": ["biller"], "workflows": null}'"""
        ),
    ),
    "api_keys.expires_at": (9, 25, f"row other of api_keys says expires_at 9, it says {AT + 9}"),
    "api_keys.by": ("x", 25, "row other of api_keys says by 'x', it says 'person:ada'"),
    "providers.settings": (
        "{}",
        27,
        """row https://id.test of providers says settings '{}', it says '{"prefix": ""}'""",
    ),
    "providers.by": ("x", 27, "row https://id.test of providers says by 'x', it says 'person:ada'"),
    "logins.principal": ("x", 31, "row key:k1 of logins says principal 'x', it says 'service:billing'"),
    "logins.mark": ("x", 31, "row key:k1 of logins says mark 'x', it says 'b'"),
    "logins.at": (9, 31, f"row key:k1 of logins says at 9, it says {AT}"),
    "absences.set_by": ("x", 9, "row a1 of absences says set_by 'x', it says 'person:ada'"),
    "versions.about": ("[]", 2, "row v1 of versions says about '[]', it says '{}'"),
    "deployments.version": (
        "v0",
        16,
        "row flow, production of deployments says version 'v0', it says 'v1'",
    ),
    "deployments.share": (9, 16, "row flow, production of deployments says share 9, it says 100"),
    "protected.by": ("x", 17, "row flow of protected says by 'x', it says 'person:ada'"),
    "agent_states.status": (
        "active",
        20,
        "row flow, clerk of agent_states says status 'active', it says 'retired'",
    ),
    "stops.by": ("x", 21, "row tool, pay of stops says by 'x', it says 'person:ada'"),
    "policy_sets.by": ("x", 33, "row p2 of policy_sets says by 'x', it says 'person:ada'"),
    "policy_sets.state": ("registered", 32, "row p1 of policy_sets says state 'registered', it says 'seen'"),
    "policy_stages.version": ("p1", 34, "row production of policy_stages says version 'p1', it says 'p2'"),
    "policy_stages.share": (9, 34, "row production of policy_stages says share 9, it says 100"),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found_at_the_event_that_decided_it(
    sample: Sample, tmp_path: Path, column: str
) -> None:
    value, seq, said = CHANGES[column]
    table, name = column.split(".")
    statement = f"UPDATE {table} SET {name} = ?"  # noqa: S608 - one of the above
    found = findings(sample.damaged(tmp_path, (statement, value)))
    assert f"tenant default, event {seq}: the {said}" in found
    twice = table == "api_keys" or column == "policy_sets.by"  # of these there are two, and both are changed
    assert len(found) == (2 if twice else 1)


def test_a_key_that_was_revoked_and_is_good_again_is_found(sample: Sample, tmp_path: Path) -> None:
    again = sample.damaged(tmp_path, ("UPDATE api_keys SET state = 'live'",))
    assert findings(again) == [
        "tenant default, event 26: the row k1 of api_keys says state 'live', it says 'revoked'"
    ]


def test_the_secret_of_a_key_cannot_be_exchanged_for_another(sample: Sample, tmp_path: Path) -> None:
    other = "UPDATE api_keys SET verifier = (SELECT verifier FROM api_keys WHERE id = 'other')"
    (found,) = findings(sample.damaged(tmp_path, (other,)))
    assert "event 26: the row k1 of api_keys says verifier" in found


DELETIONS = {
    "versions": (2, "v1"),
    "compatible": (3, "v0, v1"),
    "drains": (4, "old"),
    "absences": (9, "a1"),
    "principals": (12, "person:bob"),
    "group_roles": (13, "ward, nurse"),
    "providers": (27, "https://id.test"),
    "logins": (31, "key:k1"),
    "deployments": (16, "flow, production"),
    "protected": (17, "flow"),
    "agent_states": (20, "flow, clerk"),
    "stops": (21, "tool, pay"),
    "policy_stages": (34, "production"),
}


@pytest.mark.parametrize("table", DELETIONS)
def test_a_deleted_row_is_found_at_the_event_that_decided_it(
    sample: Sample, tmp_path: Path, table: str
) -> None:
    seq, row = DELETIONS[table]
    assert findings(sample.damaged(tmp_path, (f"DELETE FROM {table}",))) == [  # noqa: S608 - one of the above
        f"tenant default, event {seq}: its row {row} is not in the table of {table}"
    ]


@pytest.mark.parametrize("tenant", ["default", "nobody"])
def test_a_row_that_nobody_decided_is_found(sample: Sample, tmp_path: Path, tenant: str) -> None:
    insert = "INSERT INTO compatible (tenant, old, new) VALUES (?, 'v1', 'evil')"
    assert findings(sample.damaged(tmp_path, (insert, tenant))) == [
        f"tenant {tenant}: the row v1, evil of compatible was made by no event"
    ]


def test_a_row_that_was_taken_back_and_stands_again_is_found(sample: Sample, tmp_path: Path) -> None:
    insert = "INSERT INTO drains SELECT tenant, 'flow', by, at, reason FROM drains"
    assert findings(sample.damaged(tmp_path, (insert,))) == [
        "tenant default: the row flow of drains was made by no event"
    ]


def test_a_tenant_under_another_name_is_found(sample: Sample, tmp_path: Path) -> None:
    found = findings(sample.damaged(tmp_path, ("UPDATE tenants SET name = 'other'",)))
    assert found[0] == "tenant other, event 1: its row says name 'other', it says 'default'"


def test_a_log_of_a_format_without_these_tables_is_verified(sample: Sample, tmp_path: Path) -> None:
    earlier = [(f"DROP TABLE {table}",) for table in ("drains", "modes", "absences", "stops")]
    assert len(findings(sample.damaged(tmp_path, *earlier, ("PRAGMA user_version = 1",)))) == 4
