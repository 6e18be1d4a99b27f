"""A process that backs up, or restores, over and over until it is killed; it says each that is whole.

python -m tests.anchoring.support.backup_child backup|restore FROM TO
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from ripieno.anchoring.backup import back_up
from ripieno.anchoring.restore import restore

if __name__ == "__main__":
    what, source, to = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    print("begun", flush=True)  # noqa: T201 - the parent reads it
    for number in count():
        place = to / str(number)
        if what == "backup":
            back_up(source, place, with_keys=True)
        else:
            restore(source, place, by="person:op")
        print(place, flush=True)  # noqa: T201 - the parent reads it
