"""The clinical notes of a stay: whoever may write into the record wrote them, and nobody answers for it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from pydantic import Field

from ripieno.blueprints.hospital_discharge.fhir import DocumentReference, Record, open_record
from ripieno.blueprints.hospital_discharge.summary_model import Document, Summary
from ripieno.connectors.tool import tool
from ripieno.model.errors import ToolError
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context
from ripieno.participants.function import function

__all__ = ["MOST_NOTES", "Note", "Notes", "notes", "open_note"]

MOST_NOTES: Final = 10
"""So many are opened, the newest of the stay."""
LONGEST_NOTE: Final = 20_000
"""Letters of a note that are shown."""

READABLE: Final = "text/"
NOT_CURRENT: Final = ("superseded", "entered-in-error")


class Note(Document):
    """A clinical note as an agent is shown it."""

    reference: str
    """FHIR reference of the document."""
    written: date | None
    text: str


class Notes(Document):
    """The notes of the stay, and what was left out."""

    notes: list[Note] = Field(default_factory=list[Note])
    left_out: list[str] = Field(default_factory=list[str])
    """Documents of the stay that were not opened, and why."""


@tool(
    effect="read",
    trust="untrusted",
    data=["phi"],
    outside=False,
    on_uncertain="retry",
    timeout="5s",
    settle="100ms",
)
async def open_note(document: str, data: str) -> dict[str, str]:
    """Open a document of the record, whose content is in Base64, and give its text."""
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        msg = f"{document} is not in Base64: {error}"
        raise ToolError(msg) from error
    return {"reference": document, "text": content.decode("utf-8", "replace")[:LONGEST_NOTE]}


@function(pure=True)
async def notes(input: dict[str, Any], summarise: Summary, context: Context) -> Outcome:  # noqa: A002 - bound by this name
    """Open the notes of the stay that is summarised, the newest first."""
    record = open_record(input)
    found = Notes()
    documents = sorted(_of_stay(record, summarise), key=_written, reverse=True)
    for document in documents[:MOST_NOTES]:
        data = _data(document)
        if data is None:
            found.left_out.append(f"{document.reference}: no text is attached")
            continue
        try:
            opened: dict[str, str] = await context.use(open_note, document=document.reference, data=data)
        except ToolError as error:
            found.left_out.append(f"{document.reference}: {error.message}")
            continue
        found.notes.append(
            Note(
                reference=document.reference,
                written=document.date.day if document.date else None,
                text=opened["text"],
            )
        )
    if documents[MOST_NOTES:]:
        found.left_out.append(f"{len(documents) - MOST_NOTES} older notes of the stay")
    return Outcome("complete", found, confidence=Confidence(1.0, "opened as they are"))


def _of_stay(record: Record, summary: Summary) -> Iterator[DocumentReference]:
    stay = summary.stay
    for document in record.all(DocumentReference):
        if stay is None or document.status in NOT_CURRENT:
            continue
        about = [record.reference_to(one) for one in (document.context and document.context.encounter) or []]
        day = document.date.day if document.date else None
        within = day is not None and stay.admitted <= day <= (stay.discharged or day)
        if stay.reference in about or (not about and within):
            yield document


def _written(document: DocumentReference) -> str:
    return document.date.instant.isoformat() if document.date else ""


def _data(document: DocumentReference) -> str | None:
    attached = (content.attachment for content in document.content or [])
    texts = (one for one in attached if one is not None and (one.content_type or "").startswith(READABLE))
    return next((one.data for one in texts if one.data), None)
