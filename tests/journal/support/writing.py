"""What a kernel does to a store, in as few words as a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from ripieno.journal.records import (
    Change,
    Draft,
    EndChange,
    Lease,
    Message,
    MessageKind,
    NewRun,
    QuestionChange,
)
from ripieno.journal.store import Created, Store
from ripieno.model.event import Event, Json, Kind
from ripieno.model.ids import new_id
from ripieno.model.value import encode

__all__ = [
    "AT",
    "answer",
    "appended",
    "ask",
    "begin",
    "beginning",
    "committed",
    "end",
    "keep",
    "owned",
    "step",
    "until",
    "write",
]

AT = 1_800_000_000_000_000
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.005

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look until there is something, for as long as the slowest machine may need."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (found := await look()) is None:  # noqa: ASYNC110 - nothing tells what another process does
            await asyncio.sleep(LOOK_SECONDS)
    return found


def beginning(
    store: Store,
    *,
    run: str | None = None,
    key: str | None = None,
    tenant: str = "default",
    workflow: str = "flow",
    version: str = "v1",
    value: object = "input",
    own: bool = True,
    again: bool = False,
) -> Awaitable[Created]:
    """Ask for a run, as soon as this is called."""
    run = run or new_id()
    keys = store.new_key(bytes.fromhex(run))
    data = encode(value)
    commitment = keys[1].commit(data)
    new = NewRun(run, tenant, workflow, version, "person:ada", key, AT, again=again)
    body: dict[str, Json] = {
        "workflow": workflow,
        "version": version,
        "principal": "person:ada",
        "tenant": tenant,
        "key": key,
        "requested": AT,
        "input": commitment.hex(),
    }
    return store.create(new, keys, [("run.started", "", body)], [(commitment, data)], own=own)


async def begin(
    store: Store, *, tenant: str = "default", version: str = "v1", key: str | None = None, own: bool = True
) -> str:
    """Create a run and give its id."""
    return (await beginning(store, tenant=tenant, version=version, key=key, own=own)).row.id


async def owned(store: Store, *, value: object = "input") -> Lease:
    """Create a run that this store owns."""
    lease = (await beginning(store, value=value)).lease
    assert lease is not None, "asked for as an owner"
    return lease


def keep(lease: Lease, value: object) -> tuple[bytes, bytes]:
    """Give a value with its commitment, as it is handed over with an event."""
    data = encode(value)
    return lease.key.commit(data), data


def step(
    lease: Lease,
    path: str = "step@1",
    *,
    kind: Kind = "step",
    body: Mapping[str, Json] | None = None,
    output: object = None,
    change: Change | None = None,
    if_seen: int | None = None,
) -> Draft:
    """Draft an event, its output beside it where there is one."""
    payloads: tuple[tuple[bytes, bytes], ...] = ()
    document: dict[str, Json] = dict(body or {})
    if output is not None:
        payloads = (keep(lease, output),)
        document["output"] = payloads[0][0].hex()
    return Draft(lease, AT, kind, path, document, payloads, change, if_seen)


async def write(store: Store, *drafts: Draft) -> list[str]:
    """Hand over events and give what became of each."""
    for draft in drafts:
        store.append(draft)
    for draft in drafts:
        await store.durable(draft)
    return [draft.state for draft in drafts]


async def appended(store: Store, draft: Draft) -> Draft:
    """Hand over an event and wait for it."""
    store.append(draft)
    await store.durable(draft)
    return draft


async def ask(store: Store, lease: Lease, path: str = "ask@1", *, due_at: int | None = None) -> str:
    """Write a question and give its id."""
    question = f"{lease.run}/{path}"
    content = keep(lease, {"title": "May it?"})
    change = QuestionChange(question, "task", "clinician", content[0].hex(), due_at)
    body: dict[str, Json] = {
        "what": "task",
        "role": "clinician",
        "question": question,
        "content": content[0].hex(),
    }
    if due_at is not None:
        body["due"] = due_at
    draft = Draft(lease, AT, "asked", path, body, (content,), change)
    assert await write(store, draft) == ["written"]
    return question


def end(lease: Lease, *, if_seen: int | None = None) -> Draft:
    """Draft the end of a run."""
    body: dict[str, Json] = {"outcome": {"status": "complete"}}
    return Draft(lease, AT, "run.ended", "", body, (), EndChange("complete"), if_seen)


def answer(
    run: str,
    question: str | None = None,
    *,
    by: str = "person:ada",
    kind: MessageKind | None = None,
    content: str | None = None,
    id: str | None = None,  # noqa: A002 - the message's own field
) -> Message:
    """Give a message to a run; an answer when it names a question, else a cancellation."""
    path = "" if question is None else question.partition("/")[2]
    kind = kind or ("cancel" if question is None else "answer")
    return Message(id or new_id(), run, kind, by, AT, question, path, content)


async def committed(store: Store, run: str) -> list[Event]:
    """Give every committed event of a run."""
    return list(await store.events(run))
