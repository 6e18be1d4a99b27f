"""Somebody begins to work here: an account, a place to work, a licence, and the title, in three systems.

No model is at work: each stage calls a system. They change together or not at all: when the last stage
fails, what the others did is taken back.
"""

from __future__ import annotations

import os
from typing import Any

from ripieno import Context, Data, Limits, Outcome, Workflow, function, human, sequential
from ripieno.connectors.systems.entra import Entra
from ripieno.connectors.systems.servicenow import ServiceNow
from ripieno.connectors.systems.workday import Workday
from ripieno.model.errors import ToolError

SYSTEMS = os.environ.get("ONBOARDING_SYSTEMS", "http://127.0.0.1:8741")
LICENCE = "c7df2760-2c81-4ef7-b578-5b5392b571df"

workday = Workday(
    "workday", f"{SYSTEMS}/workday", tenant="acme", api=os.environ.get("ONBOARDING_WORKDAY", "v1")
)
servicenow = ServiceNow("servicenow", f"{SYSTEMS}/servicenow")
entra = Entra("entra", f"{SYSTEMS}/entra/v1.0", overrides={"create_user": {"settle": "1s"}})


@function(pure=True)
async def account(input: dict[str, Any], context: Context) -> dict[str, Any]:  # noqa: A002 - bound by this name
    """Create the account, by what Workday knows of them."""
    worker = await context.use(workday.tool("read_worker"), worker=input["worker"])
    user = await context.use(
        entra.tool("create_user"),
        user_principal_name=f"{input['mail_name']}@example.com",
        display_name=worker["name"],
        more={"usageLocation": input["country"]},
    )
    return {"user": user["id"], "was": worker["title"]}


@function(pure=True)
async def workplace(input: dict[str, Any], context: Context) -> dict[str, Any]:  # noqa: A002 - as above
    """Ask for a place to work and a machine."""
    wanted = f"a desk and a {input['machine']} for {input['mail_name']}"
    task = await context.use(
        servicenow.tool("create_record"), table="sc_task", fields={"short_description": wanted}
    )
    return {"task": task["number"]}


@function(pure=True)
async def title(
    input: dict[str, Any],  # noqa: A002 - as above
    account: dict[str, Any],
    workplace: dict[str, Any],
    context: Context,
) -> Outcome:
    """Give them a licence and their title; without a licence nobody begins."""
    try:
        await context.use(entra.tool("assign_licence"), user=account["user"], sku_id=LICENCE)
    except ToolError as error:
        return Outcome("failed", reason=error.message)
    given = {"worker": input["worker"], "title": input["title"], "was": account["was"]}
    await context.use(workday.tool("change_title"), **given)
    return Outcome("complete", {**workplace, "user": account["user"], "title": input["title"]})


begins = human(
    "begins", role="hr", title="Do they begin?", form={"type": "object", "required": ["proceed"]}, due="3d"
)


workflow = Workflow(
    "hr-onboarding",
    sequential(account, workplace, begins.on_failure("undo"), title.on_failure("undo")),
    owner="people-operations",
    purpose="an account, a place to work and a title for who begins to work here",
    risk="medium",
    data=[Data.PERSONAL],
    limits=Limits(deadline="30d"),
)
