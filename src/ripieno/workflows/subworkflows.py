"""Workflows that stand in another one's file as participants: as a file, a Python object, or written out."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ripieno.model.errors import DefinitionError, NotFoundError, Place
from ripieno.model.limits import Limits
from ripieno.participants.workflow import Subworkflow
from ripieno.workflows.entries import WorkflowSettings
from ripieno.workflows.objects import import_from
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.text import At, Text

if TYPE_CHECKING:
    from ripieno.workflows.workflow import Workflow

__all__ = ["declared_workflow"]

loading: ContextVar[tuple[Path, ...]] = ContextVar("ripieno_loading", default=())
"""The files that are being loaded, each for the one before it."""


def declared_workflow(name: str, settings: WorkflowSettings, folder: Path, text: Text, at: At) -> Subworkflow:
    """Give the workflow that an entry declares, as a participant.

    Raises `WorkflowFileError` with every problem of a file or of what is written out.
    """
    declared = settings.allowance
    allowance = None if declared is None else Limits(**dict(declared))
    if settings.file is not None:
        workflow = from_file(folder / settings.file)
    elif settings.object is not None:
        workflow = from_python(settings.object, folder)
    else:
        workflow = written_out(text, (*at, "workflow", "definition"), folder)
    return Subworkflow(workflow, name, given=settings.input, allowance=allowance)


def from_file(path: Path) -> Workflow:
    """Load a workflow from a file, refusing one that is being loaded for itself."""
    from ripieno.workflows.load import load_file  # noqa: PLC0415 - which builds files with this

    file = path.resolve()
    above = loading.get()
    if file in above:
        names = " needs ".join(one.name for one in (*above[above.index(file) :], file))
        msg = f"workflow files need each other in a circle: {names}"
        raise DefinitionError(msg, remedy="a workflow cannot run itself; use a loop")
    token = loading.set((*above, file))
    try:
        return load_file(path).workflow
    except NotFoundError as error:
        raise DefinitionError(error.message) from error
    finally:
        loading.reset(token)


def from_python(reference: str, folder: Path) -> Workflow:
    """Give the workflow that Python calls `module:attribute`."""
    from ripieno.workflows.workflow import Workflow  # noqa: PLC0415 - which knows of this kind of participant

    found: Any = import_from(folder, reference)
    if not isinstance(found, Workflow):
        msg = f"expected a Workflow at {reference!r}, found {type(found).__name__}"
        raise DefinitionError(msg)
    return found


def written_out(text: Text, at: At, folder: Path) -> Workflow:
    """Build a workflow that stands in the file of another."""
    from ripieno.workflows.build import Builder  # noqa: PLC0415 - which builds participants with this
    from ripieno.workflows.document import WorkflowDocument  # noqa: PLC0415 - as above
    from ripieno.workflows.explain import explained  # noqa: PLC0415 - as above

    found: Any = text.data
    for part in at:
        found = found[part]
    lines = {place[len(at) :]: line for place, line in text.lines.items() if place[: len(at)] == at}
    inner = Text(text.file, found, lines)
    try:
        try:
            document = WorkflowDocument.model_validate(found)
        except ValidationError as error:
            raise WorkflowFileError(explained(error, inner)) from error
        return Builder(document, inner, folder).build("")[0]
    except WorkflowFileError as error:
        raise WorkflowFileError([moved(problem, at) for problem in error.problems]) from error


def moved(problem: DefinitionError, at: At) -> DefinitionError:
    """Give a problem with its field as it is called in the whole file."""
    place, before = problem.place or Place(""), ".".join(str(part) for part in at)
    field = before if place.field is None else f"{before}.{place.field}"
    return DefinitionError(problem.message, place=Place(place.file, place.line, field), remedy=problem.remedy)
