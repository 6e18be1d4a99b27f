"""The front page, the parser's errors, the settings and their origins."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from cli.conftest import Cli


def test_the_front_page_names_every_command_and_loads_nothing_for_it(cli: Cli) -> None:
    shown = cli.ok("--help").out
    for name in ("run", "runs", "inbox", "workflows", "check", "audit", "demo", "init", "doctor", "config"):
        assert f"\n  {name} " in shown
    code = (
        "import sys; from ripieno.cli.front import command; command(['--help']); print(*sorted(sys.modules))"
    )
    loaded = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout
    assert not {"cyclopts", "rich", "pydantic", "sqlite3"} & set(loaded.split())


def test_the_front_page_fits_a_terminal_of_80_columns(cli: Cli) -> None:
    assert max(map(len, cli.ok("--help").out.splitlines())) <= 80


def test_every_command_has_help(cli: Cli) -> None:
    shown = cli.ok("runs", "fork", "--help").out
    assert "Only the original owns its effects" in shown
    assert "--home" in shown
    assert "migrate" in cli.ok("runs", "--help").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs", "lst"), 'Did you mean "list"'),
        (("frobnicate",), "Unknown command"),
        (("run",), "requires an argument"),
        (("runs", "list", "--status", "sleeping"), "sleeping"),
        (("runs", "resume"), "expected a run, or --all"),
    ],
    ids=["misspelt", "unknown", "incomplete", "bad value", "neither run nor all"],
)
def test_a_command_that_cannot_be_understood_is_a_usage_error(
    cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    result = cli.run(*arguments)
    assert result.code == 2
    assert said in result.err
    assert not result.out


def test_flags_go_before_variables_before_the_project_file_before_defaults(cli: Cli) -> None:
    cli.write("ripieno.toml", 'output = "json"\ninput_limit = "1MB"\nat_once = 3\n')
    found = {item["setting"]: item for item in cli.ok("config", "view", RIPIENO_AT_ONCE="5").json}
    assert found["output"]["from"].endswith("ripieno.toml")
    assert found["input_limit"]["value"] == "1MB"
    assert (found["at_once"]["value"], found["at_once"]["from"]) == ("5", "RIPIENO_AT_ONCE")
    assert found["tenant"]["from"] == "default"
    flagged = cli.ok("config", "view", "--output", "jsonl").out
    assert '"from": "--output"' in flagged


def test_options_for_everything_may_stand_before_the_command(cli: Cli) -> None:
    found = cli.ok("--output", "json", "--home", "elsewhere", "config", "view").json
    assert found[0] == {
        "setting": "home",
        "value": str(cli.folder / "elsewhere"),
        "from": "--home",
        "variable": "RIPIENO_HOME",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('outpt = "json"\n', "ripieno.toml:1 (outpt): no setting is called 'outpt' (did you mean 'output'?)"),
        ('\noutput = "xml"\n', "expected table, json or jsonl, got 'xml'"),
        ("output = \n", "ripieno.toml: cannot be read"),
        ('input_limit = "lots"\n', "expected a size such as '64MB', got 'lots'"),
        ('tenant = "no spaces please"\n', "must be 1 to 128"),
    ],
    ids=["unknown", "bad value", "not TOML", "bad size", "bad tenant"],
)
def test_a_project_file_with_a_mistake_is_refused_by_file_and_place(cli: Cli, text: str, said: str) -> None:
    cli.write("ripieno.toml", text)
    result = cli.run("runs", "list")
    assert result.code == 2
    assert said in result.err


def test_nothing_is_made_by_only_looking(cli: Cli) -> None:
    assert cli.ok("runs", "list", "--output", "json").json == []
    assert not cli.home.exists()
    result = cli.run("runs", "show", "abcdef")
    assert result.code == 2
    assert "nothing has run in" in result.err


def test_a_file_is_no_data_folder(cli: Cli) -> None:
    result = cli.run("runs", "list", "--home", cli.write("notes.txt", ""))
    assert result.code == 2
    assert "notes.txt is not a folder" in result.err


def test_an_unexpected_error_is_short_and_says_where_the_traceback_is(cli: Cli) -> None:
    cli.write("broken.py", "raise ValueError('on purpose')\n")
    result = cli.run("run", "broken:workflow", "--input", cli.patient("clean"))
    assert result.code != 0
    assert "on purpose" in result.err
    assert "Traceback" not in result.err


def test_the_version_is_told(cli: Cli) -> None:
    assert cli.ok("--version").out.startswith("ripieno ")


TWICE = """workflow: twice
owner: me
purpose: to try
participants:
  measure: {function: {import: "measures:measure", pure: true}}
  weigh: {function: {import: "measures:weigh", pure: true}}
flow: {sequential: [measure, measure]}
limits: {deadline: 1d}
"""


def test_a_check_says_once_what_is_wrong_and_puts_no_stage_beside_itself(cli: Cli) -> None:
    cli.write("twice.yaml", TWICE)
    cli.write("measures.py", "raise ValueError('no scales')\n")
    broken = cli.run("check", "twice.yaml", "--output", "json")
    assert (broken.code, len(broken.json)) == (1, 1), broken
    assert "no scales" in broken.json[0]["reason"]
    cli.write(
        "measures.py", "def measure(input):\n    return input\n\n\ndef weigh(input):\n    return input\n"
    )
    sound = cli.ok("check", "twice.yaml", "--output", "json")
    assert "independent-stages" not in [finding["code"] for finding in sound.json]


def test_a_closed_output_harms_nothing_and_a_full_one_is_told_of(cli: Cli) -> None:
    cli.write("parts.py", ONE_STEP)
    command = shlex.join(cli.command("run", "parts.py:one"))
    for redirected, code in (("<&- >&- 2>&-", 0), (">/dev/full", 1)):
        found = subprocess.run(  # noqa: S602 - what shells do
            f"{command} {redirected}",
            shell=True,
            cwd=cli.folder,
            env=cli.environment,
            capture_output=True,
            check=False,
            text=True,
        )
        assert found.returncode == code, (redirected, found.stderr)
    assert "cannot write: No space left on device" in found.stderr
    assert "sound" in cli.ok("audit", "verify").out


ONE_STEP = """
from ripieno import Workflow, function

@function(pure=True)
def say():
    return "said"

one = Workflow("one", say)
"""
