"""Tools that are not as they were approved."""

from __future__ import annotations

from ripieno.model.errors import NotSentError

__all__ = ["QuarantinedError"]


class QuarantinedError(NotSentError):
    """A tool is not as it was approved, and is not called before somebody has approved how it is now."""

    code = "quarantined"
