"""One claimed call on its way out: let through by the breaker, given a place, counted, sent, and judged.

What is refused on the way was not sent: `NotSentError`. What the other side has certainly not done says so
by its class. Anything else leaves a call that writes in doubt, as without all this, and breaks nothing of
exactly once: nothing is sent twice here but what has no effect.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.guarding import Around
from ripieno.model.action import Call
from ripieno.model.durations import seconds
from ripieno.model.errors import AuthenticationError, NotSentError, ToolError
from ripieno.model.participant import Costly, ToolLike
from ripieno.model.spending import NOTHING, Spending
from ripieno.resilience.circuit import Circuit, Closed, Pass
from ripieno.resilience.classify import Failed, classify
from ripieno.resilience.hedging import first_of
from ripieno.resilience.slots import FullError
from ripieno.resilience.systems import Systems, told
from ripieno.resilience.timing import THREADS, TIMEOUTS

if TYPE_CHECKING:
    from ripieno.resilience.policy import Resilience
    from ripieno.resilience.queues import Asked
    from ripieno.resilience.window import Taken

__all__ = ["Outgoing"]

ANSWERED: Final = frozenset({"bad_request", "refused_content"})
"""What the other side has looked at, and would not do; also said of what was done before under this key."""


class HereError(NotSentError):
    """It was refused here, and so says nothing of the system that it was for."""


class Outgoing:
    """One call, in one attempt; in two requests at most, where it is hedged."""

    def __init__(
        self, declared: Resilience, tool: ToolLike, arguments: Mapping[str, Any], call: Call, around: Around
    ) -> None:
        self._declared = declared
        self._tool = tool
        self._arguments = arguments
        self._call = call
        self._around = around
        self._systems = Systems.of(around.store, around.clock)
        self._system = declared.system or tool.name
        self._target = declared.target or tool.name
        self._deadline = around.clock.now() + int(around.left * MICROSECONDS)
        breaker = declared.breaker
        tenant = around.tenant
        self._circuit = None if breaker is None else self._systems.circuit(tenant, self._target, breaker)
        bulkhead = declared.bulkhead
        self._slots = None if bulkhead is None else self._systems.slots(self._system, bulkhead)

    async def sent(self) -> Any:
        """Send it, and give what the tool gave."""
        hedge = self._declared.hedge
        if hedge is None or not (self._tool.effect == "read" or self._declared.repeatable):
            return await self._once(self._call)
        after = seconds(hedge.after)
        if hedge.percentile is not None:
            after = self._systems.latencies(self._target).percentile(hedge.percentile) or after
        calls: list[Call] = []

        async def request(number: int) -> tuple[Call, Any]:
            call = dataclasses.replace(self._call)
            call.given.update(self._call.given)
            calls.append(call)
            return call, await self._once(call, waits=number == 0)

        try:
            answered, output = await first_of(request, after)
            self._call.noted.update(answered.noted)
            return output
        finally:
            self._tell(calls)

    def _tell(self, calls: Sequence[Call]) -> None:
        """Tell what the requests have cost together: of one that told nothing, the most that it can."""
        spent = [call.told for call in calls]
        if getattr(self._tool, "cost", None) is None and not any(spent):
            return
        most = self._most()
        self._call.tell(sum((one if one is not None else most for one in spent), NOTHING))

    def _most(self) -> Spending:
        if getattr(self._tool, "cost", None) is None:
            return NOTHING
        return cast("Costly", self._tool).maximum(self._arguments)

    # -- one request ----------------------------------------------------------------------------------

    async def _once(self, call: Call, *, waits: bool = True) -> Any:
        if self._circuit is not None:
            while (refused := self._circuit.look(self._around.clock.now())) is not None:
                await self._found_out(self._circuit, call, refused, waits=waits)
        await self._enter(call, waits=waits)
        try:
            return await self._counted(call, waits=waits)
        finally:
            if self._slots is not None:
                self._slots.leave()

    async def _enter(self, call: Call, *, waits: bool) -> None:
        if self._slots is None:
            return
        busy = f"{self._system} is busy with others' calls"
        try:
            async with asyncio.timeout(self._left if waits else 0):
                await self._slots.enter(self._around.tenant)
        except FullError:
            raise self._unsent(call, f"{busy}, and as many wait as may", Failed("overloaded")) from None
        except TimeoutError:
            raise self._unsent(call, f"{busy}, and was until the deadline", Failed("overloaded")) from None

    async def _counted(self, call: Call, *, waits: bool) -> Any:
        asks, counts = self._asks()
        if not asks:
            return await self._through(call, waits=waits)
        taken = await self._take(call, asks, waits=waits)
        sent = True
        unused = False
        try:
            return await self._through(call, waits=waits)
        except HereError:
            sent = False
            raise
        except ToolError as error:
            unused = error.failure is not None
            raise
        finally:
            told_tokens = None if call.told is None else call.told.tokens
            amounts = [one.amount for one in taken]
            for number, what in enumerate(counts):
                if not sent:
                    amounts[number] = 0
                elif what == "tokens" and (told_tokens is not None or unused):
                    amounts[number] = told_tokens or 0
            self._systems.queues.settle(asks, taken, amounts)

    def _asks(self) -> tuple[list[Asked], list[str]]:
        if not self._declared.limits:  # as of most tools
            return [], []
        windows = self._systems.windows(
            self._around.tenant, self._system, self._target, self._declared.limits
        )
        tokens = self._most().tokens
        asks = [(window, 1 if counts == "requests" else tokens) for window, counts in windows]
        return asks, [counts for _, counts in windows]

    async def _take(self, call: Call, asks: Sequence[Asked], *, waits: bool) -> Sequence[Taken]:
        wait = self._systems.queues.wait(asks)
        too_long = f"the rate limit of {self._system} has no room before the deadline of this call"
        if wait > (self._left if waits else 0):
            raise self._unsent(call, too_long, Failed("rate_limited", wait))
        try:
            async with asyncio.timeout(self._left if waits else 0):
                return await self._systems.queues.take(asks)
        except TimeoutError:
            wait = self._systems.queues.wait(asks)
            raise self._unsent(call, too_long, Failed("rate_limited", wait)) from None

    async def _found_out(self, circuit: Circuit, call: Call, refused: Closed, *, waits: bool) -> None:
        """Wait until the one call that was let through has found out; where there is none, it is refused."""
        if circuit.state != "half_open" or not waits:
            raise self._open(call, refused)
        found: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        circuit.listening.append(lambda: None if found.done() else found.set_result(None))
        retry = self._declared.retry
        patience = self._left if retry is None or retry.patience is None else seconds(retry.patience)
        try:
            async with asyncio.timeout(min(self._left, patience)):
                await found
        except TimeoutError:
            raise self._open(call, refused) from None

    async def _through(self, call: Call, *, waits: bool) -> Any:
        """Send it by leave of the breaker, which hears what became of it."""
        circuit = self._circuit
        if circuit is None:
            return await self._judged(call)
        while isinstance(leave := circuit.admit(self._around.clock.now()), Closed):
            await self._found_out(circuit, call, leave, waits=waits)
        heard = False
        try:
            await told(self._around.store, self._around.tenant, self._target, circuit)
            output = await self._judged(call)
            heard = True
            circuit.succeeded(leave, self._around.clock.now())
        except HereError:
            raise
        except Exception as error:
            heard = True
            self._hear(leave, error)
            raise
        finally:
            if not heard:
                circuit.forgotten(leave)
            await told(self._around.store, self._around.tenant, self._target, circuit)
        return output

    def _hear(self, leave: Pass, error: Exception) -> None:
        assert self._circuit is not None, "it has let the call through"
        now = self._around.clock.now()
        failed = classify(error, now=now / MICROSECONDS)
        if isinstance(error, ToolError) and error.failure is None:
            self._circuit.succeeded(leave, now)  # the tool has spoken for itself: its system has answered
        else:
            self._circuit.failed(leave, now, failed.failure, failed.retry_after)

    async def _judged(self, call: Call) -> Any:
        """Carry it out, and give what it ended in a class."""
        timeouts = self._declared.timeouts
        left = self._left
        if left <= 0:
            msg = f"{self._tool.name}: not sent, its deadline has passed"
            raise HereError(msg, failure="timeout")
        if self._around.store.spell != self._around.spell:
            msg = f"{self._tool.name}: not sent, this process was held up and may have lost the run"
            raise HereError(msg)
        if timeouts is not None and timeouts.total is not None:
            left = min(left, seconds(timeouts.total))
        times, threads = (
            TIMEOUTS.set(timeouts),
            THREADS.set(None if self._slots is None else self._slots.threads),
        )
        began = self._around.clock.now()
        try:
            async with asyncio.timeout(left):
                output = await self._tool.call(self._arguments, call)
        except AuthenticationError as error:
            error.failure = "auth"
            raise
        except ToolError:
            raise
        except Exception as error:
            raise self._as_it_is(call, error) from error
        finally:
            TIMEOUTS.reset(times)
            THREADS.reset(threads)
        took = (self._around.clock.now() - began) / MICROSECONDS
        self._systems.latencies(self._target).note(took)
        return output

    def _as_it_is(self, call: Call, error: Exception) -> Exception:
        """Give what is to be raised for an error, so that nothing is repeated that may have been done."""
        failed = classify(error, now=self._around.clock.now() / MICROSECONDS)
        text = (
            f"{type(error).__name__}: {error}"
            if str(error)
            else f"no answer in time ({type(error).__name__})"
        )
        if self._tool.effect == "read":
            return ToolError(text, failure=failed.failure, retry_after=failed.retry_after)
        if failed.definite and not (call.owed and failed.failure in ANSWERED):
            kind = ToolError if failed.failure in ANSWERED else NotSentError
            return kind(text, failure=failed.failure, retry_after=failed.retry_after)
        with suppress(AttributeError, TypeError):  # what has no room for it says it by its type
            vars(error).update(failure=failed.failure, retry_after=failed.retry_after)
        return error

    # -- what is refused ------------------------------------------------------------------------------

    @property
    def _left(self) -> float:
        return (self._deadline - self._around.clock.now()) / MICROSECONDS

    def _open(self, call: Call, refused: Closed) -> HereError:
        why = f"the breaker of {self._target} is open ({refused.failure})"
        return self._unsent(call, why, Failed(refused.failure, refused.wait / MICROSECONDS))

    def _unsent(self, call: Call, why: str, failed: Failed) -> HereError:
        call.tell(NOTHING)
        return HereError(f"not sent: {why}", failure=failed.failure, retry_after=failed.retry_after)
