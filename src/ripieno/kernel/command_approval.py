"""The run that asks for the approval of a command: everybody whom policies name, and then its one use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.kernel.approving import (
    ABOUT,
    DOCUMENT,
    PARTICIPANT,
    PINS,
    SEALED,
    USABLE_SECONDS,
    VERSION,
    WORKFLOW,
    action_of,
    put,
)
from ripieno.kernel.consent import Consent
from ripieno.kernel.questions import wait_for_word
from ripieno.model.definition import Definition
from ripieno.model.gate import Approval, Decision
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Participant, Task, UndoTool

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["COMMAND_APPROVAL"]


class Asking:
    """Asks those whom policies name, one after another, and waits until the approval is used."""

    name = PARTICIPANT
    kind = PARTICIPANT

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what it is asked about."""
        return {"input": task.input.ref}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Ask; raises `DeniedError` where somebody says no, or nobody answers in time."""
        scope = cast("Scope", context)
        store, tenant = scope.execution.store, scope.execution.row.tenant
        said: Any = task.input.decode()

        def decide(approvals: Sequence[Approval]) -> Decision:
            return put(store, action_of(said, tenant, approvals))

        kind, subject = said["subject"]
        what = f"{said['verb']}: {kind} {subject}"
        told = {name: said[name] for name in ("given", "reason", SEALED) if name in said}
        about = {"command": said["verb"], kind: subject, "by": said["by"], **told}
        use = scope.next("use")
        concerned = said.get("concerned", ())
        consent = Consent(scope, scope.next("command"), decide, what, about, concerned=concerned)
        await consent.standing(begun=scope.execution.recording.has(use))
        by = await wait_for_word(scope, use, USABLE_SECONDS)
        if by is None:
            return Outcome("escalated", reason="approved, and not used in time")
        return Outcome("complete", {"used_by": by})


class CommandApproval:
    """What such a run is of; served by every process, as it needs no code but this."""

    name = WORKFLOW
    version = VERSION
    pins = PINS
    facts: Mapping[str, str | int | bool | tuple[str, ...]] = {"version": VERSION, "data": ()}
    source = ""
    root: Participant = Asking()
    bounds = None
    before_bounds = None
    workflows: Sequence[Definition] = ()
    about = ABOUT
    participants = frozenset({PARTICIPANT})

    async def open_secrets(self) -> Sequence[str]:
        """Open nothing: it has no tools."""
        return ()

    def undo_tool(self, reference: str) -> UndoTool | None:
        """Find nothing: it changes nothing that could be undone."""
        del reference

    def document(self) -> dict[str, Any]:
        """Give what its digest covers."""
        return dict(DOCUMENT)

    def check_input(self, value: object) -> None:
        """Take what it is given: nobody else starts one."""
        del value


COMMAND_APPROVAL: Final[Definition] = CommandApproval()
