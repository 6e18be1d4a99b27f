"""OpenAI's client, sending messages and tools as they are: it need not look through what is JSON already.

It looks at each part of each message once for every type that a message may have, and finds nothing to
translate; that takes longer than all else that a request costs here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

__all__ = ["sent_plainly"]

PLAIN: Final = ("messages", "input", "tools")
"""What of a request is as long as the conversation, and has no field that is sent in another form."""

Create = Callable[..., Awaitable[Any]]


def sent_plainly(client: Any) -> None:
    """Let a client of OpenAI send these as they are given to it, which is what it sends in any case."""
    for interface in (client.chat.completions, client.responses):
        interface.create = plainly(interface.create)


def plainly(create: Create) -> Create:
    """Give what is plain among the fields that are sent as they are; each keeps its place."""

    async def sent(*, extra_body: Any = None, **asked: Any) -> Any:
        plain = {name: asked[name] for name in PLAIN if isinstance(asked.get(name), list)}
        places = dict.fromkeys(plain, ())
        return await create(**{**asked, **places}, extra_body={**plain, **(extra_body or {})})

    return sent
