"""A secret is opened for one call, by the platform alone; without it nothing is sent."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import asked, begin, ended, events, parked, serving
from ripieno import (
    AuthenticationError,
    Call,
    Context,
    Function,
    Secret,
    SecretError,
    Workflow,
    single_agent,
    tool,
    use_tool,
)
from ripieno.connectors.tool import Tool
from ripieno.mediation.secrets import SECRETS, Provider, Reference, Secrets
from ripieno.model.errors import DefinitionError


class Shelf(Provider):
    """Gives one value after another, and counts."""

    name = "shelf"
    shape = "secret://shelf/name"

    def __init__(self) -> None:
        self.values: list[str | Exception] = []
        self.asked = 0

    def fits(self, reference: Reference) -> bool:
        return reference.field is None

    def read(self, reference: Reference) -> str:
        del reference
        self.asked += 1
        value = self.values[0] if len(self.values) == 1 else self.values.pop(0)
        if isinstance(value, Exception):
            raise value
        return value


@pytest.fixture
def shelf() -> Shelf:
    kept = Shelf()
    SECRETS.provide(kept)
    SECRETS.forget()
    return kept


def using(one: Tool, name: str = "desk", **arguments: Any) -> Workflow:
    async def use(given: object, context: Context) -> object:
        del given
        return await context.use(one, **arguments)

    return Workflow("using", Function(use, name=name, pure=True))


def with_key(function: Any, **settings: Any) -> Tool:
    return tool(function, secrets={"key": "secret://shelf/pay"}, **settings)


async def test_the_function_receives_what_the_reference_stands_for(tmp_path: Path, shelf: Shelf) -> None:
    shelf.values = ["opened at last"]
    seen: list[str] = []

    def pay(amount: int, key: Secret, call: Call) -> str:
        seen.append(key.reveal())
        return f"{amount} {call.attempt} {key.reference}"

    workflow = using(with_key(pay), amount=3)
    assert shelf.asked == 0, "declaring it opens nothing"
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == "3 1 secret://shelf/pay"
    assert seen == ["opened at last"]


async def test_what_cannot_be_opened_is_a_failure_before_the_call_and_never_a_doubt(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.values = [RuntimeError("the value is 12345678")]
    called: list[int] = []

    def pay(key: Secret) -> None:
        called.append(len(key.reveal()))

    workflow = using(with_key(pay, attempts=1))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        [result] = await events(host, run, "result")
    assert outcome.status == "failed"
    assert "secret://shelf/pay cannot be had: its provider raised RuntimeError" in str(outcome.reason)
    assert "12345678" not in str(outcome.reason)
    assert (result.body["status"], result.body["how"]) == ("failed", "unready")
    assert called == []


async def test_a_call_that_is_owed_waits_for_its_secret_however_often_it_cannot_be_had(
    tmp_path: Path, shelf: Shelf
) -> None:
    booked: dict[str, int] = {}

    def pay(key: Secret, call: Call) -> int:
        if not booked and key:
            booked[call.key] = 1
            SECRETS.forget()
            raise ConnectionError
        return booked[call.key]

    workflow = using(with_key(pay, on_uncertain="retry", attempts=9))
    shelf.values = ["the first key", RuntimeError(), RuntimeError(), "the first key"]
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        results = await events(host, run, "result")
    assert outcome.output == 1
    assert [(one.body["status"], one.body["how"]) for one in results] == [
        ("uncertain", "called"),
        ("again", "key"),
        ("unsent", "unready"),
        ("unsent", "unready"),
        ("done", "called"),
    ]


class Unauthorised(Exception):  # noqa: N818 - named as some clients do
    """What an HTTP client raises, its answer with it."""

    def __init__(self) -> None:
        super().__init__("401")
        self.response = self
        self.status_code = 401


@pytest.mark.parametrize(
    "error", [AuthenticationError("expired"), Unauthorised()], ids=["ours", "an HTTP client's"]
)
async def test_a_call_whose_secret_was_replaced_is_made_once_more_with_the_new_one(
    tmp_path: Path, shelf: Shelf, error: Exception
) -> None:
    shelf.values = ["the old password", "the new password"]
    tried: list[str] = []

    def pay(key: Secret) -> str:
        tried.append(key.reveal())
        if key.reveal() == "the old password":
            raise error
        return "paid"

    workflow = using(with_key(pay))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        [result] = await events(host, run, "result")
    assert outcome.output == "paid"
    assert tried == ["the old password", "the new password"]
    assert result.body["attempt"] == 1


@pytest.mark.parametrize(
    ("values", "tries"), [(["always refused"], 1), (["refused once", "refused twice", "never asked for"], 2)]
)
async def test_a_call_that_is_refused_all_the_same_had_no_effect_and_is_in_no_doubt(
    tmp_path: Path, shelf: Shelf, values: list[str | Exception], tries: int
) -> None:
    shelf.values = values
    tried: list[str] = []

    def pay(key: Secret) -> None:
        tried.append(key.reveal())
        raise Unauthorised

    workflow = using(with_key(pay, attempts=1))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        [result] = await events(host, run, "result")
    assert outcome.status == "failed"
    assert "its secret was refused (Unauthorised)" in str(outcome.reason)
    assert result.body["status"] == "failed"
    assert len(tried) == tries


async def test_any_other_error_is_judged_as_ever(tmp_path: Path, shelf: Shelf) -> None:
    shelf.values = ["the old password", "the new password"]

    def pay(key: Secret) -> None:
        if key.reveal() == "the old password":
            raise AuthenticationError("expired")  # noqa: EM101
        raise ConnectionError

    workflow = using(with_key(pay))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        question = await asked(host, run)
        assert question.kind == "uncertain"


async def test_whoever_proposes_a_call_cannot_give_what_the_platform_gives(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.values = ["opened at last"]

    def pay(key: Secret) -> None:
        raise AssertionError(key)

    workflow = using(with_key(pay), key="my own and confidential")
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        assert "key is given by the platform, never by who calls" in str(outcome.reason)
        assert await events(host, run, "intent") == []
        [refused] = await events(host, run, "checked")
        assert "redacted" not in refused.body


async def test_an_agent_is_told_that_it_cannot_give_it(tmp_path: Path, shelf: Shelf) -> None:
    shelf.values = ["opened at last"]

    def pay(amount: int, key: Secret) -> str:
        return f"{amount} paid" if key else ""

    seen: list[Any] = []

    def agent(turn: Any) -> Any:
        seen.append(turn["results"])
        given: list[Any] = [{"amount": 1, "key": "guessed"}, {"amount": 1}]
        return use_tool("pay", given[turn["round"] - 1]) if turn["round"] <= 2 else "done"

    workflow = Workflow("asks", single_agent(Function(agent, pure=True), tools=[with_key(pay)]))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == "done"
    assert seen[1][0]["error"] is True
    assert seen[2][0] == {"tool": "pay", "error": False, "result": "1 paid"}


async def test_a_verification_and_an_undo_have_the_secrets_that_they_take(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.values = ["opened at last"]
    seen: list[str] = []

    def find(what: str, key: Secret) -> str:
        seen.append(f"find {what} {key.reveal()}")
        return "found"

    def book(what: str, key: Secret) -> None:
        raise ConnectionError(what, key)

    def find_without(what: str) -> str:
        seen.append(f"find {what}")
        return "found"

    async def use(given: object, context: Context) -> object:
        del given
        first = await context.use(with_key(book, on_uncertain=find), what="a")
        return [first, await context.use(with_key(book, on_uncertain=find_without), what="b")]

    workflow = Workflow("verified", Function(use, name="desk", pure=True))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == ["found", "found"]
    assert seen == ["find a opened at last", "find b"]
    again = with_key(book)
    assert again.undo_arguments({"what": "a"}, None) == {"what": "a"}


# -- what is kept, and for how long ---------------------------------------------------------------------


async def test_many_calls_at_once_ask_once_and_a_minute_later_again(shelf: Shelf) -> None:
    now = [0.0]
    secrets = Secrets(clock=lambda: now[0])
    secrets.provide(shelf)
    shelf.values = ["the first value", "the second value"]
    reference = secrets.reference("secret://shelf/pay")
    opened = await asyncio.gather(*(secrets.open(reference) for _ in range(20)))
    assert shelf.asked == 1
    assert {secret.reveal() for secret in opened} == {"the first value"}
    now[0] = 59.0
    assert (await secrets.open(reference)).reveal() == "the first value"
    now[0] = 60.0
    assert (await secrets.open(reference)).reveal() == "the second value"


async def test_a_provider_that_does_not_answer_is_given_up() -> None:
    over = threading.Event()

    class Slow(Shelf):
        def read(self, reference: Reference) -> str:
            del reference
            over.wait(10)
            return "too late to count"

    secrets = Secrets(timeout=0.01)
    secrets.provide(Slow())
    with pytest.raises(SecretError, match=r"no answer in 0\.01 s"):
        await secrets.open(secrets.reference("secret://shelf/pay"))
    over.set()


async def test_a_secret_too_short_to_be_kept_out_of_the_log_is_refused(shelf: Shelf) -> None:
    shelf.values = ["1234567"]
    with pytest.raises(SecretError, match="fewer than 8 bytes") as refused:
        await SECRETS.open(SECRETS.reference("secret://shelf/pin"))
    assert "1234567" not in str(refused.value)


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("secret://env/KEY", "do not show this")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", "%s" % secret, str([secret])]  # noqa: UP031 - one of the ways
    assert all("do not show this" not in one and "secret://env/KEY" in one for one in shown)
    for refused in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            refused(secret)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": secret})["a"] is secret
    assert not hasattr(secret, "__dict__")


# -- mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({"kye": "secret://env/KEY"}, r"secret 'kye': no parameter of that name \(did you mean 'key'\?\)"),
        ({"key": "hunter2hunter2"}, r"secret 'key': expected a reference such as secret://provider/name"),
        ({"key": "secret://evn/KEY"}, r"no provider of secrets is called 'evn' \(did you mean 'env'\?\)"),
        ({"key": "secret://env/NOT-A-NAME"}, "is no reference of 'env'\n  it looks like secret://env/NAME"),
        ({"key": "secret://env/KEY#field"}, "is no reference of 'env'"),
        ({"key": "secret://env/KEY with spaces"}, "in printable ASCII without spaces"),
        ({"key": 7}, "expected a reference"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_and_repeats_no_value(
    secrets: dict[str, Any], said: str
) -> None:
    def pay(key: Secret) -> None:
        del key

    with pytest.raises(DefinitionError, match=said) as refused:
        tool(pay, secrets=secrets)
    assert "hunter2" not in str(refused.value)
