"""Refuse committed files that name one machine's folders or a package registry's host.

Either makes a build that works in one place only.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDERS: Final = rb"(?<![\w.$}])/(?:work|root|home/\w[\w.-]*|Users/\w[\w.-]*)(?![\w-])"
HOSTS: Final = (
    rb"\b(?:(?:test\.)?pypi\.org|files\.pythonhosted\.org|registry\.(?:npmjs\.org|yarnpkg\.com)"
    rb"|(?:deb|security)\.debian\.org|(?:archive|security|ports)\.ubuntu\.com"
    rb"|(?:conda|repo)\.anaconda\.(?:org|com)|proxy\.golang\.org|index\.crates\.io)\b"
)
UNCLEAN: Final = {
    "a folder of one machine": re.compile(FOLDERS),
    "the host of a package registry": re.compile(HOSTS),
}


def committed() -> list[Path]:
    """Give the files that git tracks, as they stand in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True)  # noqa: S607 - git of the path
    paths = (Path(name.decode()) for name in listed.stdout.split(b"\0") if name)
    return [path for path in paths if path.is_file()]


def findings(path: Path) -> Iterator[str]:
    """Give each unclean word of a file with its place."""
    content = path.read_bytes()
    for what, pattern in UNCLEAN.items():
        for match in pattern.finditer(content):
            line = content.count(b"\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match.group().decode()} is {what}"


def main() -> int:
    """Report every finding; give the exit code."""
    found = [finding for path in committed() for finding in findings(path)]
    for finding in found:
        print(finding)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
