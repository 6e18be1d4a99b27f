"""Putting a message into a run's inbox, with what was said committed to and stored beside it."""

from __future__ import annotations

from ripieno.journal.records import Message, MessageKind, QuestionRow, QuestionState
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal
from ripieno.model.value import encode

__all__ = ["send"]


async def send(
    store: Store,
    clock: Clock,
    run: str,
    *,
    by: Principal,
    kind: MessageKind,
    said: object,
    question: QuestionRow | None = None,
    closes: QuestionState | None = None,
    path: str = "",
    operation: str | None = None,
    behalf: str | None = None,
    checked: bool = False,
) -> None:
    """Send a message to a run; it is durable when this returns.

    `path` is what it is about, unless it answers a question: then it counts on `behalf` of whom it names,
    and, where it was `checked` whose the question is, raises `ChangedError` when it changed hands since.
    As part of an `operation` on many runs it has an id by which it reaches each run once, however often
    the operation is repeated.
    """
    payloads: list[tuple[bytes, bytes]] = []
    content: str | None = None
    if said is not None:
        data = encode(said)
        commitment = store.key(run).commit(data)
        payloads.append((commitment, data))
        content = commitment.hex()
    about = (None, path) if question is None else (question.id, question.path)
    name = new_id() if operation is None else f"{operation}:{run}:{about[1]}"
    message = Message(name, run, kind, by.id, clock.now(), about[0], about[1], content, target=behalf)
    revision = question.revision if question is not None and checked else None
    await store.send(message, payloads, closes=closes, revision=revision)
