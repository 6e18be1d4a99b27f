"""Coming with a token: who is let in, with which roles, and what stands in the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from identity.openid import AUDIENCE, OpenId, serving
from identity.people import ADA, ADMIN, ELSEWHERE, OWNER, opened, tenant_events, unsound
from ripieno.identity import administration, providers
from ripieno.identity.credential import Credential
from ripieno.identity.directory import Directory
from ripieno.identity.providers import Provider
from ripieno.identity.sign_in import sign_in
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.clock import SystemClock
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, SignInError
from ripieno.model.principal import Principal


@pytest.fixture(scope="module")
def openid() -> Iterator[OpenId]:
    with serving() as provider:
        yield provider


@pytest.fixture
async def store(tmp_path: Path, openid: OpenId) -> AsyncGenerator[SqliteStore]:
    async with opened(tmp_path) as store:
        await providers.trust(store, openid.provider, by=ADMIN, reason="the clinic's own")
        yield store


async def come(store: SqliteStore, token: str, claimed: Principal = OWNER) -> Principal:
    home = store.home
    return await sign_in(store, SystemClock(), claimed, Credential("token", token), home=home)


async def test_groups_of_the_provider_give_the_roles_that_are_mapped(
    store: SqliteStore, openid: OpenId, tmp_path: Path
) -> None:
    await administration.map_group(store, "clinical staff", "clinician", by=ADMIN)
    ada = await come(store, openid.of_person("ada"))
    assert (ada.id, ada.roles, ada.every_role) == ("person:ada", {"clinician"}, False)
    assert Directory(store).roles("default", "person:ada") == {"clinician"}
    entry = Directory(store).entry("default", "person:ada")
    assert entry is not None
    assert entry.provided == ("clinical staff", "everybody")
    (login,) = await tenant_events(store, "login")
    assert (login.body["issuer"], login.body["means"]) == (openid.issuer, "token")
    assert unsound(tmp_path) == []


async def test_what_the_provider_no_longer_says_no_longer_counts(store: SqliteStore, openid: OpenId) -> None:
    await administration.map_group(store, "ward 7", "nurse", by=ADMIN)
    claims = {"sub": "ada", "aud": AUDIENCE, "exp": SystemClock().now() // 1_000_000 + 60}
    assert (await come(store, openid.sign(claims | {"groups": ["ward 7"]}))).roles == {"nurse"}
    assert (await come(store, openid.sign(claims | {"groups": []}))).roles == frozenset()
    assert Directory(store).roles("default", "person:ada") == frozenset()


async def test_whom_nobody_knows_is_not_let_in(store: SqliteStore, openid: OpenId) -> None:
    with pytest.raises(SignInError, match="not known here"):
        await come(store, openid.of_person("eve"))
    assert Directory(store).entry("default", "person:eve") is None
    (event,) = await tenant_events(store, "login.refused")
    assert event.body["principal"] == "person:eve"
    await administration.enter(store, "eve", by=ADMIN)
    assert (await come(store, openid.of_person("eve"))).roles == frozenset()


async def test_a_suspended_principal_is_turned_away_whatever_the_provider_says(
    store: SqliteStore, openid: OpenId
) -> None:
    await administration.suspend(store, "service:billing", by=ADMIN, reason="audit")
    with pytest.raises(NotAllowedError, match="suspended"):
        await come(store, openid.of_service())
    assert len(await tenant_events(store, "login.refused")) == 1


async def test_a_token_that_is_not_in_order_is_refused_and_that_is_in_the_log(
    store: SqliteStore, openid: OpenId
) -> None:
    token = openid.sign({"sub": "ada", "aud": AUDIENCE, "exp": 1})
    with pytest.raises(SignInError, match="expired"):
        await come(store, token)
    (event,) = await tenant_events(store, "login.refused")
    assert event.body["credential"] == f"token:{openid.issuer}"


async def test_a_provider_is_trusted_by_the_tenant_that_says_so_and_by_no_other(
    store: SqliteStore, openid: OpenId
) -> None:
    with pytest.raises(SignInError, match="does not trust"):
        await come(store, openid.of_person("ada"), ELSEWHERE)
    await providers.distrust(store, openid.issuer, by=ADMIN)
    with pytest.raises(SignInError, match="does not trust"):
        await come(store, openid.of_person("ada"))
    with pytest.raises(NotFoundError):
        await providers.distrust(store, openid.issuer, by=ADMIN)


async def test_only_an_administrator_says_whom_to_trust(store: SqliteStore, openid: OpenId) -> None:
    with pytest.raises(NotAllowedError):
        await providers.trust(store, openid.provider, by=ADA)
    with pytest.raises(NotAllowedError):
        await providers.distrust(store, openid.issuer, by=ADA)


async def test_two_providers_never_name_the_same_principal(store: SqliteStore) -> None:
    second = Provider("https://id.test", (AUDIENCE,), prefix="acme-")
    with pytest.raises(InputError, match="might name the same principals"):
        await providers.trust(store, second, by=ADMIN)
    third = Provider("https://other.test", (AUDIENCE,), prefix="other-")
    await providers.trust(store, third, by=ELSEWHERE)
    assert await providers.trust(store, second, by=ELSEWHERE)
    assert not await providers.trust(store, second, by=ELSEWHERE)


async def test_logins_with_one_token_are_one_event_and_another_token_is_another(
    store: SqliteStore, openid: OpenId
) -> None:
    await administration.enter(store, "service:billing", by=ADMIN)
    first, second = openid.of_service(), openid.of_service()
    for token in (first, first, second):
        await come(store, token)
    logins = await tenant_events(store, "login")
    assert len({event.body["mark"] for event in logins}) == 2
