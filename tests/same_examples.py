"""Has hypothesis make up examples that do not depend on which tests ran before in the same process.

Of itself it mixes in numbers and texts that stand in the source of whatever modules happen to be loaded.
What one test loads would change what another one tries, and a search that has to come upon something would
miss it by chance.
"""

from __future__ import annotations

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

__all__ = ["same_whatever_is_loaded"]


def same_whatever_is_loaded() -> None:
    """Have all examples from here on follow from the test alone."""
    setattr(providers, "_get_local_constants", Constants)  # noqa: B010 - hypothesis offers no setting for it
