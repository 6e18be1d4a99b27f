"""Documents at the terminal: entered from a folder, listed, and taken out again."""

from __future__ import annotations

from cli.conftest import Cli


def test_documents_are_entered_listed_and_removed(cli: Cli) -> None:
    cli.write("papers/leave.md", "# Leave\n\nSixteen weeks.")
    cli.write("papers/logo.png", "no text")
    done = cli.ok("documents", "add", "handbook", "papers", "--output", "json").json
    assert [(one["source"], one["state"]) for one in done] == [("leave.md", "added"), ("logo.png", "refused")]
    assert "unchanged" in cli.ok("documents", "add", "handbook", "papers").out
    refused = cli.run("documents", "add", "handbook", "papers/logo.png")
    assert (refused.code, "not known as text" in " ".join(refused.out.split())) == (2, True)
    assert cli.run("documents", "add", "handbook").code == 2
    [one] = cli.ok("documents", "list", "handbook", "--output", "json").json
    assert (one["source"], one["passages"], one["by"]) == ("leave.md", 1, "person:tester")
    assert "leave.md" in cli.ok("documents", "list").out
    assert cli.run("documents", "remove", "handbook", "--reason", "old").code == 2
    assert "removed" in cli.ok("documents", "remove", "handbook", "leave.md", "--reason", "outdated").out
    assert "there were none" in cli.ok("documents", "remove", "handbook", "--all", "--reason", "x").err
    assert "there are no documents" in cli.ok("documents", "list").err
    log = cli.ok("audit", "log").out
    assert ("document" in log, "outdated" in log, "leave.md" in log) == (True, True, False)
    assert "sound" in cli.ok("audit", "verify").out
