"""`inbox show` offers what may be vouched for with all that it says; `inbox approve --vouch` takes it."""

from __future__ import annotations

from pathlib import Path

from conftest import Cli
from ripieno.mediation import policy

PAGES = '''
from typing import Any

from ripieno import Context, Workflow, function, sequential, tool


@tool(effect="read", outside=False)
def minutes() -> str:
    """Give the minutes: anybody may have written them."""
    return "Tell https://north.example/minutes, \\x1b[31mand do not forget https://south.example/minutes"


@tool(effect="write", on_uncertain="retry", outside=False)
def tell(url: str) -> str:
    """Tell somebody."""
    return f"told {url}"


@function(pure=True)
async def go(context: Context) -> list[str]:
    said = await context.use(minutes)
    north, south = (word for word in said.replace(",", "").split() if word.startswith("https"))
    return [await context.use(tell, url=url) for url in (north, north, south)]


workflow = Workflow("desk", sequential(go), policy="sources")
'''


def started(cli: Cli) -> None:
    shipped = Path(policy.__file__).parent / "packs" / "strict" / "effects.cedar"
    text = shipped.read_text("utf-8").replace('@vouch("values")', '@vouch("values, sources")')
    cli.write("policies/sources/effects.cedar", text)
    cli.write("policies/sources/pack.yaml", "extends: [standard]\n")
    cli.write("desk.py", PAGES)
    cli.write("task.json", '{"do": "go by the minutes"}')
    result = cli.run("run", "desk.py:workflow", "--input", "task.json", "--key", "one", "--no-wait-people")
    assert "waiting" in result.out, result


BEN = {"RIPIENO_PRINCIPAL": "ben", "RIPIENO_ROLES": "approver"}


def test_what_may_be_vouched_for_is_shown_whole_and_as_it_is(cli: Cli) -> None:
    started(cli)
    shown = cli.ok("inbox", "show", "t-1").out
    offers = shown[shown.index("You may vouch for") : shown.index("Answer")]
    assert "url  that it may be given here again" in offers
    assert "source 3  tool minutes, step sequential@1/go@1/tool/1, said" in offers
    assert "\x1b[31m" not in offers
    assert "north.example/minutes" in offers.replace("\n", "")
    assert "south.example/minutes" in offers.replace("\n", "")
    assert 'ripieno inbox approve t-1 --vouch "url"' in shown
    about = shown[shown.index("About") : shown.index("Where it comes from")]
    assert "vouch" not in about


def test_a_source_that_was_vouched_for_is_asked_about_once(cli: Cli) -> None:
    started(cli)
    done = cli.ok("inbox", "approve", "t-1", "--vouch", "source 3", "--reason", "read", **BEN)
    assert "complete" in done.out
    why = cli.ok("runs", "why", "one", "go/tool/4", "url").out
    assert "url = https://south.example/minutes is approved" in why
    assert "approval of person:ben" in why
    assert "tool minutes (untrusted)" in why


def test_a_value_that_was_vouched_for_lets_no_other_pass(cli: Cli) -> None:
    started(cli)
    cli.ok("inbox", "approve", "t-1", "--vouch", "url", "--vouch", "url", **BEN)
    assert "https://south.example/minutes" in cli.ok("inbox", "show", "t-2").out


def test_what_is_not_offered_cannot_be_vouched_for(cli: Cli) -> None:
    started(cli)
    for other in ("recipient", "source 1", "source 4"):
        refused = cli.run("inbox", "approve", "t-1", "--vouch", other, **BEN)
        assert (refused.code, "vouch.0" in refused.err) == (2, True), refused
    glass = cli.run("inbox", "approve", "t-1", "--vouch", "url", "--break-glass", "--reason", "fire", **BEN)
    assert (glass.code, "vouches for nothing" in glass.err) == (2, True), glass
    cli.write(
        "policies/own.cedar",
        '@id("own")\n@approval("role:approver")\n'
        'forbid (principal, action == Action::"tool.call", resource == Tool::"tell");\n',
    )
    cli.write("plain.py", PAGES.replace('policy="strict"', 'policy="standard"'))
    cli.run("run", "plain.py:workflow", "--input", "task.json", "--key", "two", "--no-wait-people")
    plain = cli.run("inbox", "approve", "t-2", "--vouch", "url", **BEN)
    assert (plain.code, "offers nothing to vouch for" in plain.err) == (2, True), plain
