"""``approve`` and ``reject``: what a guard held is decided by a person who did not make the plan."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.durations import duration
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say, moment, short
from hub.exchange.judging import approval
from hub.store.reports import find_plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)
PLAN = typer.Argument(metavar="PLAN", help="A plan's id, or its end")


@app.command(cls=Command)
def approve(
    ctx: typer.Context,
    identity: Annotated[str, PLAN],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may pass; it is kept")],
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="How long it holds: 30m, 4h; else as in hub.yaml"),
    ] = None,
) -> None:
    """Let a plan through that a guard held; signed, and for a time.

    Not for whoever let the plan be made. COPHUB_ACTOR says who acts. Nothing is applied yet: cophub apply PLAN
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        plan = find_plan(opened.hub.database, identity)
        lasts = duration(expires or opened.hub.workspace.hub.approvals.expires)
        row = approval.approve(opened.hub, plan, reason, lasts)
    say.line(say.text("approved", "green"), f"by {row.approver} until {moment(row.expires_at)}: {row.reason}")
    for breach in row.breaches:
        say.line("  lets through:", say.text(breach))
    say.line(f"To do it: cophub apply {short(plan.id)}")
    say.answer(
        {
            "plan": plan.id,
            "exchange": plan.exchange,
            "approver": row.approver,
            "on_behalf": row.on_behalf,
            "reason": row.reason,
            "breaches": row.breaches,
            "signed_at": row.signed_at,
            "expires_at": row.expires_at,
        }
    )


@app.command(cls=Command)
def reject(
    ctx: typer.Context,
    identity: Annotated[str, PLAN],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may not pass")],
) -> None:
    """Close a plan for good: it cannot be approved or applied any more."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        plan = find_plan(opened.hub.database, identity)
        approval.reject(opened.hub, plan, reason)
    say.line(f"The plan {short(plan.id)} of {plan.exchange} is rejected.")
    say.answer({"plan": plan.id, "exchange": plan.exchange, "state": "rejected", "reason": reason})
