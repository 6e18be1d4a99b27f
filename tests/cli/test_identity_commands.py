"""Who there is, with which roles and keys, at the terminal; and who read what."""

from __future__ import annotations

from typing import Any

from cli.conftest import Cli


def key_of(cli: Cli, *arguments: str) -> str:
    return cli.ok("keys", "create", *arguments, "--output", "json").json["api_key"]


def test_the_directory_decides_who_may_what(cli: Cli) -> None:
    cli.ok("groups", "map", "nobodys", "nothing")
    assert "the local operator holds every role" in cli.ok("principals", "list").err
    cli.ok("groups", "unmap", "nobodys", "nothing")
    cli.ok("principals", "grant", "tester", "operator", "--reason", "no more than that")
    refused = cli.run("principals", "grant", "eve", "administrator")
    assert (refused.code, "role 'administrator'" in refused.err) == (4, True)
    other = {"RIPIENO_PRINCIPAL": "owner"}
    cli.ok("principals", "grant", "ada", "nurse", "--group", "ward 7", **other)
    cli.ok("groups", "map", "ward 7", "clinician", **other)
    [row] = [
        one for one in cli.ok("principals", "list", "--output", "json").json if "ada" in one["principal"]
    ]
    assert (row["roles"], row["groups"]) == (["clinician", "nurse"], ["ward 7"])
    cli.ok("principals", "revoke", "ada", "nurse", "--group", "ward 7", **other)
    cli.ok("groups", "unmap", "ward 7", "clinician", **other)
    assert "it was so already" in cli.ok("groups", "unmap", "ward 7", "clinician", **other).err
    assert cli.ok("groups", "list").out == ""
    cli.ok("principals", "suspend", "tester", "--reason", "on leave", **other)
    assert cli.run("runs", "list").code == 4
    cli.ok("principals", "resume", "tester", **other)
    cli.ok("runs", "list")
    assert "on leave" in cli.ok("audit", "log", "--kind", "principal", **other).out


def test_a_key_is_who_one_is_and_never_shows_itself(cli: Cli) -> None:
    key = key_of(cli, "service:billing", "--act", "data.read", "--expires", "12h")
    come = {"RIPIENO_API_KEY": key}
    cli.ok("runs", "list", **come)
    started = cli.run("principals", "grant", "eve", "clerk", **come)
    assert (started.code, "not good for identity.change" in started.err) == (4, True)
    shown = [cli.run(*command.split(), **come) for command in ("config view", "runs show x", "keys list")]
    assert not [result for result in shown if key.split("_", 2)[2] in result.out + result.err]
    assert "whose API key it is" in shown[0].out
    (row,) = cli.ok("keys", "list", "--output", "json").json
    assert (row["principal"], row["acts"], row["last_used"] is not None) == (
        "service:billing",
        ["data.read"],
        True,
    )
    cli.ok("keys", "revoke", row["key"], "--reason", "leaked")
    refused = cli.run("runs", "list", **come)
    assert (refused.code, "was revoked" in refused.err) == (4, True)
    both = cli.run("runs", "list", RIPIENO_TOKEN="x", **come)  # noqa: S106 - no token at all
    assert (both.code, "both set" in both.err) == (2, True)
    assert cli.run("runs", "list", RIPIENO_TOKEN="a.b.c").code == 4  # noqa: S106 - no token at all
    kinds = [one["kind"] for one in cli.ok("audit", "log", "--output", "json").json]
    assert kinds[:3] == ["login.refused", "key.revoked", "login"]
    assert cli.run("audit", "verify").code == 0


def test_a_verification_for_somebody_with_a_key_reads_no_other_tenant(cli: Cli) -> None:
    key = key_of(cli, "service:auditing")
    cli.ok("principals", "grant", "service:auditing", "auditor")
    assert cli.ok("audit", "verify", RIPIENO_API_KEY=key).code == 0
    cli.ok("principals", "add", "bob", RIPIENO_TENANT="elsewhere")
    refused = cli.run("audit", "verify", RIPIENO_API_KEY=key)
    assert (refused.code, "other tenants" in refused.err) == (4, True)


def test_who_was_shown_labelled_data_is_in_the_log_and_reading_that_is_not(cli: Cli) -> None:
    run = cli.discharge("interaction")
    cli.ok("runs", "show", run["short_id"], "--reason", "the family asked")
    cli.ok("inbox", "show", "t-1")
    cli.ok("inbox", "list")
    log = ("audit", "log", "--kind", "data.read", "--run", run["run_id"], "--output", "json")
    reads: list[Any] = []
    for _ in range(2):
        reads = cli.ok(*log).json
        assert [read["body"]["what"] for read in reads] == ["inbox list", "inbox show", "runs show"]
    assert (reads[2]["reason"], reads[2]["who"]) == ("the family asked", "person:tester")
    assert reads[2]["body"]["classes"] == ["phi"]
    refused = cli.run("audit", "log", RIPIENO_ROLES="clinician")
    assert (refused.code, "Roles auditor, administrator and operator" in refused.err) == (4, True)
    assert cli.ok("audit", "log", "--by", "nobody", "--since", "1h", "--until", "1h").out == ""


def test_whose_tokens_are_trusted_is_said_and_taken_back(cli: Cli) -> None:
    issuer = "https://id.example.org"
    cli.ok("providers", "trust", issuer, "--audience", "ripieno", "--groups", "roles", "--reason", "ours")
    (row,) = cli.ok("providers", "list", "--output", "json").json
    assert (row["issuer"], row["groups"], row["algorithms"][0]) == (issuer, ["roles"], "RS256")
    assert issuer in cli.ok("providers", "list").out
    cli.ok("providers", "distrust", issuer)
    assert cli.run("providers", "distrust", issuer).code == 2
    assert cli.run("providers", "trust", "http://id.example.org", "--audience", "ripieno").code == 2


def test_an_operator_who_may_not_be_shown_what_a_run_holds_is_told_only_how_it_stands(cli: Cli) -> None:
    run = cli.discharge("interaction")
    cli.ok("runs", "pause", run["short_id"], "--reason", "wait")
    operator = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    [resumed] = cli.run("runs", "resume", run["short_id"], "--output", "json", **operator).json
    assert (resumed["status"], resumed["output"], resumed["waiting_for"]) == ("waiting", None, [])
    [own] = cli.run("runs", "resume", run["short_id"], "--output", "json").json
    assert own["waiting_for"], "whoever started it is shown what it waits for"
    log = cli.ok("audit", "log", "--kind", "act.denied", "--output", "json").json
    assert [one["body"]["act"] for one in log] == ["data.read"]


def test_a_list_leaves_out_what_its_reader_may_not_be_shown(cli: Cli) -> None:
    cli.discharge("clean")
    operator = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    [row] = cli.ok("runs", "list", "--output", "json", **operator).json
    assert (row["status"], row["output"]) == ("complete", None)
    [row] = cli.ok("runs", "list", "--output", "json", RIPIENO_ROLES="clinician").json
    assert row["output"] is not None


def test_a_fork_is_for_whoever_may_be_shown_what_its_original_holds(cli: Cli) -> None:
    run = cli.discharge("clean")["short_id"]
    outsider = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    refused = cli.run("runs", "fork", run, "--output", "json", **outsider)
    assert (refused.code, refused.out, "phi-is-read-by-those-who-care" in refused.err) == (4, "", True)
    assert len(cli.ok("runs", "list", "--output", "json").json) == 1, "nothing was begun"
    allowed = cli.ok("runs", "fork", run, "--output", "json", RIPIENO_PRINCIPAL="cleo")
    assert allowed.json["output"] is not None
    reads = cli.ok("audit", "log", "--kind", "data.read", "--by", "person:cleo", "--output", "json").json
    assert "runs fork" in [one["body"]["what"] for one in reads]


def test_a_retry_shows_whoever_commands_it_only_what_they_may_be_shown(cli: Cli) -> None:
    run = cli.discharge("interaction")["short_id"]
    cli.ok("runs", "cancel", run, "--reason", "another way")
    operator = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    result = cli.run("runs", "retry", run, "--reason", "after all", **operator)
    assert "warfarin" not in result.out + result.err
    assert "may not be shown" in result.err


def test_a_business_key_shows_nobody_a_run_that_somebody_else_started(cli: Cli) -> None:
    case = cli.patient("clean")
    command = ("run", "hospital-discharge", "--input", case, "--key", "stay 7", "--output", "json")
    [own] = cli.ok(*command).json
    assert own["output"] is not None
    operator = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    [others] = cli.ok(*command, **operator).json
    assert (others["run_id"], others["output"], others["reason"]) == (own["run_id"], None, None)
    [again] = cli.ok(*command).json
    assert again["output"] is not None
    log = cli.ok("audit", "log", "--kind", "act.denied", "--output", "json").json
    assert [(one["body"]["act"], one["who"]) for one in log] == [("data.read", "person:op")]


def test_an_export_with_values_is_a_read_of_all_that_it_holds(cli: Cli) -> None:
    run = cli.discharge("clean")
    auditor = {"RIPIENO_PRINCIPAL": "ann", "RIPIENO_ROLES": "auditor"}
    refused = cli.run("audit", "export", "--values", "--to", "all.jsonl", **auditor)
    assert (refused.code, (cli.folder / "all.jsonl").exists()) == (4, False)
    assert "phi-is-read-by-those-who-care" in refused.err
    cli.ok("audit", "export", "--to", "structure.jsonl", **auditor)
    cli.ok("audit", "export", "--values", "--to", "all.jsonl")
    [read] = cli.ok("audit", "log", "--kind", "data.read", "--output", "json").json
    assert (read["body"]["what"], read["body"]["runs"]) == ("audit export", [run["run_id"]])


def test_an_export_with_values_holds_no_other_tenants(cli: Cli) -> None:
    run = cli.discharge("clean")
    elsewhere = {"RIPIENO_TENANT": "elsewhere"}
    assert cli.run("principals", "add", "somebody", **elsewhere).code == 0
    for part in ((), ("--since", "1h")):
        refused = cli.run("audit", "export", "--values", *part, **elsewhere)
        assert (refused.code, refused.out) == (4, ""), part
        assert "name runs with --run" in refused.err
    cli.ok("audit", "export", "--values", "--run", run["run_id"])


def test_a_task_that_one_has_made_ones_own_shows_nothing_that_one_may_not_be_shown(cli: Cli) -> None:
    cli.discharge("interaction")
    operator = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    cli.ok("inbox", "reassign", "t-1", "op", "--reason", "mine", **operator)
    listed = cli.ok("inbox", "list", **operator)
    assert "warfarin" not in listed.out
    assert "(not to be shown to you)" in listed.out
    [task] = cli.ok("inbox", "list", "--output", "json", **operator).json
    assert (task["person"], task["title"]) == ("person:op", None)
    refused = cli.run("inbox", "show", "t-1", **operator)
    assert (refused.code, refused.out) == (4, "")
    unseen = cli.run("inbox", "approve", "t-1", "--reason", "sure", "--output", "json", **operator)
    assert (unseen.code, unseen.out, "phi-is-read-by-those-who-care" in unseen.err) == (4, "", True)
    chief = {"RIPIENO_PRINCIPAL": "ada", "RIPIENO_ROLES": "chief-of-staff"}
    cli.ok("inbox", "reassign", "t-1", "role:chief-of-staff", "--reason", "as if it were late", **operator)
    assert "warfarin" in cli.ok("inbox", "show", "t-1", **chief).out
    done = cli.ok("inbox", "approve", "t-1", "--reason", "seen", "--output", "json", **chief).json
    assert (done["status"], done["output"] is not None) == ("complete", True)


def test_policies_of_ones_own_do_not_tell_what_one_may_not_be_shown(cli: Cli) -> None:
    cli.discharge("clean")
    cli.write("guess/guess.cedar", '@id("nothing")\nforbid (principal, action, resource);')
    guess = ("policy", "whatif", "--policies", "guess", "--output", "json")
    operator = {"RIPIENO_PRINCIPAL": "op", "RIPIENO_ROLES": "operator"}
    nothing = cli.ok(*guess, **operator)
    assert (nothing.json, "may not be shown what they hold: 1" in nothing.err) == ([], True)
    assert cli.run(*guess).json
    [read] = cli.ok("audit", "log", "--kind", "data.read", "--output", "json").json
    assert (read["body"]["what"], read["who"]) == ("policy whatif", "person:tester")


def test_whoever_is_turned_away_from_a_task_stands_in_the_log(cli: Cli) -> None:
    cli.discharge("interaction")
    outsider = {"RIPIENO_PRINCIPAL": "mallory", "RIPIENO_ROLES": "clerk"}
    for command in (
        ("show", "t-1"),
        ("approve", "t-1", "--reason", "sure"),
        ("claim", "t-1"),
        ("comment", "t-1", "let me in"),
    ):
        assert cli.run("inbox", *command, **outsider).code == 4, command
    denied = cli.ok("audit", "log", "--kind", "act.denied", "--output", "json").json
    assert {(one["who"], one["body"]["subject"]) for one in denied} == {("person:mallory", "task:t-1")}
    assert [one["body"]["verb"] for one in denied] == ["comment", "claim", "look at", "look at"]
    assert "does not hold it" in denied[-1]["reason"]


def test_the_log_is_told_in_times_and_versions_that_people_can_read(cli: Cli) -> None:
    run = cli.discharge("clean")
    cli.ok("keys", "create", "service:billing", "--expires", "12h")
    told = cli.ok("audit", "log").out
    assert run["version"][:12] in told
    assert run["version"] not in told
    assert "expires 20" in told
    assert '{"' not in told, "what a version declares is shown by ripieno workflows show"
    [registered] = cli.ok("audit", "log", "--kind", "workflow.registered", "--output", "json").json
    assert registered["body"]["version"] == run["version"]


def test_what_passed_in_an_emergency_is_reviewed_by_somebody_else(cli: Cli) -> None:
    cli.discharge("clean")
    assert "nothing is to be reviewed" in cli.ok("audit", "emergencies").err
    assert cli.run("audit", "review", "t-1", "--said", "fine").code == 2
    assert cli.run("audit", "emergencies", RIPIENO_ROLES="clinician").code == 4


def test_a_tenant_is_pinned_where_its_storage_says_that_it_is(cli: Cli) -> None:
    cli.ok("principals", "add", "service:desk")
    refused = cli.run("tenants", "pin", "acme", "eu-central-1", "--reason", "the contract")
    assert (refused.code, "does not say in which region it is" in refused.err) == (1, True)
    there = {"RIPIENO_STORAGE_REGION": "eu-central-1"}
    pinned = cli.ok("tenants", "pin", "acme", "eu-central-1", "--reason", "the contract", **there)
    assert "in region eu-central-1 alone" in pinned.out
    again = cli.ok("tenants", "pin", "acme", "eu-central-1", "--reason", "x", "--output", "json", **there)
    assert again.json == {"tenant": "acme", "region": "eu-central-1", "changed": False}
    assert "in any region" in cli.ok("tenants", "unpin", "acme", "--reason", "it ended").out
