"""`ripieno audit report` at the terminal: what it prints, writes, refuses and tells by its exit code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from conftest import Cli

FLOW = """\
workflow: notes
data: [phi]
owner: care
participants:
  keep: {function: {import: "notes:keep"}}
flow: keep
"""
CODE = """\
from ripieno import function

@function(pure=True)
def keep(input):
    return input
"""


TOOL_FLOW = """\
workflow: ward
policy: healthcare
participants:
  look: {function: {import: "ward:look"}}
flow: look
"""
TOOL_CODE = """\
from ripieno import Context, function, tool

@tool(effect="read", trust="trusted", data=["phi"])
def chart(patient: str) -> str:
    return "canary-chart of " + patient

@function(pure=True)
async def look(input, context: Context):
    return await context.use(chart, patient=input["patient"])
"""


def ran(cli: Cli) -> None:
    cli.write("notes.yaml", FLOW)
    cli.write("notes.py", CODE)
    cli.write("in.json", json.dumps({"note": "canary-note"}))
    cli.ok("run", "notes.yaml", "--input", "in.json", "--key", "n-1")


def test_a_report_is_printed_written_or_given_to_programs(cli: Cli) -> None:
    ran(cli)
    page = cli.ok("audit", "report", "--run", "n-1", "--reason", "review").out
    assert page.startswith("# Run ")
    assert "## Who has seen its data" in page
    written = cli.ok("audit", "report", "--period", "1h", "--to", "period.md")
    assert written.out == ""
    assert "| notes |" in (cli.folder / "period.md").read_text(encoding="utf-8")
    document = json.loads(cli.ok("audit", "report", "--run", "n-1", "--output", "json").out)
    assert (document["key"], document["proof"]["problems"]) == ("n-1", [])
    assert [one["what"] for one in document["tenant_log"]][-2:] == ["audit report", "audit report"]
    assert document["tenant_log"][-2]["reason"] == "review"


def test_who_may_not_see_the_data_may_have_a_report_without_it(cli: Cli) -> None:
    ran(cli)
    nobody = {"RIPIENO_PRINCIPAL": "nora", "RIPIENO_ROLES": "clerk"}
    auditor = {"RIPIENO_PRINCIPAL": "otto", "RIPIENO_ROLES": "auditor"}
    assert cli.run("audit", "report", "--period", "1h", **nobody).code == 4
    assert cli.run("audit", "report", "--run", "n-1", "--no-values", **nobody).code == 4
    page = cli.ok("audit", "report", "--run", "n-1", "--no-values", **auditor).out
    assert "canary-note" not in page
    assert "## Who worked, and what each was shown" in page
    assert cli.run("audit", "report", "--run", "n-1", "--no-values", "--output", "json").code == 2


def test_what_a_tool_alone_declares_is_shown_to_nobody_else_and_never_unrecorded(cli: Cli) -> None:
    cli.write("ward.yaml", TOOL_FLOW)
    cli.write("ward.py", TOOL_CODE)
    cli.write("in.json", json.dumps({"patient": "Ann"}))
    cli.ok("run", "ward.yaml", "--input", "in.json", "--key", "w-1")
    nosy = {"RIPIENO_PRINCIPAL": "nosy", "RIPIENO_ROLES": "clerk,auditor"}
    carer = {"RIPIENO_PRINCIPAL": "cleo", "RIPIENO_ROLES": "clinician"}
    for words in (
        ("runs", "show", "w-1", "--values"),
        ("audit", "report", "--run", "w-1"),
        ("audit", "export", "--run", "w-1", "--values", "--to", "out"),
    ):
        refused = cli.run(*words, **nosy)
        assert refused.code == 4
        assert "canary-chart" not in refused.out + refused.err
    assert "canary-chart" not in cli.run("runs", "list", "--output", "json", **nosy).out
    assert "canary-chart" in cli.ok("runs", "show", "w-1", "--values", **carer).out
    reads = json.loads(cli.ok("audit", "log", "--kind", "data.read", "--output", "json").out)
    assert {"person:cleo", "person:nosy"} <= {one["body"]["by"] for one in reads}


def test_what_it_cannot_be_about_is_refused(cli: Cli) -> None:
    ran(cli)
    for words, said in (
        ((), "a run or a period"),
        (("--run", "n-1", "--period", "1h"), "a run or a period"),
        (("--period", "2026-12-01..2026-11-01"), "ends before it begins"),
        (("--period", "yesterday"), "expected a time"),
        (("--run", "n-2"), "n-2"),
    ):
        refused = cli.run("audit", "report", *words)
        assert refused.code in (1, 2)
        assert said in refused.err


def test_a_log_that_does_not_hold_together_is_told_with_it(cli: Cli) -> None:
    ran(cli)
    with closing(sqlite3.connect(cli.home / "journal.sqlite")) as connection, connection:
        connection.execute(
            "UPDATE events SET envelope = CAST(replace(envelope, 'complete', 'complets') AS BLOB)"
        )
    told = cli.run("audit", "report", "--period", "1h")
    assert told.code == 1
    assert "does not hold together" in told.out


def test_the_proof_in_a_report_verifies_by_the_public_key_alone(cli: Cli) -> None:
    ran(cli)
    cli.ok("audit", "checkpoint")
    page = cli.ok("audit", "report", "--run", "n-1").out
    document = json.loads(cli.ok("audit", "report", "--run", "n-1", "--output", "json").out)
    assert document["proof"]["inclusion"] in page.replace("```", "")
    assert "sound" in document["proof"]["verdict"]
    cli.write("last.proof", document["proof"]["inclusion"])
    key = cli.ok("audit", "key").out.strip()
    verified = cli.ok("audit", "verify", "--proof", "last.proof", "--key", key)
    assert f"event {document['proof']['events']}" in verified.out
