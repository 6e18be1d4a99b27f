"""Documents that agents find: entered from files, ranked, with sources and scores, labelled as declared."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import ADA, OPERATOR, begin, ended, events, opened, serving
from ripieno import (
    Call,
    Context,
    Documents,
    Host,
    Passage,
    ToolError,
    Workflow,
    function,
    retrieval,
    sequential,
)
from ripieno.connectors.documents.adding import add, listed, remove
from ripieno.connectors.documents.passages import LONGEST, parts_of
from ripieno.connectors.tool import Tool
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import DefinitionError, InputError, NotAllowedError, NotFoundError

HANDBOOK = Documents("handbook", about="the staff handbook", trust="trusted", data=["internal"], most=2)
MAIL = Documents("mail")
LEAVE = """# Leave

Parental leave is sixteen weeks, to be asked for two months before.

Sick leave needs a note from the third day.

# Payment

Salaries are paid on the 25th. Überstunden are paid in the month after.
"""


def folder(tmp_path: Path) -> Path:
    home = tmp_path / "papers"
    (home / "more").mkdir(parents=True)
    (home / ".git").mkdir()
    (home / "leave.md").write_text(LEAVE, "utf-8")
    (home / "more" / "travel.txt").write_text("Trains are booked by the desk. Leave early.", "utf-8")
    (home / "more" / "logo.png").write_bytes(b"\x89PNG")
    (home / "more" / "latin.txt").write_bytes(b"caf\xe9")
    (home / "more" / "empty.txt").write_text(" \n", "utf-8")
    (home / ".git" / "config").write_text("leave", "utf-8")
    return home


def searches(tool: Tool, **given: Any) -> Workflow:
    @function(name="asks", pure=True)
    async def asks(input: dict[str, Any], context: Context) -> Any:  # noqa: A002 - the name of the parameter
        return await context.use(tool, **{**given, **input})

    return Workflow("desk", sequential(asks))


async def asked(host: Host, workflow: Workflow, query: str) -> tuple[list[dict[str, Any]], Any]:
    run = await begin(host, workflow, {"query": query})
    outcome = await ended(host, run)
    assert outcome.status == "complete", outcome.reason
    [result] = await events(host, run, "result")
    return outcome.output["passages"], result.body


async def test_passages_of_files_are_found_best_first_with_source_score_and_digest(tmp_path: Path) -> None:
    workflow = searches(HANDBOOK.search)
    async with serving(tmp_path / "home", workflow) as host:
        added = await add(host.store, "handbook", [folder(tmp_path)], by=OPERATOR)
        assert added.added == ["leave.md", "more/travel.txt"]
        assert sorted(added.refused) == ["more/empty.txt", "more/latin.txt", "more/logo.png"]
        found, body = await asked(host, workflow, "parental LEAVE")
        assert [(one["source"], one["title"]) for one in found] == [
            ("leave.md", "Leave"),
            ("more/travel.txt", ""),
        ]
        assert "sixteen weeks" in found[0]["text"]
        assert found[0]["score"] > found[1]["score"] > 0
        assert (body["trust"], body["data"]) == ("trusted", ["internal"])
        assert (body["noted"]["retrieved"]["among"], len(body["noted"]["retrieved"]["scores"])) == (3, 2)
        assert [one["title"] for one in (await asked(host, workflow, "uberstunden"))[0]] == ["Payment"]
        assert (await asked(host, workflow, "zebra crossing"))[0] == []
        again = await add(host.store, "handbook", [folder(tmp_path / "again")], by=OPERATOR)
        assert (again.added, again.unchanged) == ([], ["leave.md", "more/travel.txt"])
        assert [one.source for one in listed(host.store, "default")] == ["leave.md", "more/travel.txt"]
        assert listed(host.store, "default")[0].size == len(LEAVE.encode())
        assert await remove(host.store, "handbook", ["leave.md"], by=OPERATOR, reason="old") == ["leave.md"]
        assert (await asked(host, workflow, "parental"))[0] == []
        assert await remove(host.store, "handbook", [], by=OPERATOR, reason="old") == ["more/travel.txt"]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    for word in (b"sixteen", b"leave.md", b"Trains"):
        assert word not in stored, "it stands nowhere in clear"


async def test_a_collection_is_untrusted_unless_declared_and_keeps_to_itself(tmp_path: Path) -> None:
    workflow = searches(MAIL.search)
    async with serving(tmp_path / "home", workflow) as host:
        await add(host.store, "handbook", [folder(tmp_path)], by=OPERATOR)
        assert (await asked(host, workflow, "leave"))[0] == []
        await add(host.store, "mail", [tmp_path / "papers" / "leave.md"], by=OPERATOR)
        found, body = await asked(host, workflow, "leave")
        assert [one["source"] for one in found] == ["leave.md"]
        assert "trust" not in body


async def test_an_index_that_was_changed_gives_no_passage_of_another_collection(tmp_path: Path) -> None:
    workflow = searches(HANDBOOK.search)
    async with serving(tmp_path / "home", workflow) as host:
        await add(host.store, "handbook", [folder(tmp_path) / "leave.md"], by=OPERATOR)
        await add(host.store, "mail", [tmp_path / "papers" / "more"], by=OPERATOR)
        with closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite")) as connection:
            connection.execute(
                "UPDATE passages SET text = (SELECT text FROM passages WHERE collection = 'mail')"
                " WHERE collection = 'handbook'"
            )
            connection.commit()
        assert (await asked(host, workflow, "leave"))[0] == []


async def test_who_enters_documents_has_leave_and_names_what_is_there(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", SqliteStore) as store:
        paper = folder(tmp_path) / "leave.md"
        with pytest.raises(NotAllowedError):
            await add(store, "handbook", [paper], by=ADA)
        with pytest.raises(InputError, match="no file or folder"):
            await add(store, "handbook", [tmp_path / "none"], by=OPERATOR)
        with pytest.raises(InputError, match="lower-case"):
            await add(store, "Hand Book", [paper], by=OPERATOR)
        await add(store, "handbook", [paper], by=OPERATOR)
        with pytest.raises(NotAllowedError):
            await remove(store, "handbook", ["leave.md"], by=ADA, reason="x")
        with pytest.raises(InputError, match="needs a reason"):
            await remove(store, "handbook", ["leave.md"], by=OPERATOR, reason=" ")
        with pytest.raises(NotFoundError, match=r"did you mean 'leave\.md'"):
            await remove(store, "handbook", ["leave.mt"], by=OPERATOR, reason="x")
        assert len(listed(store, "default")) == 1


def test_a_text_is_cut_under_its_headings_and_between_words() -> None:
    long = "word " * 1000
    parts = parts_of(f"# One\nfirst\n\nsecond\n\n## Two ##\n\n{long}\n\n{'x' * 3000}")
    assert [(one.title, one.text) for one in parts[:1]] == [("One", "first\n\nsecond")]
    assert {one.title for one in parts[1:]} == {"Two"}
    assert max(len(one.text) for one in parts) <= LONGEST
    assert sum(one.text.count("word") for one in parts) == 1000
    assert sum(one.text.count("x") for one in parts) == 3000
    assert parts_of(" \n\n# Alone\n") == []


# -- what a function of one's own finds ------------------------------------------------------------------


@retrieval(trust="trusted", data=["internal"])
async def wiki(query: str, call: Call) -> list[Passage]:
    """Find pages of the wiki."""
    assert call.attempt == 1
    found = [
        Passage("a page", "wiki/a", 0.25),
        Passage(f"about {query}", "wiki/b", 0.75, more={"page": 7, "text": "not this"}),
    ]
    if query == "mail":
        found.append(Passage("pay us", "inbox/9", 0.5, trust="untrusted", data=["personal"]))
    return found


async def test_a_function_of_ones_own_gives_passages_with_sources_and_scores(tmp_path: Path) -> None:
    workflow = searches(wiki)
    async with serving(tmp_path, workflow) as host:
        found, body = await asked(host, workflow, "leave")
        assert [(one["source"], one["text"], one["score"]) for one in found] == [
            ("wiki/b", "about leave", 0.75),
            ("wiki/a", "a page", 0.25),
        ]
        assert (found[0]["page"], len(found[0]["digest"])) == (7, 64)
        assert (body["trust"], body["data"]) == ("trusted", ["internal"])
        assert body["noted"]["retrieved"] == {"by": "wiki", "scores": ["0.75", "0.25"]}
        found, body = await asked(host, workflow, "mail")
        assert [one["source"] for one in found] == ["wiki/b", "inbox/9", "wiki/a"]
        assert (body["trust"], body["data"]) == ("untrusted", ["internal", "personal"])


@pytest.mark.parametrize("given", ["text", {"a": 1}, 7, ["text"], [Passage("x", "y", float("nan"))]])
async def test_what_are_no_passages_is_refused(given: Any) -> None:
    @retrieval
    def finds(query: str) -> Any:
        return given if query else None

    call = Call("k", "r", "p", 1, None)  # pyright: ignore[reportArgumentType] - no deadline is looked at
    with pytest.raises(ToolError, match="finds is to give"):
        await finds.call({"query": "x"}, call)


def test_a_retrieval_only_reads() -> None:
    with pytest.raises(DefinitionError, match="only reads"):
        retrieval(effect="write")(wiki)
    with pytest.raises(DefinitionError, match="between 1 and 50"):
        Documents("handbook", most=0)
