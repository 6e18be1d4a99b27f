"""Anthropic's wire format: messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.replies import Asked, Broken, Calls, Refuses, Says, Thinks

__all__ = ["asked_in", "error", "events", "message"]


def texts(content: Any) -> str:
    """Give the text of a message's content, results of tools included."""
    if isinstance(content, str):
        return content
    return " ".join(str(one.get("text") or texts(one.get("content") or ())) for one in content)


def asked_in(body: Mapping[str, Any], key: str) -> Asked:
    """Read a request."""
    said = [one for one in body["messages"] if one["role"] != "assistant"]
    return Asked(
        "anthropic",
        body["model"],
        len(body["messages"]) - len(said),
        "\n".join([texts(body.get("system", "")), *(texts(one["content"]) for one in said)]),
        [tool["name"] for tool in body.get("tools", ())],
        body,
        bool(body.get("stream")),
        key,
    )


def message(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> dict[str, Any]:
    """Give a message."""
    content: list[dict[str, Any]] = []
    said = reply.then if isinstance(reply, Thinks) else reply
    if isinstance(reply, Thinks):
        content.append({"type": "thinking", "thinking": reply.thought, "signature": "c2lnbmVk"})
    text = said.why if isinstance(said, Refuses) else said.text
    if text:
        content.append({"type": "text", "text": text})
    calls = said.calls if isinstance(said, Calls) else ()
    content.extend(
        {
            "type": "tool_use",
            "id": f"toolu_{asked.turn}_{number}",
            "name": name,
            "input": given if not isinstance(given, str) else {},
        }
        for number, (name, given) in enumerate(calls)
    )
    sent, written = (100, 5) if isinstance(said, Refuses) else said.tokens
    return {
        "id": f"msg_{asked.turn}",
        "type": "message",
        "role": "assistant",
        "model": f"{asked.model}-20260101",
        "content": content,
        "stop_reason": "refusal" if isinstance(said, Refuses) else "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": sent,
            "output_tokens": written,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        },
    }


def events(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> Iterator[str]:
    """Give the same as a stream of events."""
    whole = message(asked, reply)

    def event(kind: str, **more: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

    yield event("message_start", message={**whole, "content": [], "stop_reason": None})
    for index, block in enumerate(whole["content"]):
        empty: dict[str, Any] = {**block, **EMPTY[block["type"]]}
        yield event("content_block_start", index=index, content_block=empty)
        for delta in deltas(block):
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=ended, usage={"output_tokens": whole["usage"]["output_tokens"]})
    yield event("message_stop")


EMPTY: Mapping[str, Mapping[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


def deltas(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give one block in pieces."""
    if block["type"] == "text":
        for word in block["text"].split(" "):
            yield {"type": "text_delta", "text": f"{word} "}
    elif block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        given = json.dumps(block["input"])
        for part in (given[: len(given) // 2], given[len(given) // 2 :]):
            yield {"type": "input_json_delta", "partial_json": part}


def error(reply: Broken) -> dict[str, Any]:
    """Give an error."""
    kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
    kind = kinds.get(reply.status, "api_error" if reply.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": reply.message}}
