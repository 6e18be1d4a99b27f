"""Where the data folder is, and what is said when it cannot be used."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ripieno.kernel.home import data_folder, find_data_folder
from ripieno.model.errors import SettingsError


def test_the_folder_that_is_named_wins(tmp_path: Path) -> None:
    (tmp_path / ".ripieno").mkdir()
    assert find_data_folder({"RIPIENO_HOME": str(tmp_path / "named")}, tmp_path) == tmp_path / "named"


def test_else_the_nearest_upwards_is_found(tmp_path: Path) -> None:
    (tmp_path / ".ripieno").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_data_folder({}, below) == tmp_path / ".ripieno"


def test_else_it_is_here(tmp_path: Path) -> None:
    assert find_data_folder({}, tmp_path) == tmp_path / ".ripieno"


def test_it_is_its_owners_alone_and_out_of_git(tmp_path: Path) -> None:
    made = data_folder(tmp_path / ".ripieno")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (data_folder(made) / ".gitignore").read_text() == "*\n"


def test_one_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="RIPIENO_HOME"):
        data_folder(tmp_path / "file" / "below")
