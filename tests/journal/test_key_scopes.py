"""What an API key is good for, as the event of its creation holds it."""

from __future__ import annotations

from ripieno.journal.identity import KeyScope


def test_a_part_that_is_not_narrowed_is_none_and_not_empty() -> None:
    scope = KeyScope(roles=("clerk",), acts=())
    assert scope.document() == {"roles": ["clerk"], "workflows": None, "acts": []}
