"""Versions of policies at the terminal: kept in the log, promoted, compared, and asked what they said."""

from __future__ import annotations

from cli.conftest import Cli

FORBID = """@id("nothing-is-paid")
@reason("the books are closed")
forbid (principal, action == Action::"tool.call", resource == Tool::"pay");
"""
PAY = "act: tool.call\nupon: tool pay\nfacts: {effect: write}\n"
GREET = """
workflow: greeting
participants: {greet: {function: {import: "words:greet", pure: true}}}
flow: {sequential: [greet]}
"""


def registered(cli: Cli, text: str) -> str:
    cli.write("policies/rules.cedar", text)
    return cli.ok("policy", "register", "--reason", "tried", "--output", "json").json["version"]


def test_a_version_is_promoted_and_then_the_files_are_drafts(cli: Cli) -> None:
    cli.write("pay.yaml", PAY)
    version = registered(cli, FORBID)
    assert "was there already" in cli.ok("policy", "register").out
    assert "the files decide" in cli.ok("policy", "versions").err
    assert "draft" not in cli.ok("policy", "check").err
    cli.ok("policy", "promote", version[:12], "--to", "production", "--reason", "first")
    cli.write("policies/rules.cedar", "// nothing\n")
    assert "these files are a draft and decide nothing" in cli.ok("policy", "check").err
    assert cli.ok("policy", "check", "--output", "json").json["in_production"] == version
    assert "nothing-is-paid" in cli.ok("policy", "explain", "--act", "pay.yaml").out
    files = cli.ok("policy", "explain", "--act", "pay.yaml", "--version", "files").out
    assert "allowed" in files
    changed = cli.run("policy", "diff", version[:12])
    assert changed.code == 1
    assert '-@id("nothing-is-paid")' in changed.out
    assert "1 file different" in changed.err
    assert cli.run("policy", "diff", version[:12], version, "--output", "json").json == {
        "files": [],
        "diff": [],
    }
    cli.ok("policy", "promote", version, "--stage", "draft", "--reason", "for now")
    assert "allowed" in cli.ok("policy", "explain", "--act", "pay.yaml").out
    told = cli.ok("audit", "log", "--kind", "policy", "--output", "json").json
    # that the files by which the log may be read are kept is written beside, and nobody waits for it
    moves = [one["kind"] for one in told if one["kind"] != "policy.kept"]
    assert moves[:2] == ["policy.withdrawn", "policy.deployed"]
    assert cli.ok("audit", "verify").code == 0


def test_a_candidate_gets_a_share_and_is_rolled_back_and_the_rate_tells(cli: Cli) -> None:
    first, second = registered(cli, FORBID), registered(cli, "// nothing\n")
    cli.ok("policy", "promote", first, "--to", "production", "--reason", "first")
    cli.ok("policy", "promote", second, "--to", "staging", "--reason", "next")
    assert "10 %" in cli.ok("policy", "share", "10%", "--reason", "a few").out
    assert "such as '10%'" in cli.run("policy", "share", "some", "--reason", "a few").err
    cli.ok("policy", "rollback", "--reason", "too lax")
    shown = cli.ok("policy", "versions")
    assert "change-fail rate: 50% (1 of 2 rolled back)" in shown.err
    found = cli.ok("policy", "versions", "--output", "json").json
    assert {one["version"]: one["stage"] for one in found["versions"] if one["state"] == "registered"} == {
        first: "production",
        second: "staging",
    }


def test_whoever_would_lock_everybody_out_is_told(cli: Cli) -> None:
    version = registered(cli, FORBID)
    cli.write(
        "drafts/rules.cedar", '@id("nobody") forbid (principal, action == Action::"policy.change", resource);'
    )
    locked = cli.ok("policy", "register", "drafts", "--output", "json").json["version"]
    refused = cli.run("policy", "promote", locked, "--to", "production", "--reason", "why not")
    assert refused.code != 0
    assert "may change policies" in refused.err
    cli.ok("policy", "promote", version, "--to", "production", "--reason", "first")
    cli.ok("policy", "promote", locked, "--to", "production", "--reason", "the end", "--force")
    assert "nobody" in cli.run("policy", "rollback", "--reason", "no").err


def test_what_an_event_names_can_be_read_and_decided_by_later(cli: Cli) -> None:
    cli.write("words.py", "def greet():\n    return 'hello'\n")
    cli.write("greeting.yaml", GREET)
    cli.write("policies/rules.cedar", FORBID)
    [run] = cli.ok("run", "greeting.yaml", "--input", "-", "--output", "json", stdin="null").json
    started = cli.ok("runs", "events", run["run_id"], "--output", "json").json[0]
    named = started["body"]["policy"]
    cli.write("policies/rules.cedar", '@id("no-work") forbid (principal, action, resource is Participant);')
    shown = cli.ok("policy", "show", named)
    assert "under pack standard" in shown.out
    assert '@id("nothing-is-paid")' in shown.out
    assert cli.run("policy", "whatif").code == 1
    assert "0 would be others" in cli.ok("policy", "whatif", "--version", named).err
    document = cli.ok("policy", "show", named, "--pack", "finance", "--output", "json").json
    assert "packs/finance/amounts.cedar" in document["files"]
    assert set(document["packs"]) >= {"finance", "healthcare", "standard", "strict"}
    assert cli.run("policy", "show", "beef").code == 2
    assert cli.run("policy", "whatif", "--version", named, "--policies", "policies").code == 2


def test_nothing_is_kept_where_nothing_has_run(cli: Cli) -> None:
    assert "nothing has run" in cli.run("policy", "diff", "beef").err
    assert cli.ok("policy", "diff", "files").code == 0
    cli.write("drafts/rules.cedar", "forbid")
    assert "drafts/rules.cedar:1" in cli.run("policy", "register", "drafts").err
    cli.write("drafts/rules.cedar", FORBID)
    cli.write("policies/rules.cedar", FORBID)
    there = cli.ok("policy", "register", "drafts", "--output", "json").json
    assert there["version"] == cli.ok("policy", "check", "--output", "json").json["version"]
