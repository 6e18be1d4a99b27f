"""The classes of data that a run's version declares: by them policy decides who is shown what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store

__all__ = ["about_of", "labels_of"]

NOTHING: Final = "{}"
"""What is known of a version that was registered before the inventory was."""


async def about_of(store: Store, run: RunRow) -> Mapping[str, Any] | None:
    """Give what a run's version declares; None where that is not known."""
    for version in await store.versions(run.tenant, run.workflow):
        if version.version == run.version and version.about != NOTHING:
            return json.loads(version.about)
    return None


def labels_of(about: Mapping[str, Any] | None) -> Sequence[str]:
    """Give the classes of data that a version declares; where that is not known, it counts as one."""
    return ("unknown",) if about is None else about.get("data", ())
