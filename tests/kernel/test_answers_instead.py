"""An operator answers in the stead of whoever was asked: recorded as that, with a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.house import ADA, OPERATOR, asked, begin, contents, ended, events, reply, serving
from ripieno.journal.records import ENDED, QuestionRow
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError, NotAllowedError, RefusedError
from ripieno.model.principal import Principal
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.workflows.workflow import Workflow

NIGHT = Principal("person", "night", roles=frozenset({"operator"}))
WORKFLOW = Workflow("visit", human("clinician", role="clinician"))


async def instead(
    host: Host, question: QuestionRow, value: object, *, by: Principal = NIGHT, reason: str = "at home"
) -> None:
    await operators.answer_instead(host.store, host.clock, question, by=by, value=value, reason=reason)


async def test_an_operator_answers_for_a_role_that_he_does_not_hold(tmp_path: Path) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        question = await asked(host, run)
        with pytest.raises(NotAllowedError):
            await reply(host, question, {"proceed": True}, by=NIGHT)
        await instead(host, question, {"proceed": True})
        assert (await ended(host, run)).status == "complete"
        event = (await events(host, run, "answered"))[0]
        assert event.body["by"] == "person:night"
        said = contents(host, event, "content")
    assert (said["for"], said["reason"]) == ("clinician", "at home")


async def test_it_needs_the_role_a_reason_the_form_and_an_open_question(tmp_path: Path) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        question = await asked(host, run)
        with pytest.raises(NotAllowedError, match="'operator'"):
            await instead(host, question, {"proceed": True}, by=ADA)
        with pytest.raises(InputError, match="needs a reason"):
            await instead(host, question, {"proceed": True}, reason=" ")
        with pytest.raises(InputError, match="proceed"):
            await instead(host, question, {"proceed": 7})
        both = (instead(host, question, {"proceed": True}), reply(host, question, {"proceed": True}, by=ADA))
        refused = [item for item in await asyncio.gather(*both, return_exceptions=True) if item is not None]
        assert len(refused) == 1
        assert isinstance(refused[0], RefusedError)
        await ended(host, run)
        with pytest.raises(RefusedError):
            await instead(host, await host.store.question(question.number), {"proceed": True}, by=OPERATOR)


async def test_who_comes_too_late_is_told_who_answered_while_the_run_goes_on(tmp_path: Path) -> None:
    both = concurrent(human("clinician", role="clinician"), human("clerk", role="clerk"), resolve=merge())
    workflow = Workflow("visit", both)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run, "clinician")
        await reply(host, question, {"proceed": True})
        with pytest.raises(RefusedError, match="already answered by person:op"):
            await instead(host, await host.store.question(question.number), {"proceed": False})
        assert (await host.store.run(run)).status not in ENDED
