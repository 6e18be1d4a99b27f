"""What is wrong with policies: all of it at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable

from ripieno.model.errors import DefinitionError

__all__ = ["PolicyError"]


class PolicyError(DefinitionError):
    """Policies that cannot be used. Its text has every problem found, in the order of files and lines."""

    code = "policy"

    def __init__(self, problems: Iterable[DefinitionError]) -> None:
        self.problems: tuple[DefinitionError, ...] = tuple(sorted(problems, key=where))
        """Each with the file, and the line where it is known."""
        first = self.problems[0]
        super().__init__(first.message, place=first.place, remedy=first.remedy)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def where(problem: DefinitionError) -> tuple[str, int]:
    """Give what problems are ordered by."""
    return ("", 0) if problem.place is None else (problem.place.file, problem.place.line or 0)
