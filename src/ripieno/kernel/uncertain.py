"""Finding out whether a call took effect, when all that is left of it is the intent."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from ripieno.kernel.claims import Claim, Ending, idempotency_key
from ripieno.kernel.clock import MICROSECONDS, moment
from ripieno.kernel.covering import covered
from ripieno.kernel.exits import EXITS, call_by_itself
from ripieno.kernel.housed import put_here
from ripieno.kernel.questions import ask, wait_until
from ripieno.kernel.turnstile import Branch
from ripieno.model.participant import Question, ToolLike
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Uncertain"]

RESIDENT_WAIT_SECONDS: Final = 5.0
VERIFY_ATTEMPTS: Final = 3
VERIFY_BACKOFF_SECONDS: Final = 0.2
ROLE: Final = "operator"
RESTORED: Final = (
    "the run was put back from a backup: it may have done this after the backup, which the log does not know"
)
ENDED: Final = "the process ended before it told what became of the call"
FORM: Final = {
    "type": "object",
    "title": "What happened?",
    "properties": {
        "happened": {"type": "boolean", "description": "whether the call took effect"},
        "result": {"description": "what it gave, where it took effect"},
    },
    "required": ["happened"],
    "additionalProperties": False,
}


class Uncertain:
    """One claim whose call may or may not have taken effect."""

    def __init__(
        self,
        scope: Scope,
        branch: Branch,
        tool: ToolLike,
        claim: Claim,
        *,
        arguments: Value,
        error: str | None,
    ) -> None:
        self._scope = scope
        self._execution = scope.execution
        self._branch = branch
        self._tool = tool
        self._claim = claim
        self._arguments = arguments
        self._error = error

    async def resolve(self, not_before: int) -> Ending:
        """Find out as declared, once the other system has settled; a person who was asked is waited for."""
        if self._execution.recording.has(self._question):
            return await self._ask()
        await self._settle(not_before)
        restored = self._execution.restored
        if self._claim.restored is not None and restored is not None and restored.anew:
            return await self._ask()  # another run may have made it, under a key that nobody knows
        if self._tool.on_uncertain == "retry" and self._key_lives():
            return Ending("again", "key", error=self._reason())
        if self._tool.on_uncertain == "verify":
            ending = await self._verify()
            if ending is not None:
                return ending
        return await self._ask()

    @property
    def _question(self) -> str:
        return f"{self._claim.path}/uncertain/{self._claim.attempt}"

    def _key_lives(self) -> bool:
        age = (self._execution.clock.now() - self._claim.first_at) / MICROSECONDS
        return age < self._tool.key_lifetime and self._claim.attempt < self._tool.attempts

    async def _settle(self, not_before: int) -> None:
        left = (not_before - self._execution.clock.now()) / MICROSECONDS
        if left > RESIDENT_WAIT_SECONDS:
            path = f"{self._claim.path}/settle/{self._claim.attempt}"
            await wait_until(self._scope, path, left, self._branch)
        elif left > 0:
            await asyncio.sleep(left)

    async def _verify(self) -> Ending | None:
        for attempt in range(VERIFY_ATTEMPTS):
            try:
                found = await self._found()
            except (Exception, *EXITS) as error:  # a system that cannot say is asked again, then a person is
                if isinstance(error, EXITS) and not call_by_itself(error, self._branch, self._scope.branch):
                    raise
                await asyncio.sleep(VERIFY_BACKOFF_SECONDS * 2**attempt)
                continue
            if found is not None:
                return Ending("done", "verified", output=covered(self._execution, found))
            return Ending("failed" if self._error else "unsent", "verified", error=self._reason())
        return None

    async def _found(self) -> Any:
        """Ask the other system; of a run that was put back, by each key that it may have used."""
        keys = [self._claim.key]
        if self._execution.restored is not None:
            lease, path = self._execution.lease, self._claim.path
            keys += [idempotency_key(lease, path, one) for one in range(1, self._tool.attempts + 1)]
        for key in dict.fromkeys(keys):
            claim = dataclasses.replace(self._claim, key=key)
            call = claim.call(self._execution.lease.run, self._execution.row.tenant)
            if getattr(self._tool, "housed", False):
                put_here(self._scope, call, self._arguments)
            async with asyncio.timeout(self._tool.timeout):
                found = await self._tool.verify(self._arguments.decode(), call)
            if found is not None:
                return found
        return None

    async def _ask(self) -> Ending:
        about = {
            "tool": self._tool.name,
            "arguments": self._arguments.decode(),
            "claimed": moment(self._claim.at).isoformat(timespec="seconds"),
        }
        if self._claim.restored is not None:
            about["restored"] = RESTORED
        else:
            about["error"] = self._error or ENDED
        question = Question(
            role=ROLE,
            title=f"did {self._tool.name} take effect?",
            form=FORM,
            about=about,
            kind="uncertain",
        )
        answer = await ask(self._scope, question, self._question, self._branch)
        if answer.value["happened"]:
            result = self._execution.value(answer.value.get("result"))
            return Ending("done", "person", output=result, by=answer.by)
        return Ending("failed" if self._error else "unsent", "person", error=self._reason(), by=answer.by)

    def _reason(self) -> Value | None:
        return None if self._error is None else self._execution.value(self._error)
