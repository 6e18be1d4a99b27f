"""A key shows its holder what it is good for: no read of the command line passes by that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Cli
from ripieno.cli.catalogue import COMMANDS, Entry
from ripieno.cli.reach import ACTS, REACHED, shown_by

READS = {
    "inbox list": "",
    "inbox show": "t-1",
    "inbox away list": "",
    "runs list": "",
    "runs show": "RUN",
    "runs events": "RUN",
    "runs why": "RUN x y",
    "runs watch": "RUN",
    "workflows list": "",
    "workflows show": "hospital-discharge",
    "workflows deployments": "hospital-discharge",
    "workflows agreement": "hospital-discharge",
    "policy check": "",
    "policy explain": "RUN x",
    "policy whatif": "--policies policies",
    "policy versions": "",
    "policy show": "0000",
    "policy diff": "0000",
    "agents list": "",
    "agents show": "hospital-discharge/summarise",
    "budgets list": "",
    "holds list": "",
    "documents list": "",
    "memory list": "",
    "memory show": "0000",
    "retention list": "",
    "breakers": "",
    "stops": "",
    "principals list": "",
    "principals show": "service:desk",
    "groups list": "",
    "keys list": "",
    "providers list": "",
    "audit emergencies": "",
    "audit log": "",
    "audit report": "--period 4w",
    "audit verify": "",
    "audit export": "--to log.export",
    "audit prove": "RUN 1 --to one.proof",
    "audit key": "",
}
"""Commands that read the data folder, and what they are given."""
FILES = {
    "connectors approve",
    "connectors diff",
    "connectors list",
    "connectors pin",
    "connectors show",
    "check",
    "schema",
    "config view",
    "policy test",
}
"""They look at files and settings, and open no data folder."""
MACHINE = {"backup", "doctor", "db status", "db migrate", "db move"}
"""They are about the machine: no key makes a backup or is for a database, and a doctor says what is amiss
with a key."""


def leaves(entries: tuple[Entry, ...], above: str = "") -> Iterator[str]:
    for entry in entries:
        name = f"{above} {entry.name}".strip()
        yield from leaves(entry.children, name) if entry.children else (name,)


def test_every_command_reads_or_acts() -> None:
    acts = {f"{noun} {verb}".strip() for noun, verbs in ACTS.items() for verb in verbs.split()}
    reached = {f"{noun} {verb}" for noun, verbs in REACHED.items() for verb in verbs.split()}
    assert reached <= set(READS)
    assert not acts & set(READS)
    assert acts | set(READS) | FILES | MACHINE == set(leaves(COMMANDS))
    assert {name for name in leaves(COMMANDS) if shown_by(name.split()) == "nothing"} == acts
    assert {name for name in leaves(COMMANDS) if shown_by(name.split()) == "reached"} == reached
    assert shown_by([]) == shown_by(["inbox"]) == shown_by(["inbox", "away"]) == "tenant"


def key_of(cli: Cli, *arguments: str) -> dict[str, str]:
    made = cli.ok("keys", "create", "service:desk", *arguments, "--output", "json")
    return {"RIPIENO_API_KEY": made.json["api_key"]}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, warm: object) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("reads"), warm)  # pyright: ignore[reportArgumentType] - the session's own
    (cli.folder / "policies").mkdir()
    cli.discharge("low-confidence")
    cli.ok("principals", "grant", "service:desk", "clerk", "administrator", "auditor", "clinician")
    return cli


def reading(cli: Cli, command: str) -> list[str]:
    run = cli.ok("runs", "list", "--output", "json").json[0]["run_id"]
    return [run if word == "RUN" else word for word in (*command.split(), *READS[command].split())]


@pytest.fixture(scope="module")
def starting(filled: Cli) -> dict[str, str]:
    return key_of(filled, "--act", "run.start", "--role", "clerk", "--workflow", "hospital-discharge")


@pytest.fixture(scope="module")
def elsewhere(filled: Cli) -> dict[str, str]:
    return key_of(filled, "--act", "data.read", "--workflow", "stdpay")


@pytest.mark.parametrize("command", READS)
def test_a_key_that_is_good_for_no_read_reads_nothing(
    filled: Cli, starting: dict[str, str], command: str
) -> None:
    refused = filled.run(*reading(filled, command), **starting)
    assert (refused.code, refused.out) == (4, ""), refused
    assert "is not good for data.read" in refused.err


def test_of_a_machine_a_key_is_shown_nothing_that_a_tenant_has(filled: Cli, starting: dict[str, str]) -> None:
    looked = filled.run("doctor", **starting)
    assert looked.code == 1
    assert "is not good for data.read" in " ".join(looked.out.split())
    assert "hospital-discharge" not in looked.out
    refused = filled.run("backup", "elsewhere", **starting)
    assert (refused.code, "without key or token" in refused.err) == (4, True)


LISTS = {"inbox list", "runs list", "workflows list", "agents list", "policy whatif"}
"""They leave out what is not within reach."""


@pytest.mark.parametrize("command", READS)
def test_a_key_for_another_workflow_reads_nothing_of_this_one(
    filled: Cli, elsewhere: dict[str, str], command: str
) -> None:
    refused = filled.run(*reading(filled, command), **elsewhere)
    assert "summarise" not in refused.out
    assert "hospital-discharge" not in refused.out
    if command not in LISTS:
        assert refused.code != 0, refused
        assert refused.out == ""


def test_a_key_for_a_workflow_reads_that_one(filled: Cli) -> None:
    key = key_of(filled, "--act", "data.read", "--workflow", "hospital-discharge")
    for command in ("runs list", "workflows list", "agents list", "workflows show", "agents show"):
        shown = filled.ok(*reading(filled, command), **key)
        assert "hospital-discharge" in shown.out + shown.err, shown


def test_a_key_for_all_workflows_reads_what_is_of_the_tenant(filled: Cli, tmp_path: Path) -> None:
    key = key_of(filled, "--act", "data.read")
    for command in ("principals list", "keys list", "groups list", "budgets list", "holds list", "stops"):
        filled.ok(*reading(filled, command), **key)
    filled.ok("audit", "export", "--to", str(tmp_path / "all.export"), **key)
