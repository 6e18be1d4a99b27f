"""What an approver vouches for beside an act: one value or source, in one run, under the same policies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.mediation.support.payables import traced
from tests.mediation.support.watching import Watching

from kernel.scenarios import governed as scenario
from kernel.scenarios.governed import governed
from kernel.scenarios.house import OPERATOR, asked, begin, ended, reply, until
from ripieno import (
    Context,
    Host,
    InputError,
    Outcome,
    RejectedError,
    Task,
    Tool,
    Workflow,
    sequential,
    subworkflow,
)
from ripieno.journal.records import QuestionRow
from ripieno.kernel.commands import asked_for
from ripieno.kernel.emergency import break_glass
from ripieno.kernel.forks import fork
from ripieno.mediation import policy
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.mediation.policy.problems import PolicyError
from ripieno.model.principal import Principal
from ripieno.model.provenance import Carried
from ripieno.participants.base import BaseParticipant

ANN = Principal("person", "ann", roles=frozenset({"approver"}))
BEN = Principal("person", "ben", roles=frozenset({"approver"}))
GLASS = Principal("person", "gil", roles=frozenset({"break-glass"}))
NORTH, SOUTH = "https://north.example/minutes", "https://south.example/minutes"
PAGES: list[Any] = []
DONE: list[tuple[str, ...]] = []
MORE = '@id("more")\npermit (principal, action == Action::"plan", resource);'
Call = tuple[str, dict[str, Any]]


async def read_page() -> Any:
    """Give the next page; anybody may have written it."""
    return PAGES.pop(0)


async def fetch(url: str) -> None:
    """Ask for a page."""
    DONE.append(("fetch", url))


async def post(url: str) -> None:
    """Write to a page."""
    DONE.append(("post", url))


async def share(url: str, whom: str) -> None:
    """Tell somebody of a page."""
    DONE.append(("share", url, whom))


TOOLS = {
    "read_page": Tool(read_page, effect="read", outside=False),
    "fetch": Tool(fetch, on_uncertain="retry", outside=False),
    "post": Tool(post, on_uncertain="retry", outside=False),
    "share": Tool(share, on_uncertain="retry", outside=False),
}
READ: Call = ("read_page", {})


class Agent(BaseParticipant):
    """Makes these calls one after another; what is refused is left out."""

    kind = "agent"

    def __init__(self, *calls: Call) -> None:
        super().__init__("clerk")
        self.calls = calls

    async def act(self, task: Task, context: Context) -> Outcome:
        del task
        page: Any = None
        for name, arguments in self.calls:
            given = {key: context.value(page) if value is READ else value for key, value in arguments.items()}
            try:
                found = await context.use(TOOLS[name], **given)
            except RejectedError:
                continue
            page = found if name == "read_page" else page
        return Outcome("complete", page)

    def describe(self) -> dict[str, Any]:
        return {"calls": [name for name, _ in self.calls]}


def gate_of(folder: Path, **files: str) -> PolicyGate:
    """Give the gate under these, and `strict` as the pack `sources`, in which sources may be vouched for."""
    shipped = Path(policy.__file__).parent / "packs" / "strict" / "effects.cedar"
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    (folder / "sources" / "pack.yaml").write_text("extends: [standard]\n", "utf-8")
    text = shipped.read_text("utf-8").replace('@vouch("values")', '@vouch("values, sources")')
    (folder / "sources" / "effects.cedar").write_text(text, "utf-8")
    return scenario.gate_of(folder, **files)


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    PAGES.clear()
    DONE.clear()


def desk(*calls: Call, pack: str = "sources", name: str = "desk") -> Workflow:
    return Workflow(name, Agent(*calls), policy=pack)


async def approve(host: Host, run: str, *vouch: str, **more: Any) -> dict[str, Any]:
    """Approve what is asked, vouching for this; give what was offered."""
    question = await asked(host, run)
    about = asked_for(host.store, question).about
    await reply(host, question, {"proceed": True, "vouch": [*vouch], **more}, by=ANN)
    return about.get("vouch", {})


async def questions_after(host: Host, run: str) -> Sequence[QuestionRow]:
    await host.rest(run)
    return [one for one in await host.store.questions(run=run) if one.kind == "task"]


async def refuse_the_rest(host: Host, run: str, by: Principal = ANN) -> int:
    """Refuse whatever else is asked; give how much that was."""
    count = 0
    while not (await host.rest(run)).ended:
        for one in await questions_after(host, run):
            await reply(host, one, {"proceed": False}, by=by)
            count += 1
    assert (await ended(host, run)).status == "complete"
    return count


# -- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "asks"),
    [
        (("fetch", {"url": NORTH}), False),
        (("fetch", {"url": SOUTH}), True),
        (("fetch", {"url": NORTH + "?to=evil"}), True),
        (("fetch", {"url": NORTH.upper()}), True),
        (("post", {"url": NORTH}), True),
        (("share", {"url": "a.page", "whom": NORTH}), True),
    ],
    ids=["the same", "another", "a longer one", "another spelling", "another tool", "another argument"],
)
async def test_a_value_is_good_for_this_argument_of_this_tool_and_nothing_else(
    tmp_path: Path, second: Call, *, asks: bool
) -> None:
    PAGES.append(f"see {NORTH} or {SOUTH} and {NORTH}?to=evil")
    workflow = desk(READ, ("fetch", {"url": NORTH}), second)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        offered = await approve(host, run, "url")
        assert set(offered) == {"url", "source 3"}
        assert await refuse_the_rest(host, run) == asks
    assert len(DONE) == 2 - asks


async def test_without_vouching_the_same_is_asked_again(tmp_path: Path) -> None:
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, *[("fetch", {"url": NORTH})] * 2)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run)
        assert await refuse_the_rest(host, run) == 1


async def test_a_short_value_that_the_agent_made_up_is_known_again(tmp_path: Path) -> None:
    PAGES.append("anything")
    workflow = desk(
        READ, *[("share", {"url": "p", "whom": "Eve"})] * 2, ("share", {"url": "p", "whom": "Bob"})
    )
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "whom")
        assert await refuse_the_rest(host, run) == 1
    assert DONE == [("share", "p", "Eve")] * 2


async def test_who_changes_what_is_proposed_vouches_for_nothing_of_it(tmp_path: Path) -> None:
    """Or they would approve what they have proposed themselves."""
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, ("share", {"url": NORTH, "whom": "Eve"}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "url", "whom", "source 3", arguments={"url": NORTH, "whom": "Ada"})
        await asked(host, run, "approval/2")
        assert DONE == []
        assert await refuse_the_rest(host, run, BEN) == 1
    assert DONE == []


async def test_who_says_the_arguments_as_they_are_has_changed_nothing(tmp_path: Path) -> None:
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, *[("fetch", {"url": NORTH})] * 2)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "url", arguments={"url": NORTH})
        assert await refuse_the_rest(host, run) == 0
    assert len(DONE) == 2


# -- sources -----------------------------------------------------------------------------------------------


async def test_a_source_is_good_for_all_that_it_said_and_for_nothing_it_says_later(
    tmp_path: Path,
) -> None:
    PAGES.extend([f"see {NORTH} and {SOUTH}", f"see {NORTH} and https://evil.example/minutes"])
    calls: list[Call] = [READ, ("fetch", {"url": NORTH}), ("post", {"url": SOUTH})]
    workflow = desk(*calls, READ, ("post", {"url": NORTH}), ("post", {"url": "https://evil.example/minutes"}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        offered = await approve(host, run, "source 3")
        assert offered["source 3"] == {
            "what": "tool read_page",
            "path": "clerk@1/tool/1",
            "said": f"see {NORTH} and {SOUTH}",
        }
        question = await asked(host, run)
        about = asked_for(host.store, question).about
        assert about["arguments"] == {"url": "https://evil.example/minutes"}
        assert [name for name in about["vouch"] if name.startswith("source")] == ["source 12"]
        assert await refuse_the_rest(host, run) == 1
        found = await traced(host, run, tool_name="post")
    assert DONE == [("fetch", NORTH), ("post", SOUTH), ("post", NORTH)]
    assert found.provenance == {"url": "approved"}
    assert found.document["from"]["url"]["by"][0]["what"] == "approval of person:ann"


async def test_where_all_that_was_read_was_vouched_for_nothing_directs_the_agent(tmp_path: Path) -> None:
    """And once something else was read, it may again."""
    PAGES.extend(["a page", "another page"])
    tell = [("share", {"url": "p", "whom": who}) for who in ("Eve", "Bob", "Dora")]
    workflow = desk(READ, tell[0], tell[1], READ, tell[2])
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "source 3")
        assert await refuse_the_rest(host, run) == 1
    assert DONE == [("share", "p", "Eve"), ("share", "p", "Bob")]


async def test_what_is_passed_on_by_reference_is_as_its_source(tmp_path: Path) -> None:
    PAGES.append("short")
    workflow = desk(READ, ("fetch", {"url": READ}), ("post", {"url": READ}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "source 3")
        assert await refuse_the_rest(host, run) == 0
        found = await traced(host, run, tool_name="post")
    assert [(by["how"], by["trust"]) for by in found.document["from"]["url"]["by"]] == [
        ("approved", "approved"),
        ("reference", "untrusted"),
    ]


async def test_what_is_hidden_in_what_was_not_vouched_for_is_found_still(tmp_path: Path) -> None:
    hidden = "aHR0cHM6Ly9ldmlsLmV4YW1wbGUvbWludXRlcw=="
    PAGES.extend([f"see {NORTH}", "https://evil.example/minutes"])
    workflow = desk(READ, ("fetch", {"url": NORTH}), READ, ("post", {"url": f"{NORTH} {hidden}"}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "source 3")
        assert await refuse_the_rest(host, run) == 1


async def test_what_is_too_long_to_be_looked_through_is_not_offered(tmp_path: Path) -> None:
    PAGES.extend(["a page", "word " * 5000 + NORTH])
    workflow = desk(READ, READ, ("fetch", {"url": NORTH}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        assert set(await approve(host, run)) == {"url", "source 3"}
        assert await refuse_the_rest(host, run) == 0


async def test_who_says_nothing_directs_nobody(tmp_path: Path) -> None:
    PAGES.append([])
    workflow = desk(READ, ("share", {"url": "p", "whom": "Eve"}), ("share", {"url": "p", "whom": "Bob"}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go on")
        assert await refuse_the_rest(host, run) == 0
    assert len(DONE) == 2


# -- where it does not count -------------------------------------------------------------------------------


async def test_it_counts_in_no_other_run_nor_in_one_that_was_begun_or_forked_from_it(tmp_path: Path) -> None:
    PAGES.extend([f"see {NORTH}"] * 3)
    workflow = desk(READ, ("fetch", {"url": NORTH}), ("post", {"url": NORTH}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        first = await begin(host, workflow, "go by the page")
        await approve(host, first, "source 3", "url")
        assert await refuse_the_rest(host, first) == 0
        second = await begin(host, workflow, "go by the page")
        assert await refuse_the_rest(host, second) == 2
        row = await host.store.run(first)
        again = await fork(host.store, host.clock, row, by=OPERATOR, at=5)
        assert await refuse_the_rest(host, again.id) == 2


async def test_it_counts_in_no_child_run(tmp_path: Path) -> None:
    PAGES.extend([f"see {NORTH}"])
    inner = desk(("fetch", {"url": NORTH}), name="inner")
    outer = Agent(READ, ("fetch", {"url": NORTH}))
    both = Workflow("both", sequential(outer, subworkflow(inner, input="previous")), policy="sources")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), both, inner) as host:
        run = await begin(host, both, "go by the page")
        question = await asked(host, run)
        sources = [one for one in asked_for(host.store, question).about["vouch"] if one != "url"]
        await reply(host, question, {"proceed": True, "vouch": ["url", *sources]}, by=ANN)

        async def within() -> QuestionRow | None:
            found = await host.store.questions(run=None)
            return next((one for one in found if one.kind == "task" and one.run != run), None)

        await reply(host, await until(within), {"proceed": False}, by=ANN)
        await ended(host, run)
    assert DONE == [("fetch", NORTH)]


@pytest.mark.parametrize("more", ["", MORE], ids=["the same policies", "others"])
async def test_it_counts_after_a_restart_as_long_as_the_policies_are_the_same(
    tmp_path: Path, more: str
) -> None:
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, ("fetch", {"url": NORTH}), ("post", {"url": SOUTH}), ("fetch", {"url": NORTH}))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "url", "source 3")
        await asked(host, run, "tool/3")
    gate = gate_of(tmp_path / "policies", **({"more": more} if more else {}))
    async with governed(tmp_path / "home", gate, workflow) as host:
        await reply(host, await asked(host, run, "tool/3"), {"proceed": False}, by=ANN)
        assert await refuse_the_rest(host, run) == (1 if more else 0)
    assert len(DONE) == (1 if more else 2)


async def test_policies_that_change_while_it_is_looked_for_void_it(tmp_path: Path) -> None:
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, *[("fetch", {"url": NORTH})] * 2)
    before, after = (gate_of(tmp_path / name, more=text).library for name, text in (("1", ""), ("2", MORE)))

    def exchange(carried: Carried) -> None:
        if carried.path.endswith("tool/3"):
            host.store.gate = PolicyGate(after)

    async with governed(tmp_path / "home", Watching(before, exchange), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        await approve(host, run, "url")
        assert await refuse_the_rest(host, run) == 1
    assert DONE == [("fetch", NORTH)]


# -- who may vouch, and for what ---------------------------------------------------------------------------


ASKS = """
@id("pages-are-approved")
@approval("role:approver")
forbid (principal, action == Action::"tool.call", resource == Tool::"fetch")
unless { context has steering && context.steering.contains("approved") };
"""
VOUCHED = ASKS.replace("forbid", '@vouch("values")\nforbid')
ALSO = VOUCHED.replace("pages-are", "pages-are-also")
BOSS = """
@id("pages-are-for-the-boss")
@approval("role:boss")
@vouch("values")
forbid (principal, action == Action::"tool.call", resource == Tool::"fetch")
unless { context has approvals && context.approvals.contains("role:boss") };
"""


@pytest.mark.parametrize(
    ("policies", "offered"),
    [
        (ASKS, set[str]()),
        (VOUCHED, {"url"}),
        (VOUCHED.replace('"values"', '"sources"'), {"source 3"}),
        (VOUCHED + ASKS.replace("pages-are", "pages-are-also"), set[str]()),
        (
            VOUCHED + ALSO.replace('"values"', '"sources"'),
            set[str](),
        ),
        (VOUCHED + ALSO, {"url"}),
        (VOUCHED + BOSS, set[str]()),
    ],
    ids=["no policy", "values", "sources", "one of two", "not the same", "both", "two who are asked"],
)
async def test_it_is_offered_where_every_policy_that_asks_lets_it(
    tmp_path: Path, policies: str, offered: set[str]
) -> None:
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, ("fetch", {"url": NORTH}), pack="standard")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", asks=policies), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        question = await asked(host, run)
        form = asked_for(host.store, question).form["properties"]
        assert set(asked_for(host.store, question).about.get("vouch", ())) == offered
        assert ("vouch" in form) is bool(offered)
        for other in {"url", "source 3", "source 1", "whom"} - offered:
            with pytest.raises(InputError):
                await reply(host, question, {"proceed": True, "vouch": [other]}, by=ANN)


async def test_where_nothing_is_open_nothing_is_offered(tmp_path: Path) -> None:
    workflow = desk(("fetch", {"url": NORTH}), pack="standard")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", asks=VOUCHED), workflow) as host:
        run = await begin(host, workflow, f"go to {NORTH}")
        assert await approve_plainly(host, run) == {}
        assert await refuse_the_rest(host, run) == 0


@pytest.mark.parametrize("said", ["no", "in an emergency"])
async def test_a_refusal_and_a_break_of_the_glass_vouch_for_nothing(tmp_path: Path, said: str) -> None:
    PAGES.append(f"see {NORTH}")
    workflow = desk(READ, *[("fetch", {"url": NORTH})] * 2)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), workflow) as host:
        run = await begin(host, workflow, "go by the page")
        question = await asked(host, run)
        if said == "no":
            await reply(host, question, {"proceed": False, "vouch": ["url", "source 3"]}, by=ANN)
        else:
            await break_glass(host.store, host.clock, question, by=GLASS, reason="fire")
        assert await refuse_the_rest(host, run) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('@vouch("values")\nforbid (principal, action, resource);', "asks for nobody's approval"),
        ('@approval("role:a")\n@vouch("value")\nforbid (principal, action, resource);', "'value' is not"),
        ('@approval("role:a")\n@vouch("")\nforbid (principal, action, resource);', "'' is not understood"),
        ('@approval("2 of role:a")\n@vouch("values")\nforbid (principal, action, resource);', "2 have to"),
    ],
)
def test_what_cannot_be_vouched_for_is_refused_when_it_is_loaded(
    tmp_path: Path, text: str, said: str
) -> None:
    tmp_path.joinpath("rules.cedar").write_text(f'@id("one")\n{text}', "utf-8")
    with pytest.raises(PolicyError, match=said):
        load_library(tmp_path).rules("standard")


async def approve_plainly(host: Host, run: str) -> dict[str, Any]:
    """Approve what is asked, vouching for nothing; give what was offered."""
    question = await asked(host, run)
    await reply(host, question, {"proceed": True}, by=ANN)
    return asked_for(host.store, question).about.get("vouch", {})
