"""What is wrong with a workflow file: all of it at once, each with its place."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.model.errors import DefinitionError

__all__ = ["WorkflowFileError"]


class WorkflowFileError(DefinitionError):
    """A workflow file that cannot be used. Its text has every problem found, in the order of lines."""

    def __init__(self, problems: Sequence[DefinitionError]) -> None:
        once = {str(problem): problem for problem in problems}  # a module fails all participants from it
        self.problems: tuple[DefinitionError, ...] = tuple(sorted(once.values(), key=line_of))
        """Each once, with the file, the line and the field."""
        first = self.problems[0]
        super().__init__(first.message, place=first.place, remedy=first.remedy)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def line_of(problem: DefinitionError) -> int:
    """Give the line a problem is at; 0 where none is known."""
    return 0 if problem.place is None else problem.place.line or 0
