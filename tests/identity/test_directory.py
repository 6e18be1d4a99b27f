"""Who holds which role: by name, by group, and while nobody has suspended them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from identity.people import ADA, ADMIN, ELSEWHERE, OWNER, opened, tenant_events, unsound
from ripieno.identity import administration as directory_of
from ripieno.identity.directory import Directory, parse_id
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError
from ripieno.model.principal import Principal


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    async with opened(tmp_path) as store:
        yield store


@pytest.fixture
def directory(store: SqliteStore) -> Directory:
    return Directory(store)


async def test_nobody_holds_a_role_without_an_entry(directory: Directory) -> None:
    assert directory.roles("default", "person:ada") == frozenset()
    assert directory.entry("default", "person:ada") is None
    assert not directory.principal("default", "person:ada").holds("clinician")


async def test_a_role_is_held_from_its_grant_until_it_is_revoked(
    store: SqliteStore, directory: Directory
) -> None:
    await directory_of.grant(store, "ada", ["clinician", "clerk"], by=ADMIN, reason="joined the ward")
    assert directory.roles("default", "person:ada") == {"clinician", "clerk"}
    await directory_of.revoke(store, "ada", ["clerk", "other"], by=ADMIN)
    assert directory.principal("default", "person:ada") == Principal(
        "person", "ada", roles=frozenset({"clinician"})
    )
    assert directory.roles("default", "agent:ada") == frozenset()


async def test_a_group_gives_its_roles_to_all_who_belong_to_it(
    store: SqliteStore, directory: Directory
) -> None:
    await directory_of.join(store, "ada", ["ward 7"], by=ADMIN)
    assert directory.roles("default", "person:ada") == frozenset()
    assert await directory_of.map_group(store, "ward 7", "clinician", by=ADMIN)
    assert not await directory_of.map_group(store, "ward 7", "clinician", by=ADMIN)
    assert directory.roles("default", "person:ada") == {"clinician"}
    await directory_of.join(store, "bob", ["ward 7"], by=ADMIN)
    assert directory.roles("default", "person:bob") == {"clinician"}
    await directory_of.leave(store, "ada", ["ward 7"], by=ADMIN)
    assert directory.roles("default", "person:ada") == frozenset()
    assert await directory_of.unmap_group(store, "ward 7", "clinician", by=ADMIN)
    assert not await directory_of.unmap_group(store, "ward 7", "clinician", by=ADMIN)
    assert directory.roles("default", "person:bob") == frozenset()


async def test_nothing_is_done_as_a_suspended_principal(store: SqliteStore, directory: Directory) -> None:
    await directory_of.grant(store, "service:billing", ["biller"], by=ADMIN)
    await directory_of.suspend(store, "service:billing", by=ADMIN, reason="its key leaked")
    assert directory.roles("default", "service:billing") == frozenset()
    with pytest.raises(NotAllowedError, match="suspended by person:admin"):
        directory.principal("default", "service:billing")
    with pytest.raises(NotAllowedError, match="suspended"):
        directory.settled(Principal("service", "billing", every_role=True))
    await directory_of.resume(store, "service:billing", by=ADMIN)
    assert directory.roles("default", "service:billing") == {"biller"}


async def test_somebody_may_be_suspended_before_they_ever_came(
    store: SqliteStore, directory: Directory
) -> None:
    await directory_of.suspend(store, "eve", by=ADMIN, reason="left the company")
    with pytest.raises(NotAllowedError):
        directory.principal("default", "person:eve")


async def test_the_local_operator_holds_every_role_until_the_directory_says_otherwise(
    store: SqliteStore, directory: Directory
) -> None:
    assert directory.settled(OWNER) is OWNER
    await directory_of.grant(store, "owner", ["operator", "clerk"], by=OWNER)
    settled = directory.settled(OWNER)
    assert (settled.roles, settled.every_role) == ({"operator", "clerk"}, False)
    claimed = Principal("person", "owner", roles=frozenset({"clerk", "treasurer"}))
    assert directory.settled(claimed).roles == {"clerk"}


async def test_a_change_of_another_process_counts_at_once(tmp_path: Path, directory: Directory) -> None:
    assert directory.roles("default", "person:ada") == frozenset()
    async with opened(tmp_path) as other:
        await directory_of.grant(other, "ada", ["clerk"], by=ADMIN)
    assert directory.roles("default", "person:ada") == {"clerk"}


async def test_the_version_changes_with_what_roles_follow_from_and_with_nothing_else(
    store: SqliteStore, directory: Directory
) -> None:
    seen = [directory.version("default")]
    for change in (
        directory_of.enter(store, "ada", by=ADMIN),
        directory_of.grant(store, "ada", ["clerk"], by=ADMIN),
        directory_of.join(store, "ada", ["ward"], by=ADMIN),
        directory_of.map_group(store, "ward", "nurse", by=ADMIN),
        directory_of.suspend(store, "ada", by=ADMIN, reason="away"),
    ):
        await change
        seen.append(directory.version("default"))
    assert len(set(seen)) == len(seen)
    await store.drain("default", "flow", "person:ada", "for a while")
    assert directory.version("default") == seen[-1]


async def test_each_change_is_an_event_with_who_and_why_and_none_is_written_twice(
    store: SqliteStore, tmp_path: Path
) -> None:
    for _ in range(2):
        await directory_of.enter(store, "ada", by=ADMIN)
        await directory_of.grant(store, "ada", ["clerk"], by=ADMIN, reason="joined")
        await directory_of.join(store, "ada", ["ward"], by=ADMIN)
        await directory_of.map_group(store, "ward", "nurse", by=ADMIN, reason="all of them are")
    for _ in range(2):
        await directory_of.revoke(store, "ada", ["clerk"], by=ADMIN)
        await directory_of.leave(store, "ada", ["ward"], by=ADMIN)
        await directory_of.suspend(store, "ada", by=ADMIN, reason="left")
        await directory_of.unmap_group(store, "ward", "nurse", by=ADMIN)
    for _ in range(2):
        await directory_of.resume(store, "ada", by=ADMIN)
    events = await tenant_events(store, "principal.changed")
    acts = [event.body["act"] for event in events]
    assert acts == ["entered", "granted", "joined", "revoked", "left", "suspended", "resumed"]
    assert {event.body["by"] for event in events} == {"person:admin"}
    assert [event.seq for event in events if "reason" in event.body] == [events[1].seq, events[5].seq]
    assert len(await tenant_events(store, "group.mapped", "group.unmapped")) == 2
    assert unsound(tmp_path) == []


async def test_only_an_administrator_changes_the_directory(store: SqliteStore) -> None:
    for change in (
        directory_of.enter(store, "eve", by=ADA),
        directory_of.grant(store, "eve", ["clerk"], by=ADA),
        directory_of.revoke(store, "eve", ["clerk"], by=ADA),
        directory_of.join(store, "eve", ["ward"], by=ADA),
        directory_of.leave(store, "eve", ["ward"], by=ADA),
        directory_of.suspend(store, "eve", by=ADA, reason="none"),
        directory_of.resume(store, "eve", by=ADA),
    ):
        with pytest.raises(NotAllowedError, match="administrator"):
            await change
    for mapping in (directory_of.map_group, directory_of.unmap_group):
        with pytest.raises(NotAllowedError, match="administrator"):
            await mapping(store, "ward", "clerk", by=ADA)
    denied = await tenant_events(store)
    assert [event.kind for event in denied] == ["tenant.created", *["act.denied"] * 9], "nothing was changed"


async def test_nobody_gains_a_role_by_their_own_hand(store: SqliteStore) -> None:
    await directory_of.grant(store, "admin", ["administrator"], by=OWNER)
    await directory_of.join(store, "admin", ["staff"], by=OWNER)
    with pytest.raises(NotAllowedError, match="to themselves"):
        await directory_of.grant(store, "admin", ["treasurer"], by=ADMIN)
    with pytest.raises(NotAllowedError, match="by their own hand"):
        await directory_of.join(store, "admin", ["treasury"], by=ADMIN)
    with pytest.raises(NotAllowedError, match="belongs to 'staff'"):
        await directory_of.map_group(store, "staff", "treasurer", by=ADMIN)
    await directory_of.map_group(store, "other", "treasurer", by=ADMIN)
    await directory_of.grant(store, "admin", ["administrator"], by=ADMIN)


async def test_a_role_beyond_the_tenant_is_given_by_those_who_hold_it(store: SqliteStore) -> None:
    with pytest.raises(NotAllowedError, match="beyond the tenant"):
        await directory_of.grant(store, "bob", ["system-operator"], by=ADMIN)
    with pytest.raises(NotAllowedError, match="beyond the tenant"):
        await directory_of.map_group(store, "staff", "system-operator", by=ADMIN)
    await directory_of.map_group(store, "staff", "system-operator", by=OWNER)
    with pytest.raises(NotAllowedError, match="beyond the tenant"):
        await directory_of.join(store, "bob", ["staff"], by=ADMIN)
    await directory_of.join(store, "bob", ["staff"], by=OWNER)


async def test_tenants_have_directories_of_their_own(store: SqliteStore, directory: Directory) -> None:
    await directory_of.grant(store, "ada", ["clerk"], by=OWNER)
    await directory_of.join(store, "bob", ["ward"], by=OWNER)
    await directory_of.map_group(store, "ward", "nurse", by=ELSEWHERE)
    await directory_of.enter(store, "bob", by=ELSEWHERE)
    assert directory.roles("elsewhere", "person:ada") == frozenset()
    assert directory.roles("default", "person:bob") == frozenset()
    assert directory.roles("elsewhere", "person:bob") == frozenset()
    assert list(store.tenants()) == ["default", "elsewhere"]
    with pytest.raises(NotFoundError, match="no principal 'person:ada'"):
        await directory_of.revoke(store, "ada", ["clerk"], by=ELSEWHERE)


@pytest.mark.parametrize("name", ["", "  ", " clerk", "a,b", "x" * 129, "a\nb"], ids=repr)
async def test_a_role_that_could_not_be_listed_is_refused(store: SqliteStore, name: str) -> None:
    with pytest.raises(InputError):
        await directory_of.grant(store, "ada", [name], by=OWNER)


@pytest.mark.parametrize("name", ["", "robot:ada", "person:", "ada lovelace", "person:a:b"], ids=repr)
def test_what_names_no_principal_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        parse_id(name)


async def test_a_mistyped_name_is_told_with_the_nearest(store: SqliteStore) -> None:
    await directory_of.grant(store, "ada", ["clerk"], by=OWNER)
    with pytest.raises(NotFoundError, match="did you mean 'person:ada'"):
        await directory_of.resume(store, "adda", by=OWNER)
