"""An incident is investigated: nobody can say in advance which steps it takes.

All participants are rules, and nothing outside is touched: measures, logs and changes stand in the
input, and `roll_back` only says what it would do. An agent can take each one's place.
"""

from __future__ import annotations

from typing import Any

from ripieno import Context, Evidence, Limits, Outcome, Workflow, approved, function, human, magentic, tool

# -- the workers: each looks at one thing, and says what it rests on -----------------------------------


def about(turn: dict[str, Any]) -> str:
    """Give the service that an instruction is about: its last word."""
    return str(turn["instruction"]).rpartition(" ")[2]


@function(pure=True)
def measures(input: dict[str, Any], turn: dict[str, Any]) -> Outcome:  # noqa: A002 - bound by this name
    """Compare the measures of a service with what is usual."""
    service, found = about(turn), list[Evidence]()
    for name, values in input["measures"].items():
        if name.startswith(service):
            low, high = values["usual"]
            after = [value for at, value in values.items() if at >= input["began"] and at != "usual"]
            kept = all(low <= value <= high for value in after)
            claim = (
                f"{name} stayed within the usual"
                if kept
                else f"{name} rose to {max(after)} at {input['began']}"
            )
            found.append(Evidence(claim, f"measures/{name}"))
    unusual = any("rose" in one.claim for one in found)
    return Outcome("complete", {"service": service, "unusual": unusual}, evidence=found)


@function(pure=True)
def logs(input: dict[str, Any], turn: dict[str, Any]) -> Outcome:  # noqa: A002
    """Count the errors that a service has logged since the incident began."""
    service = about(turn)
    errors = [
        line["text"]
        for line in input["logs"]
        if line["service"] == service and line["level"] == "error" and line["at"] >= input["began"]
    ]
    if not errors:
        none = Evidence(f"{service} has logged no error", f"logs/{service}")
        return Outcome("complete", {"service": service, "unusual": False}, evidence=[none])
    most = max(errors, key=errors.count)
    claim = f"{service} logs most often: {most} ({errors.count(most)} of {len(errors)})"
    return Outcome(
        "complete", {"service": service, "unusual": True}, evidence=[Evidence(claim, f"logs/{service}")]
    )


@function(pure=True)
def changes(input: dict[str, Any], turn: dict[str, Any]) -> Outcome:  # noqa: A002
    """Find the last change of a service before the incident began."""
    service = about(turn)
    before = [one for one in input["changes"] if one["service"] == service and one["at"] <= input["began"]]
    if not before:
        return Outcome("failed", reason=f"no change of {service} is known")
    last = before[-1]
    claim = f"release {last['release']} of {service} at {last['at']}: {last['what']}"
    return Outcome(
        "complete",
        {"service": service, "release": last["release"], "unusual": True},
        evidence=[Evidence(claim, f"changes/{last['release']}")],
    )


@tool(on_uncertain="retry")
def roll_back(service: str, release: str) -> dict[str, str]:
    """Take a release back. Here it only says so; a real one would call the system that deploys."""
    return {"rolled_back": f"{service} {release}"}


@function(pure=True)
async def operations(changes: dict[str, Any], turn: dict[str, Any], context: Context) -> Outcome:
    """Take back the release that was found."""
    del turn
    done = await context.use(roll_back, service=changes["service"], release=changes["release"])
    claim = f"{done['rolled_back']} was rolled back"
    return Outcome("complete", {**done, "unusual": True}, evidence=[Evidence(claim, "operations")])


# -- the manager: facts, plans, a look at the progress, the answer -----------------------------------------


@function(pure=True)
def investigator(input: dict[str, Any], turn: dict[str, Any], previous: Any) -> dict[str, Any]:  # noqa: A002
    """Plan and direct. At first it suspects payments; when that leads nowhere it looks at checkout itself."""
    match turn["phase"]:
        case "facts":
            return facts(input)
        case "plan":
            return plan("payments", [("measures", "measures"), ("logs", "logs")])
        case "replan":
            steps = [("measures", "measures"), ("logs", "logs"), ("changes", "changes")]
            return {**plan(input["service"], [*steps, ("rollback", "operations")]), "facts": []}
        case "progress":
            return progress(turn, previous)
        case _:
            return answer(turn)


def facts(incident: dict[str, Any]) -> dict[str, Any]:
    """Give what is stated, what has to be looked up, and a guess."""
    return {
        "facts": [
            {"kind": "given", "text": incident["incident"]},
            {"kind": "look_up", "text": "what changed before it began"},
            {"kind": "guess", "text": "checkout waits for payments"},
        ]
    }


def plan(service: str, steps: list[tuple[str, str]]) -> dict[str, Any]:
    """Give a plan that looks at one service."""
    words = {
        "measures": "compare the measures of",
        "logs": "read the logs of",
        "changes": "find the last change of",
    }
    items = [
        {"id": f"{service}-{step}", "what": f"{words.get(step, 'roll back')} {service}", "owner": owner}
        for step, owner in steps
    ]
    return {"items": items, "reason": f"{service} may be the cause"}


def progress(turn: dict[str, Any], previous: Any) -> dict[str, Any]:
    """Go on with the first open item; take what the last worker showed as verified."""
    ledger = turn["ledger"]
    evidence = ledger["evidence"][-1:]
    learnt = [
        {"kind": "verified", "text": claim, "source": entry["id"]}
        for entry in evidence
        for claim in entry["claims"]
    ]
    undone = [item for item in ledger["plan"] if item["state"] != "done"] or ledger["plan"][-1:]
    solved = any(item["id"].endswith("rollback") and item["state"] == "done" for item in ledger["plan"])
    fruitful = not evidence or bool(previous and previous["unusual"])
    return {
        "satisfied": {
            "answer": solved,
            "reason": "the cause was taken back" if solved else "the cause stands",
        },
        "looping": {"answer": False, "reason": "each step looks at something else"},
        "progressing": {
            "answer": fruitful,
            "reason": "there is a trace" if fruitful else "nothing unusual was found",
        },
        "next_speaker": {"answer": undone[0]["owner"], "reason": "it is next in the plan"},
        "instruction": {"answer": undone[0]["what"], "reason": "it is next in the plan"},
        "item": undone[0]["id"],
        "facts": learnt,
    }


def answer(turn: dict[str, Any]) -> dict[str, Any]:
    """Put together what was found, what was ruled out, and what was done."""
    known = [fact["text"] for fact in turn["ledger"]["facts"] if fact["kind"] == "verified"]
    ruled_out = [text for text in known if "stayed within" in text or "no error" in text]
    done = [text for text in known if "rolled back" in text]
    return {
        "found": [text for text in known if text not in (*ruled_out, *done)],
        "ruled_out": ruled_out,
        "done": done,
    }


# -- the whole -------------------------------------------------------------------------------------------

workflow = Workflow(
    "incident-investigation",
    magentic(
        measures,
        logs,
        changes,
        operations,
        planner=investigator,
        review=human("incident-lead", role="incident-lead", title="May it go by this plan?", due="1h"),
        effects=approved("incident-lead", because="it changes production"),
        sees=["changes"],
        rounds=12,
        stalls=1,
        within="3h",
    ),
    owner="site-reliability",
    purpose="the cause of an incident is found, and taken back where a person agrees",
    risk="high",
    policy="standard",
    limits=Limits(deadline="4h"),
)
