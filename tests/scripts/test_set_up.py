"""Setting up: what is missing is named with its remedy, and what is there is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a folder with the scripts, and a path on which nothing but basic commands is found."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bin").mkdir()
    for name in ("sh", "dirname", "sed", "mktemp", "cat", "rm", "id", "grep"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def stand_in(clone: Path, name: str, script: str) -> None:
    command = clone / "bin" / name
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o700)


def run(clone: Path, script: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(clone / "bin"), **settings}
    command = [clone / "scripts" / script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def packages(clone: Path, text: str) -> str:
    listed = clone / "system.txt"
    listed.write_text(text, encoding="utf-8")
    return str(listed)


def test_packages_that_are_there_are_left_alone(clone: Path) -> None:
    stand_in(clone, "apt-get", "exit 9")
    listed = packages(clone, "# what for\n\nshell: command -v sh  # always there\n")
    ended = run(clone, "system_packages", listed)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_missing_packages_are_named_where_nothing_may_be_installed(clone: Path) -> None:
    listed = packages(clone, "shell: command -v sh\nzither: command -v zither\nlute: command -v lute\n")
    ended = run(clone, "system_packages", listed)
    assert ended.returncode == 1
    assert "missing: zither lute" in ended.stderr
    assert "sudo apt-get install zither lute" in ended.stderr


def test_missing_packages_are_installed_where_that_needs_no_password(clone: Path) -> None:
    (clone / "bin" / "id").unlink()
    stand_in(clone, "id", "echo 1000")
    stand_in(clone, "sudo", '[ "$1" = -n ] && shift && exec "$@"')
    stand_in(clone, "true", "")
    stand_in(clone, "env", 'shift; exec "$@"')
    stand_in(clone, "apt-get", f'echo "$@" >> {clone}/asked; : > {clone}/lute')
    ended = run(clone, "system_packages", packages(clone, f"lute: [ -e {clone}/lute ]\n"))
    assert ended.returncode == 0, ended.stderr
    asked = (clone / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[0].endswith("update")
    assert asked[1].endswith("install --no-install-recommends lute")


def test_a_python_that_is_too_old_is_named_with_the_remedy(clone: Path) -> None:
    stand_in(clone, "python3", '[ "$1" = -V ] && echo Python 3.9.2; exit 1')
    ended = run(clone, "virtual_environment", PYTHON="")
    assert ended.returncode == 1
    assert "needs Python 3.11 or newer; python3 is Python 3.9.2" in ended.stderr
    assert "apt install python3 python3-venv" in ended.stderr


def test_a_python_without_venv_is_named_with_its_package(clone: Path) -> None:
    stand_in(clone, "python3", 'case "$2" in *ensurepip*) exit 1 ;; *venv*) echo python3.12-venv ;; esac')
    ended = run(clone, "virtual_environment", PYTHON="")
    assert ended.returncode == 1
    assert "sudo apt-get install python3.12-venv" in ended.stderr
    assert not (clone / ".venv").exists()


def test_a_good_environment_is_left_alone(clone: Path) -> None:
    for name in ("python", "pip"):
        command = clone / ".venv" / "bin" / name
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text("#!/bin/sh\n", encoding="utf-8")
        command.chmod(0o700)
    ended = run(clone, "virtual_environment")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


LOCK = """\
orjson==3.11.4 \\
    --hash=sha256:aa
uv==0.9.1 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
xmltodict==1.0.2 \\
    --hash=sha256:dd
"""


@pytest.fixture
def asked(clone: Path) -> Path:
    """Give what the stand-ins for pip and uv write down; installing uv brings it along."""
    asked = clone / "asked"
    (clone / "requirements").mkdir()
    (clone / "requirements" / "test.lock").write_text(LOCK, encoding="utf-8")
    uv = f'echo "uv $@" >> {asked}; [ ! -e {clone}/unreachable ]'
    stand_in(clone, "uv-to-be", uv)
    brought = f'cat "$last" >> {asked}; cp {clone}/bin/uv-to-be {clone}/.venv/bin/uv'
    brings = f'for last; do :; done; case "$*" in *only-binary*) {brought} ;; esac'
    configured = f'case "$*" in *"config list"*) cat {clone}/pip.conf; exit ;; esac'
    (clone / "pip.conf").write_text("global.extra-index-url='beside'\n", encoding="utf-8")
    (clone / ".venv" / "bin").mkdir(parents=True)
    found = shutil.which("cp")
    assert found is not None
    (clone / "bin" / "cp").symlink_to(found)
    stand_in(clone, "../.venv/bin/python", f'{configured}; echo "python $@" >> {asked}; {brings}')
    return asked


def install(clone: Path) -> subprocess.CompletedProcess[str]:
    return run(clone, "locked_packages", "requirements/test.lock", "--compile-bytecode")


def test_packages_are_installed_as_locked_by_the_locked_uv(clone: Path, asked: Path) -> None:
    ended = install(clone)
    assert ended.returncode == 0, ended.stderr
    brought, *pinned, installed = asked.read_text(encoding="utf-8").splitlines()
    assert "install --require-hashes" in brought
    assert pinned == ["uv==0.9.1 \\", "    --hash=sha256:bb \\", "    --hash=sha256:cc"]
    assert installed.startswith("uv --quiet pip install")
    assert installed.endswith("--require-hashes --compile-bytecode -r requirements/test.lock")


def test_pip_installs_what_uv_cannot(clone: Path, asked: Path) -> None:
    (clone / "unreachable").touch()
    ended = install(clone)
    assert ended.returncode == 0, ended.stderr
    assert "uv cannot install requirements/test.lock; pip is asked instead" in ended.stderr
    last = asked.read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("python -m pip")
    assert last.endswith("install --require-hashes -r requirements/test.lock")


@pytest.mark.parametrize("setting", ["global.index-url='inside'", ":env:.no-index='1'", "user.proxy='here'"])
def test_where_pip_is_told_to_look_elsewhere_it_is_asked(clone: Path, asked: Path, setting: str) -> None:
    (clone / "pip.conf").write_text(f"{setting}\n", encoding="utf-8")
    ended = install(clone)
    assert ended.returncode == 0, ended.stderr
    assert len(asked.read_text(encoding="utf-8").splitlines()) == 1
    assert not (clone / ".venv" / "bin" / "uv").exists()
