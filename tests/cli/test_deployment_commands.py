"""Which version new runs have, decided and shown at the terminal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from cli.conftest import Cli

WORKFLOW = """
workflow: greeting
owner: front-desk
participants:
  greet: {{function: {{import: "{0}:greet", pure: true}}}}
flow: {{sequential: [greet]}}
"""


def version(cli: Cli, says: str) -> str:
    """Write and register a version that says something; give the version."""
    cli.write(f"{says}/words_{says}.py", f"def greet():\n    return '{says}'\n")
    cli.write(f"{says}/greeting.yaml", WORKFLOW.format(f"words_{says}"))
    return cli.ok("workflows", "register", f"{says}/greeting.yaml", "--output", "json").json["version"]


def said(cli: Cli, *more: str) -> Any:
    cli.write("nothing.json", "null")
    [run] = cli.ok("run", "greeting", "--input", "nothing.json", "--output", "json", *more).json
    return run["output"]


def test_new_runs_have_what_is_in_production_or_the_share_of_a_candidate(cli: Cli) -> None:
    hello, hi = version(cli, "hello"), version(cli, "hi")
    drafts = cli.run("run", "greeting", "--input", "-", stdin="null")
    assert (drafts.code, "no workflow 'greeting'" in drafts.err) == (2, True)
    assert cli.run("workflows", "promote", "greeting", "--to", "production").code == 2
    cli.ok("workflows", "promote", "greeting", hello[:12], "--to", "production", "--reason", "first")
    assert said(cli) == "hello"
    cli.ok("workflows", "promote", "greeting", hi, "--to", "staging")
    assert said(cli) == "hello"
    cli.ok("workflows", "share", "greeting", "100%")
    assert said(cli, "--key", "case") == "hi"
    cli.ok("workflows", "rollback", "greeting", "--reason", "too short")
    cli.ok("workflows", "promote", "greeting", "--to", "production")
    assert said(cli) == "hi"
    stages = {row["version"]: row["stage"] for row in cli.ok("workflows", "list", "--output", "json").json}
    assert stages == {hello: "draft", hi: "production"}
    shown = cli.ok("workflows", "deployments", "greeting")
    assert "change-fail rate: 33% (1 of 3 rolled back)" in shown.err
    found = cli.ok("workflows", "deployments", "greeting", "--output", "json").json
    table = {one["version"]: (one["stage"], one["share"], one["runs"]) for one in found["versions"]}
    assert table == {hello: ("draft", 0, 2), hi: ("production", 100, 2)}
    assert cli.ok("audit", "verify").code == 0


def test_mistakes_are_told_with_what_to_do(cli: Cli) -> None:
    hello = version(cli, "hello")
    assert cli.run("workflows", "promote", "greeting", "beef", "--to", "staging").code == 2
    assert cli.run("workflows", "deployments", "meeting").code == 2
    assert "such as '10%'" in cli.run("workflows", "share", "greeting", "some").err
    assert cli.run("workflows", "protect", "--reason", "so").code == 2
    cli.write("hello/words_hello.py", "def greet():\n    return 'bye'\n")
    refused = cli.run("workflows", "promote", "greeting", hello, "--to", "production")
    assert (refused.code, "holds another version now" in refused.err) == (1, True)


def test_drafts_of_a_protected_workflow_are_refused(cli: Cli) -> None:
    hello, hi = version(cli, "hello"), version(cli, "hi")
    cli.ok("workflows", "promote", "greeting", hello, "--to", "production")
    cli.ok("workflows", "promote", "greeting", hi, "--to", "production")
    cli.ok("workflows", "protect", "--all", "--reason", "an audit")
    assert "it was so already" in cli.ok("workflows", "protect", "--all", "--reason", "an audit").err
    refused = cli.run("run", "hello/greeting.yaml", "--input", "-", stdin="null")
    assert (refused.code, "is a draft" in refused.err) == (1, True)
    assert "protected" in cli.ok("workflows", "deployments", "greeting").err
    cli.ok("workflows", "unprotect", "--all", "--reason", "done")
    assert said(cli) == "hi"
    cli.ok("run", "hello/greeting.yaml", "--input", "nothing.json")
    (cli.folder / "hello" / "greeting.yaml").unlink()
    back = cli.ok("workflows", "rollback", "greeting", "--reason", "bad")
    assert "no new run starts by the name greeting" in back.err
    assert cli.run("run", "greeting", "--input", "nothing.json").code == 2


def test_code_that_a_changed_row_names_is_never_imported(cli: Cli) -> None:
    hello = version(cli, "hello")
    cli.ok("workflows", "promote", "greeting", hello, "--to", "production")
    assert said(cli) == "hello"
    trace = cli.folder / "imported"
    cli.write("evil.py", f"open({str(trace)!r}, 'w').close()\nflow = None\n")
    with closing(sqlite3.connect(cli.home / "journal.sqlite", isolation_level=None)) as log:
        log.execute("UPDATE versions SET source = ?", (f"{cli.folder / 'evil.py'}:flow",))
    run = cli.run("run", "greeting", "--input", "nothing.json")
    promoted = cli.run("workflows", "promote", "greeting", hello, "--to", "production")
    for refused in (run, promoted):
        assert refused.code != 0
        assert "was registered from" in refused.err.replace("\n", " ")
    [listed] = cli.ok("workflows", "list", "--output", "json").json
    assert listed["code"] == "gone"
    cli.run("doctor")
    cli.run("worker", "--until-idle")
    assert not trace.exists()
    verified = cli.run("audit", "verify")
    assert (verified.code, "of versions says source" in verified.out) == (1, True)
