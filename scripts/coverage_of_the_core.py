"""Hold the core at 100 % of lines and branches: what it promises has to be shown, all of it.

Usage: coverage_of_the_core.py REPORT, the JSON report of coverage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

CORE: Final = ("src/ripieno/model/", "src/ripieno/journal/", "src/ripieno/kernel/")


def findings(file: str, report: Mapping[str, Any]) -> Iterator[str]:
    """Give each line and branch of a file that no test runs."""
    for line in report["missing_lines"]:
        yield f"{file}:{line}: never run"
    missing = set(report["missing_lines"])
    for start, end in report["missing_branches"]:
        if start not in missing:
            where = f"to line {end}" if end > 0 else "to the end"
            yield f"{file}:{start}: never goes on {where}"


def main(report: str) -> int:
    """Report every finding; give the exit code."""
    files = json.loads(Path(report).read_text(encoding="utf-8"))["files"]
    core = {file: found for file, found in files.items() if file.startswith(CORE)}
    absent = [folder for folder in CORE if not any(file.startswith(folder) for file in core)]
    found = [finding for file in sorted(core) for finding in findings(file, core[file])]
    for folder in absent:
        print(f"{folder}: not in the report; was it written by this run?")
    for finding in found:
        print(finding)
    print(f"{len(core)} files of the core, {len(found)} lines or branches without a test")
    return int(bool(found or absent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
