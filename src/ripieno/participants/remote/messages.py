"""What is said to a remote agent and what it says, as plain JSON in the protocol's own form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from ripieno.model.outcome import Evidence

__all__ = [
    "INTERRUPTED",
    "TERMINAL",
    "evidence_of",
    "output_of",
    "parts_of",
    "said",
    "spent_by",
    "state_of",
    "text_of",
]

TERMINAL: Final = frozenset({"completed", "failed", "canceled", "rejected"})
"""States in which a task stays."""

INTERRUPTED: Final = frozenset({"input-required", "auth-required"})
"""States in which it waits for somebody."""

LONGEST: Final = 400
"""So much of a text people see as evidence."""

USAGE: Final = ("usage", "adk_usage_metadata", "usage_metadata")
"""Under which of these keys of a task's metadata agents tell what it has cost."""

MOST: Final = 10**12
"""Nothing is counted that is said to be more."""

TOKENS: Final = ("total_tokens", "totalTokenCount", "tokens")
SOME_TOKENS: Final = (
    *("input_tokens", "output_tokens", "promptTokenCount", "candidatesTokenCount"),
    *("prompt_tokens", "completion_tokens"),
)


def parts_of(value: object) -> list[dict[str, Any]]:
    """Give a value as the parts of a message: text as text, anything else as data."""
    return [{"text": value}] if isinstance(value, str) else [{"data": value}]


def state_of(answer: Mapping[str, Any]) -> str:
    """Give the state of a task as people write it; a plain message is an answer, so `completed`."""
    if "message" in answer:
        return "completed"
    told = str(answer["task"].get("status", {}).get("state", "TASK_STATE_UNSPECIFIED"))
    return told.removeprefix("TASK_STATE_").lower().replace("_", "-")


def artifacts_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what it made; a message counts as one artifact without a name, the agent's last word as none."""
    if "message" in answer:
        return [{"parts": answer["message"].get("parts", [])}]
    found: list[dict[str, Any]] = answer["task"].get("artifacts", [])
    last = answer["task"].get("status", {}).get("message")
    return found or ([{"parts": last.get("parts", [])}] if last else [])


def plain(part: Mapping[str, Any]) -> Any:
    """Give what a part holds: its data or text; a file as the protocol writes it, and none is fetched."""
    return natural(part["data"]) if "data" in part else part["text"] if "text" in part else dict(part)


def natural(value: Any) -> Any:
    """Give data with whole numbers as such: the protocol carries every number as a float."""
    if isinstance(value, dict):
        return {name: natural(one) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [natural(one) for one in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def output_of(answer: Mapping[str, Any]) -> Any:
    """Give the result: the one value where there is one, else each artifact with its name and parts."""
    artifacts = artifacts_of(answer)
    parts = [part for artifact in artifacts for part in artifact.get("parts", [])]
    if not parts:
        return None
    if len(parts) == 1:
        return plain(parts[0])
    return [
        {"name": artifact.get("name", ""), "parts": [plain(part) for part in artifact.get("parts", [])]}
        for artifact in artifacts
    ]


def evidence_of(agent: str, answer: Mapping[str, Any]) -> list[Evidence]:
    """Give each artifact of a task as evidence, by where it stands."""
    if "message" in answer:
        return []
    task = answer["task"]
    return [
        Evidence(
            artifact.get("name") or artifact.get("description") or f"an artifact of {agent}",
            f"a2a:{agent}/{task['id']}/{artifact.get('artifactId', '')}",
            text_of(artifact.get("parts", []))[:LONGEST] or None,
        )
        for artifact in task.get("artifacts", [])
    ]


def text_of(parts: Sequence[Mapping[str, Any]]) -> str:
    """Give the text among parts."""
    return "\n".join(str(part["text"]) for part in parts if "text" in part)


def said(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the parts of what the agent says with the state of its task."""
    found: list[dict[str, Any]] = answer["task"].get("status", {}).get("message", {}).get("parts", [])
    return found


def spent_by(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a task has cost where its agent tells it: model calls, tokens, US dollars."""
    for usage in usages(answer):
        found: dict[str, Any] = {}
        parts = sum(usage[name] for name in SOME_TOKENS if whole(usage.get(name)))
        tokens = next((usage[name] for name in TOKENS if whole(usage.get(name))), parts)
        if tokens:
            found["tokens"] = tokens
        if whole(usage.get("model_calls")):
            found["model_calls"] = usage["model_calls"]
        cost = usage.get("cost_usd")
        if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost <= MOST:
            found["cost_usd"] = cost
        if found:
            return found
    return {}


def usages(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give each place at which an agent may tell what it has used."""
    holder: dict[str, Any] = answer.get("task") or answer.get("message") or {}
    message: dict[str, Any] = holder.get("status", {}).get("message", {})
    for metadata in (holder.get("metadata", {}), message.get("metadata", {})):
        for key in USAGE:
            if isinstance(metadata.get(key), dict):
                yield natural(metadata[key])


def whole(number: object) -> bool:
    """Tell whether something is a count."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST
