"""What the guard says of a stored plan, and what to do next."""

from __future__ import annotations

from hub.cli.say import Say, short
from hub.store.plans import PlanRow


def tell_guard(say: Say, plan: PlanRow) -> None:
    """The breaches and who may let it through, or how to do it."""
    for breach in plan.breaches:
        say.line(say.text("guard: held:", "yellow bold"), say.text(breach))
    if plan.state != "open":
        return
    if plan.breaches:
        say.line(
            f"It waits for approval: cophub approve {short(plan.id)} --reason TEXT;",
            "a first load is planned with --initial.",
        )
    else:
        say.line(
            say.text("guard: passed.", "green"),
            "Nothing was changed.",
            f"To do it: cophub apply {short(plan.id)}",
        )
