"""Whatever way a value takes, it gets no more trusted on it; only a recorded approval lets it pass."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import quote

import pytest
from tests.mediation.support.payables import approve

from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, events, parked, reply, until
from ripieno import (
    Context,
    Host,
    Workflow,
    compact,
    function,
    group_chat,
    hand_over,
    handoff,
    rounds,
    sequential,
    single_agent,
    subworkflow,
    summary,
    tool,
    window,
)
from ripieno.kernel.forks import fork
from ripieno.model.provenance import Traced
from ripieno.model.value import decode

EVIL: Final = "mallory-7c21@evil.example"
ASKS: Final = """
@id("mail-to-strangers-is-approved")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"send")
unless { context has sources && !context.sources.contains("untrusted") };
"""

DRESS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "upper case": str.upper,
    "in a sentence": lambda text: f"so write to {text}, they said",
    "percent": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "spread": lambda text: text.replace("@", " @ "),
}


WAYS: Final = ("code", "effect", "stored", "agent", "child")


@tool(name="read_page", effect="read")
def read_page() -> dict[str, Any]:
    """Give a page that anybody may have written."""
    return {"title": "our new address", "lines": ["Hello!", f"It is {EVIL}."], "count": 3}


@tool(name="store", effect="write", on_uncertain="retry", trust="trusted")
def store(text: str) -> dict[str, str]:
    """Keep a note, and give it back."""
    return {"kept": text}


@tool(name="send", effect="write", on_uncertain="retry")
def send(to: str) -> str:
    """Send a mail."""
    return f"sent to {to}"


@function(name="source", pure=True)
async def source(input: Any, context: Context) -> Any:  # noqa: A002 - the name of the parameter
    del input
    page = await context.use(read_page)
    return {"address": page["lines"][1].split()[-1].rstrip("."), "said": page["title"]}


def text_in(found: Any) -> str:
    """Give the longest text in a value, dressed up or not."""
    if isinstance(found, dict):
        found = list(found.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any JSON
    if isinstance(found, list):
        return max((text_in(one) for one in found), key=len, default="")  # pyright: ignore[reportUnknownVariableType]
    return str(found)


def passing(number: int, way: str, dress: str) -> Any:
    """Give a participant that passes on what the one before it gave, dressed up."""
    name = f"stage-{number}"

    @function(name=name, pure=True)
    def code(previous: Any) -> Any:
        return {"note": DRESS[dress](text_in(previous))}

    @function(name=name, trust="trusted")
    def effect(previous: Any) -> Any:
        return [DRESS[dress](text_in(previous))]

    @function(name=name, pure=True)
    async def stored(previous: Any, context: Context) -> Any:
        return await context.use(store, text=DRESS[dress](text_in(previous)))

    @function(name=f"within-{number}", pure=True)
    def within(input: Any) -> Any:  # noqa: A002 - the name of the parameter
        return {"from": DRESS[dress](text_in(input))}

    @function(name=f"mind-{number}", pure=True)
    def mind(previous: Any, turn: dict[str, Any]) -> Any:
        del turn
        return DRESS[dress](text_in(previous))

    match way:
        case "code":
            return code
        case "effect":
            return effect
        case "stored":
            return stored
        case "agent":
            return single_agent(mind, tools=[store], name=name)
        case _:
            return subworkflow(Workflow(f"child-{number}", sequential(within)), input="previous", name=name)


@function(name="last", pure=True)
async def last(previous: Any, context: Context) -> str:
    return await context.use(send, to=text_in(previous))


async def traced(host: Host, run: str) -> Traced:
    """Give what was found about the mail that was sent, or is to be."""

    async def look() -> Traced | None:
        found = [one for one in await events(host, run, "intent", "proposed") if one.body["tool"] == "send"]
        refs = [one.body["traced"] for one in found if "traced" in one.body]
        return Traced.read(decode(host.store.payload(run, refs[-1]))) if refs else None

    return await until(look)


async def sent(home: Path, ways: list[tuple[str, str]], where: str) -> list[Traced]:
    """Run a flow; give what was found, also after a restart or in a fork."""
    stages = [passing(number, way, dress) for number, (way, dress) in enumerate(ways)]
    workflow = Workflow("letters", sequential(source, *stages, last))
    gate = gate_of(home / "policies", asks=ASKS)
    found: list[Traced] = []
    async with governed(home / "home", gate, workflow) as host:
        run = await begin(host, workflow, {"topic": "the address book"})
        await asked(host, run, "last")
        await parked(host, run)
        found.append(await traced(host, run))
        if where == "fork":
            row = await host.store.run(run)
            run = (await fork(host.store, host.clock, row, by=OPERATOR, at=row.head_seq)).id
            host.ring()
            await asked(host, run, "last")
            await parked(host, run)
    async with governed(home / "home", gate, workflow) as host:
        await reply(host, await asked(host, run, "last"), YES, by=EVE)
        await approve(host, run)
        found.append(await traced(host, run))
        [intent] = [one for one in await events(host, run, "intent") if one.body["tool"] == "send"]
        assert intent.body["approved"] == [EVE.id]
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_no_way_makes_a_value_more_trusted(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - which flows are tried
    ways = [(random.choice(WAYS), random.choice(sorted(DRESS))) for _ in range(random.randint(1, 3))]
    where = random.choice(["restart", "fork"])
    for one in await sent(tmp_path, ways, where):
        assert (one.provenance["to"], one.sources[-1]) == ("untrusted", "untrusted"), (ways, where)


def carried_on() -> dict[str, Any]:
    """Give patterns in which a value travels otherwise than from one stage to the next."""

    @function(name="first", pure=True)
    def first(source: dict[str, str]) -> Any:
        return hand_over("second", because="not mine", output={"see": source["address"]})

    @function(name="second", pure=True)
    def second(first: Any) -> Any:
        return {"to": text_in(first)}

    @function(name="one", pure=True)
    def one(turn: dict[str, Any], source: dict[str, str]) -> Any:
        said = [message["says"] for message in turn["messages"]]
        return {"I think": source["address"]} if not said else {"I agree with": text_in(said[-1])}

    @function(name="other", pure=True)
    def other(turn: dict[str, Any]) -> Any:
        return {"as was said": text_in([message["says"] for message in turn["messages"]][-1])}

    @function(name="scribe", pure=True)
    def scribe(turn: dict[str, Any]) -> str:
        return f"In short: {text_in([message['says'] for message in turn['messages']])}"

    kept = compact(40, by=[summary(scribe, share=0.5), window()])
    return {
        "handed over": handoff(first, second, edges={"first": ["second"]}),
        "said in a chat": group_chat(one, other, until=rounds(3)),
        "said in a chat that is kept short": group_chat(one, other, until=rounds(4), compact=kept),
    }


@pytest.mark.parametrize("how", carried_on())
async def test_what_travels_in_a_pattern_keeps_its_source(tmp_path: Path, how: str) -> None:
    flow = Workflow("letters", sequential(source, carried_on()[how].on_failure("continue"), last))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", asks=ASKS), flow) as host:
        run = await begin(host, flow, {})
        await asked(host, run, "last")
        assert (await traced(host, run)).provenance["to"] == "untrusted"
