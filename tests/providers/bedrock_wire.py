"""Amazon Bedrock's wire format: converse."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from providers.replies import Asked, Broken, Calls, Refuses, Says, Thinks

__all__ = ["asked_in", "error", "events", "message"]


def texts(content: Any) -> str:
    """Give the text of a message's content, results of tools included."""
    found: list[str] = []
    for one in content:
        if "text" in one:
            found.append(one["text"])
        elif "json" in one:
            found.append(json.dumps(one["json"]))
        elif "toolResult" in one:
            found.append(texts(one["toolResult"]["content"]))
    return " ".join(found)


def asked_in(body: Mapping[str, Any], model: str, key: str, *, streamed: bool) -> Asked:
    """Read a request."""
    said = [one for one in body["messages"] if one["role"] != "assistant"]
    offered: Any = body.get("toolConfig") or {}
    tools = [str(one["toolSpec"]["name"]) for one in offered.get("tools", ())]
    text = "\n".join([texts(body.get("system") or ()), *(texts(one["content"]) for one in said)])
    return Asked("bedrock", model, len(body["messages"]) - len(said), text, tools, body, streamed, key)


def blocks(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> list[dict[str, Any]]:
    said = reply.then if isinstance(reply, Thinks) else reply
    content: list[dict[str, Any]] = []
    if isinstance(reply, Thinks):
        thought = {"text": reply.thought, "signature": "c2lnbmVk"}
        content.append({"reasoningContent": {"reasoningText": thought}})
    text = said.why if isinstance(said, Refuses) else said.text
    if text:
        content.append({"text": text})
    for number, (name, given) in enumerate(said.calls if isinstance(said, Calls) else ()):
        use: dict[str, Any] = {
            "toolUseId": f"tooluse_{asked.turn}_{number}",
            "name": name,
            "input": {} if isinstance(given, str) else given,
        }
        content.append({"toolUse": use})
    return content


def stopped(reply: Says | Calls | Thinks | Refuses) -> str:
    said = reply.then if isinstance(reply, Thinks) else reply
    if isinstance(said, Refuses):
        return "guardrail_intervened"
    return "tool_use" if isinstance(said, Calls) else "end_turn"


def usage(reply: Says | Calls | Thinks | Refuses) -> dict[str, int]:
    said = reply.then if isinstance(reply, Thinks) else reply
    sent, written = (100, 5) if isinstance(said, Refuses) else said.tokens
    return {"inputTokens": sent, "outputTokens": written, "totalTokens": sent + written}


def message(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> dict[str, Any]:
    """Give a response."""
    return {
        "output": {"message": {"role": "assistant", "content": blocks(asked, reply)}},
        "stopReason": stopped(reply),
        "usage": usage(reply),
        "metrics": {"latencyMs": 10},
    }


def events(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> Iterator[bytes]:
    """Give the same as a stream of events, framed as AWS frames them."""
    yield framed("messageStart", {"role": "assistant"})
    for index, block in enumerate(blocks(asked, reply)):
        here = {"contentBlockIndex": index}
        if "toolUse" in block:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield framed("contentBlockStart", {**here, "start": start})
            given = json.dumps(use["input"])
            for part in (given[: len(given) // 2], given[len(given) // 2 :]):
                yield framed("contentBlockDelta", {**here, "delta": {"toolUse": {"input": part}}})
        elif "text" in block:
            for word in block["text"].split(" "):
                yield framed("contentBlockDelta", {**here, "delta": {"text": f"{word} "}})
        else:
            thought = block["reasoningContent"]["reasoningText"]
            for delta in ({"text": thought["text"]}, {"signature": thought["signature"]}):
                yield framed("contentBlockDelta", {**here, "delta": {"reasoningContent": delta}})
        yield framed("contentBlockStop", here)
    yield framed("messageStop", {"stopReason": stopped(reply)})
    yield framed("metadata", {"usage": usage(reply), "metrics": {"latencyMs": 10}})


def framed(kind: str, body: Mapping[str, Any]) -> bytes:
    """Frame one event: lengths, their checksum, headers, payload, and the checksum of it all."""
    payload = json.dumps(body).encode()
    named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in named.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude))
    whole = checked + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def error(reply: Broken) -> dict[str, Any]:
    """Give an error; its kind stands in a header."""
    return {"message": reply.message}


ERRORS: Mapping[int, str] = {
    400: "ValidationException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
"""What errors are called, by their status."""
