"""What a server asks of a model: put to the one that the project names, as a step of the run, else refused.

By the protocol of 2026-07-28 such a request stands in a result, as what is asked of people does; before, it
comes within the call (`asking.py`). The specification keeps both, and advises against them in new servers
(SEP-2577): a server then has a key of its own for a model.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.connectors.mcp.definition import canonical
from ripieno.connectors.mcp.server import Sampling

if TYPE_CHECKING:
    from mcp_types import CreateMessageRequestParams

__all__ = ["NOT_HAD", "prompt_digest", "prompt_of"]

NOT_HAD: Final = -1
"""What a server is told in place of an answer (specification: "User rejected sampling request")."""

PLAIN: Final = frozenset({"text", "image", "audio"})
"""What a prompt may consist of; anything else is of calls of tools, which no server is offered."""


def prompt_of(params: CreateMessageRequestParams, sampling: Sampling) -> dict[str, Any] | str:
    """Give what a model would be asked, within what the project lets a server have; or why it is not asked.

    What the server would like to be added, or which model, is passed over, as the specification lets it be.
    """
    if params.tools or params.tool_choice is not None or params.task is not None:
        return "it asks for a model that calls tools, or for a task, which it was not offered"
    messages: list[dict[str, Any]] = []
    for message in params.messages:
        parts = [
            one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in message.content_as_list
        ]
        objection = next(filter(None, (objection_to(one, message.role) for one in parts)), None)
        if objection is not None:
            return objection
        plain = [
            {name: one[name] for name in ("type", "text", "data", "mimeType") if name in one} for one in parts
        ]
        messages.append({"role": message.role, "content": plain})
    if not messages or params.max_tokens < 1:
        return "it asks for nothing"
    prompt: dict[str, Any] = {"messages": messages, "max_tokens": min(params.max_tokens, sampling.max_tokens)}
    more = {"system": params.system_prompt, "temperature": params.temperature, "stop": params.stop_sequences}
    prompt |= {name: value for name, value in more.items() if value is not None}
    length = len(canonical(prompt))
    if length > sampling.max_bytes:
        return f"its prompt has {length:,} bytes, and may have {sampling.max_bytes:,}"
    return prompt


def objection_to(part: Mapping[str, Any], role: str) -> str | None:
    """Say what is wrong with a part of a prompt."""
    if part["type"] not in PLAIN:
        return "its prompt holds calls of tools, which it was not offered"
    if part["type"] == "text":
        return None
    if role != "user":
        return "its prompt has a model say what is no text"
    try:
        base64.b64decode(part["data"], validate=True)
    except ValueError:
        return "its prompt holds what is no base64"
    return None


def prompt_digest(prompt: Mapping[str, Any]) -> str:
    """Give the same for the same prompt."""
    return hashlib.sha256(canonical(cast("dict[str, Any]", prompt))).hexdigest()[:24]
