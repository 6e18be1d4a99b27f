"""OpenAI's wire formats: chat completions and responses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.replies import Asked, Broken, Calls, Refuses, Says, Thinks

__all__ = ["chat", "chat_asked", "chat_events", "error", "responses", "responses_asked", "responses_events"]

Answer = Says | Calls | Thinks | Refuses


def text_of(content: Any) -> str:
    """Give the text of a message's content."""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content or ())


def chat_asked(body: Mapping[str, Any], key: str) -> Asked:
    """Read a request of chat completions."""
    messages = body["messages"]
    return Asked(
        "openai",
        body["model"],
        sum(one["role"] == "assistant" for one in messages),
        "\n".join(text_of(one.get("content")) for one in messages if one["role"] != "assistant"),
        [tool["function"]["name"] for tool in body.get("tools", ())],
        body,
        bool(body.get("stream")),
        key,
    )


def calls_of(asked: Asked, reply: Answer) -> list[dict[str, Any]]:
    found = reply.then if isinstance(reply, Thinks) else reply
    return [
        {
            "id": f"call_{asked.turn}_{number}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(found.calls if isinstance(found, Calls) else ())
    ]


def said_in(reply: Answer) -> str:
    found = reply.then if isinstance(reply, Thinks) else reply
    return "" if isinstance(found, Refuses) else found.text


def usage_of(reply: Answer) -> tuple[int, int]:
    found = reply.then if isinstance(reply, Thinks) else reply
    return (100, 5) if isinstance(found, Refuses) else found.tokens


def chat(asked: Asked, reply: Answer) -> dict[str, Any]:
    """Give a chat completion."""
    calls = calls_of(asked, reply)
    sent, written = usage_of(reply)
    message: dict[str, Any] = {"role": "assistant", "content": said_in(reply) or None}
    if calls:
        message["tool_calls"] = calls
    if isinstance(reply, Refuses):
        message["refusal"] = reply.why
    if isinstance(reply, Thinks):
        message["reasoning_content"] = reply.thought
    return {
        "id": f"chatcmpl-{asked.turn}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{asked.model}-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if calls else "stop",
                "logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": sent,
            "completion_tokens": written,
            "total_tokens": sent + written,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def chat_events(asked: Asked, reply: Answer) -> Iterator[str]:
    """Give the same as a stream of events."""
    whole = chat(asked, reply)
    message = whole["choices"][0]["message"]

    def event(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> str:
        chunk = {
            "id": whole["id"],
            "object": "chat.completion.chunk",
            "created": whole["created"],
            "model": whole["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            **more,
        }
        return f"data: {json.dumps(chunk)}\n\n"

    yield event({"role": "assistant", "content": ""})
    if "reasoning_content" in message:
        yield event({"reasoning_content": message["reasoning_content"]})
    for word in (message["content"] or "").split(" ") if message["content"] else ():
        yield event({"content": f"{word} "})
    for number, call in enumerate(message.get("tool_calls", ())):
        given = call["function"]["arguments"]
        half = len(given) // 2
        yield event(
            {"tool_calls": [{"index": number, **call, "function": {**call["function"], "arguments": ""}}]}
        )
        for part in (given[:half], given[half:]):
            yield event({"tool_calls": [{"index": number, "function": {"arguments": part}}]})
    if "refusal" in message:
        yield event({"refusal": message["refusal"]})
    yield event({}, whole["choices"][0]["finish_reason"])
    last: dict[str, Any] = {**json.loads(event({})[6:]), "choices": [], "usage": whole["usage"]}
    yield f"data: {json.dumps(last)}\n\n"
    yield "data: [DONE]\n\n"


def responses_asked(body: Mapping[str, Any], key: str) -> Asked:
    """Read a request of the responses interface."""
    given = body["input"]
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
    answers = [one for one in items if one.get("role") == "assistant" or one.get("type") == "function_call"]
    turn = 0
    before = False
    for one in items:  # what stands together was one response
        own = one in answers or one.get("type") == "reasoning"
        turn += own and not before
        before = own
    texts = [one.get("output") or text_of(one.get("content")) for one in items if one not in answers]
    return Asked(
        "openai",
        body["model"],
        turn,
        "\n".join([body.get("instructions") or "", *map(str, texts)]),
        [tool["name"] for tool in body.get("tools") or () if tool["type"] == "function"],
        body,
        bool(body.get("stream")),
        key,
    )


def output_of(asked: Asked, reply: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if isinstance(reply, Thinks):
        summary = [{"type": "summary_text", "text": reply.thought}]
        items.append({"type": "reasoning", "id": f"rs_{asked.turn}", "summary": summary})
    said = said_in(reply)
    content: list[dict[str, Any]] = []
    if said:
        content.append({"type": "output_text", "text": said, "annotations": []})
    if isinstance(reply, Refuses):
        content.append({"type": "refusal", "refusal": reply.why})
    if content:
        items.append(
            {
                "type": "message",
                "id": f"msg_{asked.turn}",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        )
    items.extend(
        {
            "type": "function_call",
            "id": f"fc_{call['id']}",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
            "status": "completed",
        }
        for call in calls_of(asked, reply)
    )
    return items


def responses(asked: Asked, reply: Answer, *, status: str = "completed") -> dict[str, Any]:
    """Give a response."""
    sent, written = usage_of(reply)
    return {
        "id": f"resp_{asked.turn}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "model": f"{asked.model}-2026-01-01",
        "output": output_of(asked, reply) if status == "completed" else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": {
            "input_tokens": sent,
            "output_tokens": written,
            "total_tokens": sent + written,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def responses_events(asked: Asked, reply: Answer) -> Iterator[str]:
    """Give the same as a stream of events."""
    whole = responses(asked, reply)
    number = 0

    def event(kind: str, **more: Any) -> str:
        nonlocal number
        number += 1
        return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number, **more})}\n\n"

    yield event("response.created", response=responses(asked, reply, status="in_progress"))
    for index, item in enumerate(whole["output"]):
        where = {"output_index": index, "item_id": item["id"]}
        empty = {**item, "status": "in_progress"}
        if item["type"] == "message":
            yield event("response.output_item.added", output_index=index, item={**empty, "content": []})
            for at, part in enumerate(item["content"]):
                here = {**where, "content_index": at}
                if part["type"] == "output_text":
                    yield event("response.content_part.added", **here, part={**part, "text": ""})
                    for word in part["text"].split(" "):
                        yield event("response.output_text.delta", **here, delta=f"{word} ", logprobs=[])
                    yield event("response.output_text.done", **here, text=part["text"], logprobs=[])
                else:
                    yield event("response.refusal.delta", **here, delta=part["refusal"])
                    yield event("response.refusal.done", **here, refusal=part["refusal"])
        elif item["type"] == "function_call":
            yield event("response.output_item.added", output_index=index, item={**empty, "arguments": ""})
            yield event("response.function_call_arguments.delta", **where, delta=item["arguments"])
            yield event("response.function_call_arguments.done", **where, arguments=item["arguments"])
        else:
            yield event("response.output_item.added", output_index=index, item={**item, "summary": []})
            text = item["summary"][0]["text"]
            part = {**where, "summary_index": 0}
            yield event(
                "response.reasoning_summary_part.added", **part, part={"type": "summary_text", "text": ""}
            )
            yield event("response.reasoning_summary_text.delta", **part, delta=text)
            yield event("response.reasoning_summary_text.done", **part, text=text)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=whole)


def error(reply: Broken) -> dict[str, Any]:
    """Give an error."""
    kind = "rate_limit_error" if reply.status == 429 else "invalid_request_error"
    return {"error": {"message": reply.message, "type": kind, "param": None, "code": reply.code}}
