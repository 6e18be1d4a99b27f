"""API keys: shown once, good for what they say until they expire or are revoked, each use attributable."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.people import ADA, ADMIN, ELSEWHERE, OWNER, opened, tenant_events, unsound
from kernel.scenarios.hand_clock import HandClock
from ripieno.identity import administration
from ripieno.identity.api_keys import create_key, narrowed, revoke_key
from ripieno.identity.credential import Credential
from ripieno.identity.sign_in import sign_in
from ripieno.journal.identity import KeyScope
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, SignInError
from ripieno.model.principal import Principal

HOUR = 3600 * 1_000_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    async with opened(tmp_path) as store:
        yield store


def files(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


async def with_key(
    store: SqliteStore, clock: HandClock, text: str, *, tenant: str | None = None
) -> Principal:
    return await sign_in(store, clock, OWNER, Credential("key", text), tenant=tenant)


async def test_whoever_has_a_key_comes_as_its_principal_with_the_roles_held_now(
    store: SqliteStore, clock: HandClock
) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN)
    assert (await with_key(store, clock, made.text)) == Principal("service", "billing")
    await administration.grant(store, "service:billing", ["biller", "reader"], by=ADMIN)
    assert (await with_key(store, clock, made.text)).roles == {"biller", "reader"}


async def test_a_key_never_widens_what_its_principal_may(store: SqliteStore, clock: HandClock) -> None:
    await administration.grant(store, "service:billing", ["biller"], by=ADMIN)
    scope = KeyScope(("biller", "treasurer"), ("invoices",), ("run.start",))
    made = await create_key(store, clock, "service:billing", by=ADMIN, scope=scope)
    came = await with_key(store, clock, made.text)
    assert came.roles == {"biller"}
    came.check_scope("run.start", "invoices")
    for act, workflow in (("run.command", "invoices"), ("run.start", "payroll"), ("identity.change", None)):
        with pytest.raises(NotAllowedError, match="not good for"):
            came.check_scope(act, workflow)


async def test_the_secret_of_a_key_is_kept_nowhere(
    store: SqliteStore, clock: HandClock, tmp_path: Path
) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN)
    secret = made.text.split("_", 2)[2]
    await with_key(store, clock, made.text)
    assert re.fullmatch(r"ripieno_[a-z2-7]{10}_[A-Za-z0-9_-]{43}", made.text)
    assert secret not in repr(made)
    assert secret not in repr(Credential("key", made.text))
    kept = files(tmp_path)
    assert len(kept) > 2
    assert not [data for data in kept if secret.encode() in data]


@pytest.mark.parametrize("change", ["other secret", "other id", "no key at all", "empty"])
async def test_what_is_no_key_is_refused_in_the_same_words_whatever_is_wrong(
    store: SqliteStore, clock: HandClock, change: str
) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN)
    texts = {
        "other secret": made.text[:-1] + ("A" if made.text[-1] != "A" else "B"),
        "other id": made.text.replace(made.row.id, "a" * 10),
        "no key at all": "Bearer x",
        "empty": "",
    }
    with pytest.raises(SignInError) as refused:
        await with_key(store, clock, texts[change])
    assert refused.value.message == "the API key is not known here"
    assert made.text.split("_", 2)[2] not in str(refused.value)


async def test_a_revoked_key_is_good_for_nothing_and_each_use_of_it_is_in_the_log(
    store: SqliteStore, clock: HandClock, tmp_path: Path
) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN, reason="for the month's end")
    assert await revoke_key(store, made.row.id, by=ADMIN, reason="leaked")
    assert not await revoke_key(store, made.row.id, by=ADMIN)
    for _ in range(2):
        with pytest.raises(SignInError, match="was revoked"):
            await with_key(store, clock, made.text)
    kinds = [event.kind for event in await tenant_events(store)]
    assert kinds == ["tenant.created", "key.created", "key.revoked", "login.refused", "login.refused"]
    refused = (await tenant_events(store, "login.refused"))[0]
    assert (refused.body["credential"], refused.body["principal"]) == (
        f"key:{made.row.id}",
        "service:billing",
    )
    assert unsound(tmp_path) == []


async def test_a_key_expires(store: SqliteStore, clock: HandClock) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN, expires_at=clock.now() + HOUR)
    await with_key(store, clock, made.text)
    clock.turn(3600)
    with pytest.raises(SignInError, match="expired"):
        await with_key(store, clock, made.text)
    with pytest.raises(InputError, match="expired from the beginning"):
        await create_key(store, clock, "service:billing", by=ADMIN, expires_at=clock.now())


async def test_a_suspended_principal_is_turned_away_and_gets_no_key(
    store: SqliteStore, clock: HandClock
) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN)
    await administration.suspend(store, "service:billing", by=ADMIN, reason="audit")
    with pytest.raises(NotAllowedError, match="suspended"):
        await with_key(store, clock, made.text)
    assert len(await tenant_events(store, "login.refused")) == 1
    with pytest.raises(NotAllowedError, match="suspended"):
        await create_key(store, clock, "service:billing", by=ADMIN)


async def test_logins_are_noted_once_an_hour(store: SqliteStore, clock: HandClock, tmp_path: Path) -> None:
    made = await create_key(store, clock, "service:billing", by=ADMIN)
    for minutes in (0, 1, 2, 60, 1):
        clock.turn(minutes * 60)
        await with_key(store, clock, made.text)
    assert len(await tenant_events(store, "login")) == 2
    (login,) = store.logins("default")
    assert (login.at % HOUR, login.principal) == (0, "service:billing")
    assert unsound(tmp_path) == []


async def test_a_key_is_of_its_tenant_and_no_other(store: SqliteStore, clock: HandClock) -> None:
    made = await create_key(store, clock, "service:billing", by=ELSEWHERE)
    assert (await with_key(store, clock, made.text)).tenant == "elsewhere"
    with pytest.raises(SignInError, match="not of tenant 'default'"):
        await with_key(store, clock, made.text, tenant="default")
    assert store.keys("default") == []
    with pytest.raises(NotFoundError):
        await revoke_key(store, made.row.id, by=OWNER)


async def test_a_persons_key_is_made_by_that_person(store: SqliteStore, clock: HandClock) -> None:
    with pytest.raises(NotAllowedError, match="acts as them"):
        await create_key(store, clock, "ada", by=ADMIN)
    made = await create_key(store, clock, "ada", by=ADA)
    with pytest.raises(NotAllowedError, match="administrator"):
        await create_key(store, clock, "service:billing", by=ADA)
    with pytest.raises(NotAllowedError, match="administrator"):
        await revoke_key(store, made.row.id, by=Principal("person", "bob"))
    assert await revoke_key(store, made.row.id, by=ADA)


async def test_whoever_comes_with_a_key_makes_none_that_is_wider(
    store: SqliteStore, clock: HandClock
) -> None:
    scope = KeyScope(acts=("run.start", "identity.change"))
    first = await create_key(store, clock, "ada", by=ADA, scope=scope)
    came = await with_key(store, clock, first.text)
    second = await create_key(store, clock, "ada", by=came, scope=KeyScope(workflows=("payroll",)))
    assert second.row.scope == KeyScope(workflows=("payroll",), acts=("identity.change", "run.start"))
    with pytest.raises(NotAllowedError, match="about all of the tenant"):
        await create_key(store, clock, "ada", by=await with_key(store, clock, second.text))
    third = await create_key(store, clock, "ada", by=ADA, scope=KeyScope(acts=("run.start",)))
    with pytest.raises(NotAllowedError, match=r"not good for identity\.change"):
        await create_key(store, clock, "ada", by=await with_key(store, clock, third.text))


async def test_an_act_that_there_is_not_is_refused_with_the_nearest(
    store: SqliteStore, clock: HandClock
) -> None:
    with pytest.raises(InputError, match=r"did you mean 'run\.start'"):
        await create_key(store, clock, "ada", by=ADA, scope=KeyScope(acts=("runs.start",)))


NAMES = st.frozensets(st.sampled_from("abc"))


@settings(max_examples=50)
@given(NAMES | st.none(), NAMES | st.none())
def test_what_two_scopes_allow_is_what_both_do(
    wanted: frozenset[str] | None, own: frozenset[str] | None
) -> None:
    both = narrowed(None if wanted is None else tuple(wanted), own)
    for name in "abc":
        allowed = (wanted is None or name in wanted) and (own is None or name in own)
        assert (both is None or name in both) == allowed
