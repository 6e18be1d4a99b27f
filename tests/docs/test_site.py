"""The documentation builds without a warning, and reading it fetches nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]+src="?https?:|<link[^>]+rel="?(?:stylesheet|preconnect)"?[^>]+https?:'
)


def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - a fixed command
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert pages
    assert not [page for page in pages if FETCHED.search(page.read_text(encoding="utf-8"))]
