"""Stages that pass a value on, each in another way, and what was found about where it ends up."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from kernel.scenarios.house import events, until
from ripieno import (
    Context,
    Host,
    Limits,
    Workflow,
    approved,
    branch,
    compact,
    concurrent,
    function,
    group_chat,
    hand_over,
    handoff,
    loop,
    map_over,
    merge,
    rounds,
    sequential,
    single_agent,
    subworkflow,
    summary,
    tool,
    use_tool,
    when,
    window,
)
from ripieno.model.provenance import Traced
from ripieno.model.value import decode
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.magentic import magentic

__all__ = [
    "ASKS",
    "DRESS",
    "EVIL",
    "GOOD",
    "WAYS",
    "letters",
    "passing",
    "read_book",
    "read_page",
    "send",
    "sent",
    "source",
    "store",
    "text_in",
]

EVIL: Final = "mallory-7c21@evil.example"
GOOD: Final = "ada-lovelace@house.example"
ASKS: Final = """
@id("mail-to-strangers-is-approved")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"send")
unless { context has sources && !context.sources.contains("untrusted") };
"""

DRESS: Final[Mapping[str, Callable[[str], str]]] = {
    "as it is": str,
    "upper case": str.upper,
    "in a sentence": lambda text: f"so write to {text}, they said",
    "percent": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "spread": lambda text: text.replace("@", " @ "),
}


@tool(name="read_page", effect="read")
def read_page() -> dict[str, Any]:
    """Give a page that anybody may have written."""
    return {"title": "our new address", "lines": ["Hello!", f"It is {EVIL}."], "count": 3}


@tool(name="read_book", effect="read", trust="trusted")
def read_book() -> dict[str, str]:
    """Give an address that the house answers for."""
    return {"address": GOOD}


@tool(name="store", effect="write", on_uncertain="retry", trust="trusted")
def store(text: str) -> dict[str, str]:
    """Keep a note, and give it back."""
    return {"kept": text}


@tool(name="send", effect="write", on_uncertain="retry")
def send(to: str) -> str:
    """Send a mail."""
    return f"sent to {to}"


def source(trust: str = "untrusted") -> BaseParticipant:
    """Give what finds the address: on a page, or in the book of the house."""

    @function(name="source", pure=True)
    async def page(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
        del input
        found = await context.use(read_page)
        return {"address": found["lines"][1].split()[-1].rstrip("."), "said": found["title"]}

    @function(name="source", pure=True)
    async def book(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
        del input
        return await context.use(read_book)

    return page if trust == "untrusted" else book


def text_in(found: Any) -> str:
    """Give the longest text in a value, dressed up or not."""
    if isinstance(found, dict):
        found = list(found.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any JSON
    if isinstance(found, list):
        return max((text_in(one) for one in found), key=len, default="")  # pyright: ignore[reportUnknownVariableType]
    return "" if found is None else str(found)


Dress = Callable[[str], str]


def carrier(name: str, dress: Dress, *parts: str) -> BaseParticipant:
    """Give code that passes on what came before it, dressed up, and in a record of these names."""

    @function(name=name, pure=True)
    def code(previous: Any) -> Any:
        text = dress(text_in(previous))
        return [text] if not parts else dict.fromkeys(parts, text)

    return code


def by_code(name: str, dress: Dress) -> BaseParticipant:
    return carrier(name, dress, "note")


def by_an_effect(name: str, dress: Dress) -> BaseParticipant:
    @function(name=name, trust="trusted")
    def effect(previous: Any) -> Any:
        return [dress(text_in(previous))]

    return effect


def stored(name: str, dress: Dress) -> BaseParticipant:
    @function(name=name, pure=True)
    async def keeps(previous: Any, context: Context) -> Any:
        return await context.use(store, text=dress(text_in(previous)))

    return keeps


def by_an_agent(name: str, dress: Dress) -> BaseParticipant:
    @function(name=f"{name}-mind", pure=True)
    def mind(previous: Any, turn: dict[str, Any]) -> Any:
        del turn
        return dress(text_in(previous))

    return single_agent(mind, tools=[store], name=name)


def by_a_child(name: str, dress: Dress) -> BaseParticipant:
    @function(name=f"{name}-within", pure=True)
    def within(input: Any) -> Any:  # noqa: A002 - the name of the parameter
        return {"from": dress(text_in(input))}

    child = Workflow(f"{name}-child", sequential(within, name=f"{name}-alone"))
    return subworkflow(child, input="previous", name=name)


def in_a_map(name: str, dress: Dress) -> BaseParticipant:
    @function(name=f"{name}-item", pure=True)
    def item(input: Any) -> Any:  # noqa: A002 - the name of the parameter
        return {"of": dress(text_in(input))}

    return sequential(
        carrier(f"{name}-list", str, "items", "others"),
        map_over("[previous.items, 'no address']", item, name=f"{name}-map"),
        name=name,
    )


def in_a_loop(name: str, dress: Dress) -> BaseParticipant:
    @function(name=f"{name}-round", pure=True)
    def again(previous: Any) -> Any:
        return {"round": text_in(previous), "times": 2 if "round" in previous else 1}

    return sequential(
        carrier(f"{name}-first", dress, "first"),
        loop(again, until="previous.times == 2", rounds=3, name=f"{name}-loop"),
        name=name,
    )


def in_a_branch(name: str, dress: Dress) -> BaseParticipant:
    here, there = carrier(f"{name}-here", dress, "here"), carrier(f"{name}-there", str, "there")
    return branch({when("input != 0"): here}, otherwise=there, name=name)


def side_by_side(name: str, dress: Dress) -> BaseParticipant:
    left, right = carrier(f"{name}-left", dress, "left"), carrier(f"{name}-right", str, "right")
    return concurrent(left, right, resolve=merge(), name=name)


def handed_over(name: str, dress: Dress) -> BaseParticipant:
    second = f"{name}-second"

    @function(name=f"{name}-first", pure=True)
    def first(previous: Any) -> Any:
        return hand_over(second, because="not mine", output={"see": dress(text_in(previous))})

    taking = carrier(second, str, "to")
    return handoff(first, taking, edges={first.name: [second]}, name=name)


def in_a_chat(name: str, dress: Dress, limit: int | None = None) -> BaseParticipant:
    @function(name=f"{name}-one", pure=True)
    def one(turn: dict[str, Any], previous: Any) -> Any:
        said = [message["says"] for message in turn["messages"]]
        return {"I say": dress(text_in(said[-1] if said else previous))}

    @function(name=f"{name}-other", pure=True)
    def other(turn: dict[str, Any]) -> Any:
        return {"as was said": text_in([message["says"] for message in turn["messages"]][-1])}

    @function(name=f"{name}-scribe", pure=True)
    def scribe(turn: dict[str, Any]) -> str:
        return f"In short: {text_in([message['says'] for message in turn['messages']])}"

    kept = None if limit is None else compact(limit, by=[summary(scribe, share=0.5), window()])
    ends = rounds(2 if limit is None else 4)
    return group_chat(one, other, until=ends, compact=kept, name=name).on_failure("continue")


def in_a_short_chat(name: str, dress: Dress) -> BaseParticipant:
    return in_a_chat(name, dress, limit=40)


def handed_over_in_short(name: str, dress: Dress) -> BaseParticipant:
    second = f"{name}-second"

    @function(name=f"{name}-first", pure=True)
    def first(previous: Any) -> Any:
        return hand_over(second, because="not mine", output={"see": text_in(previous)})

    @function(name=f"{name}-digest", pure=True)
    def digest(previous: Any) -> str:
        return dress(text_in(previous))

    edges = {first.name: [second]}
    return handoff(
        first, carrier(second, str, "to"), edges=edges, carry="summary", summarise=digest, name=name
    )


def by_an_agent_whose_calls_are_kept_short(name: str, dress: Dress) -> BaseParticipant:
    @function(name=f"{name}-mind", pure=True)
    def mind(previous: Any, turn: dict[str, Any]) -> Any:
        if turn["round"] <= 2:
            return use_tool("store", {"text": f"{dress(text_in(previous))} {turn['round']}"})
        return text_in(turn["messages"])

    @function(name=f"{name}-scribe", pure=True)
    def scribe(turn: dict[str, Any]) -> str:
        return f"In short: {text_in(turn['messages'])}"

    kept = compact(60, by=[summary(scribe, share=0.5), window()])
    return single_agent(mind, tools=[store], compact=kept, name=name)


def by_managers(name: str, dress: Dress) -> BaseParticipant:
    @function(name=f"{name}-worker", pure=True)
    def worker(turn: dict[str, Any], previous: Any) -> Any:
        del turn
        return {"seen": dress(text_in(previous))}

    @function(name=f"{name}-lead", pure=True)
    def lead(turn: dict[str, Any]) -> Any:
        found = turn["ledger"]["evidence"]
        yes, no = {"answer": True, "reason": "seen"}, {"answer": False, "reason": "not seen"}
        match turn["phase"]:
            case "facts":
                return {"facts": []}
            case "plan" | "replan":
                item = {"id": "it", "what": "look it up", "owner": worker.name}
                return {"items": [item], "reason": "it is wanted"}
            case "progress":
                return {
                    "satisfied": yes if found else no,
                    "looping": no,
                    "progressing": yes,
                    "next_speaker": {"answer": worker.name, "reason": "who knows"},
                    "instruction": {"answer": "look", "reason": "it is wanted"},
                    "item": "it",
                    "facts": [
                        {"kind": "verified", "text": one["said"], "source": one["id"]} for one in found
                    ],
                }
            case _:
                return {"known": [one["text"] for one in turn["ledger"]["facts"]]}

    return magentic(worker, planner=lead, effects=approved("treasurer"), name=name)


WAYS: Final[Mapping[str, Callable[[str, Dress], BaseParticipant]]] = {
    "by code": by_code,
    "by an effect": by_an_effect,
    "stored and given back": stored,
    "by an agent": by_an_agent,
    "by a child run": by_a_child,
    "in a map": in_a_map,
    "in a loop": in_a_loop,
    "in a branch": in_a_branch,
    "side by side": side_by_side,
    "handed over": handed_over,
    "handed over in short": handed_over_in_short,
    "by an agent whose calls are kept short": by_an_agent_whose_calls_are_kept_short,
    "in a chat": in_a_chat,
    "in a chat that is kept short": in_a_short_chat,
    "by managers": by_managers,
}


def passing(number: int, way: str, dress: str) -> BaseParticipant:
    """Give a stage that passes on what the one before it gave, dressed up."""
    return WAYS[way](f"stage-{number}", DRESS[dress])


def letters(*ways: tuple[str, str], trust: str = "untrusted") -> Workflow:
    """Give a workflow that finds an address, passes it on in these ways, and writes to it twice."""

    @function(name="last", pure=True)
    async def last(previous: Any, context: Context) -> str:
        to = text_in(previous)
        await context.use(send, to=to)
        return await context.use(send, to=to)

    stages = [passing(number, way, dress) for number, (way, dress) in enumerate(ways)]
    flow = sequential(source(trust), *stages, last)
    return Workflow("letters", flow, policy="standard", limits=Limits(deadline="1d"))


async def sent(host: Host, run: str, number: int) -> Traced:
    """Give what was found about one of the mails that were sent, or are to be."""

    async def look() -> Traced | None:
        found = [
            one
            for one in await events(host, run, "intent", "proposed")
            if one.body["tool"] == "send" and f"/tool/{number}" in one.path and "traced" in one.body
        ]
        return Traced.read(decode(host.store.payload(run, found[-1].body["traced"]))) if found else None

    return await until(look)
