"""Verifies an export without the rest of Ripieno: `python -m ripieno.proof EXPORT KEY [CHECKPOINT...]`.

Exit code 0 when it is sound, 1 when something was found, 2 when a file cannot be read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ripieno.proof.notes import NoteError, Verifier
from ripieno.proof.verification import verify_export

__all__ = ["main"]

FEWEST = 2


def main(arguments: Sequence[str]) -> int:
    """Verify, and say what that shows."""
    if len(arguments) < FEWEST:
        sys.stderr.write("usage: python -m ripieno.proof EXPORT KEY [CHECKPOINT...]\n")
        return 2
    export, key, *earlier = arguments
    try:
        verifier = Verifier.read(key if "+" in key else Path(key).read_text(encoding="utf-8"))
        notes = [Path(one).read_text(encoding="utf-8") for one in earlier]
        with Path(export).open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            report = verify_export(file, verifier, notes)
    except (OSError, UnicodeError, NoteError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = f"{report}\n"
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))  # whatever a terminal takes
    return 0 if report.sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
