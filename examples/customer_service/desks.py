"""Four desks of a customer service: rules over words and account data, no model."""

from __future__ import annotations

from typing import Any

from ripieno import Call, Context, Outcome, function, hand_over, tool

WORDS = {
    "billing": ("invoice", "charged", "refund", "paid"),
    "technical": ("error", "crash", "slow", "offline"),
    "account": ("password", "locked", "sign in", "e-mail address"),
}
LARGEST_CREDIT = 50.0


@tool(effect="write", on_uncertain="retry")
def credit(customer: str, amount: float, call: Call) -> dict[str, Any]:
    """Credit an account. The ledger knows the key of a call, so that a repeated one changes nothing."""
    return {"credit": f"CR-{call.key[:6]}", "customer": customer, "amount": amount}


@function(pure=True)
def triage(case: dict[str, Any]) -> Outcome:
    """Hand the case to the desk whose words it uses most."""
    text = case["message"].lower()
    found = {desk: [word for word in words if word in text] for desk, words in WORDS.items()}
    desk = max(found, key=lambda name: len(found[name]))
    if not found[desk]:
        return hand_over("desk", because="no desk knows these words")
    return hand_over(desk, because=f"it is about {', '.join(found[desk])}")


@function(pure=True)
async def billing(case: dict[str, Any], context: Context) -> Any:
    """Credit what was charged twice, as long as it is little."""
    charges = case["account"]["charges"]
    twice = sorted({charge for charge in charges if charges.count(charge) > 1})
    if not twice:
        return hand_over("account", because="nothing was charged twice; is it the right account?")
    if twice[0] > LARGEST_CREDIT:
        return hand_over("desk", because=f"{twice[0]:g} is more than this desk may credit", output=twice[0])
    done = await context.use(credit, customer=case["customer"], amount=twice[0])
    return {"answer": f"We credited {twice[0]:g}, which was charged twice.", **done}


@function(pure=True)
def technical(case: dict[str, Any]) -> Any:
    """Look the service's state up; an account that may not use the service is not a fault of it."""
    if not case["account"]["active"]:
        return hand_over("account", because="the account is not active, so nothing can work")
    state = case["service"]
    return {"answer": f"The service is {state}. We tell you when that changes."}


@function(pure=True)
def account(case: dict[str, Any]) -> Any:
    """Unlock what is locked; an active account with trouble is a matter for the technicians."""
    if case["account"].get("locked"):
        return {"answer": "Your account is unlocked. Please sign in again."}
    if case["account"]["active"]:
        return hand_over("technical", because="the account is in order")
    return hand_over("technical", because="the account was closed by the service itself")
