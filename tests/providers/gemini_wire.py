"""Gemini's wire format: generateContent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.replies import Asked, Broken, Calls, Refuses, Says, Thinks

__all__ = ["asked_in", "content", "error", "events"]


def texts(parts: Any) -> str:
    """Give the text of parts, results of functions included."""
    return " ".join(
        str(one.get("text") or json.dumps(one.get("functionResponse", {}).get("response", "")))
        for one in parts
    )


def asked_in(body: Mapping[str, Any], model: str, key: str, *, streamed: bool) -> Asked:
    """Read a request."""
    own = [one for one in body["contents"] if one.get("role") == "model"]
    said = [one for one in body["contents"] if one.get("role") != "model"]
    instruction: Any = body.get("systemInstruction") or {}
    told: Any = instruction.get("parts", ())
    tools = [
        declared["name"]
        for tool in body.get("tools") or ()
        for declared in tool.get("functionDeclarations") or ()
    ]
    text = "\n".join([texts(told), *(texts(one["parts"]) for one in said)])
    return Asked("google", model, len(own), text, tools, body, streamed, key)


def content(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> dict[str, Any]:
    """Give a response."""
    said = reply.then if isinstance(reply, Thinks) else reply
    parts: list[dict[str, Any]] = []
    if isinstance(reply, Thinks):
        parts.append({"text": reply.thought, "thought": True})
    if isinstance(said, Refuses):
        return {
            "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": said.why},
            "candidates": [],
            "usageMetadata": {"promptTokenCount": 100, "totalTokenCount": 100},
            "modelVersion": f"{asked.model}-001",
            "responseId": f"resp-{asked.turn}",
        }
    if said.text:
        parts.append({"text": said.text})
    calls = said.calls if isinstance(said, Calls) else ()
    parts.extend(
        {"functionCall": {"name": name, "args": {} if isinstance(given, str) else given}}
        for name, given in calls
    )
    sent, written = said.tokens
    return {
        "candidates": [
            {"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"},
        ],
        "usageMetadata": {
            "promptTokenCount": sent,
            "candidatesTokenCount": written,
            "totalTokenCount": sent + written,
        },
        "modelVersion": f"{asked.model}-001",
        "responseId": f"resp-{asked.turn}",
    }


def events(asked: Asked, reply: Says | Calls | Thinks | Refuses) -> Iterator[str]:
    """Give the same as a stream of events, a part in each."""
    whole = content(asked, reply)
    candidates: list[Any] = whole["candidates"]
    parts: list[Any] = candidates[0]["content"]["parts"] if candidates else []
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": [part]}}
        if last:
            candidate["finishReason"] = "STOP"
        yield f"data: {json.dumps({**whole, 'candidates': [candidate]})}\r\n\r\n"
    if not parts:
        yield f"data: {json.dumps(whole)}\r\n\r\n"


def error(reply: Broken) -> dict[str, Any]:
    """Give an error."""
    kinds = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
    status = kinds.get(reply.status, "INTERNAL")
    return {"error": {"code": reply.status, "message": reply.message, "status": status}}
