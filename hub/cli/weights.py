"""``weights``: what a match rule's prior and bits should be."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plain
from hub.exchange.matching.weights import estimate_weights

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)


@app.command("weights", cls=Command)
def weights(
    ctx: typer.Context,
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="An inbound mapping")],
    output: Annotated[int, typer.Option("--output", min=1, metavar="N", help="Which of several outputs")] = 1,
) -> None:
    """Estimate prior and bits of the match rules of likeness.

    Reads the source and compares what is not linked yet; nobody needs to label pairs. Write what it
    tells into the rule, and look at it: runs take what the rule says and never estimate.

    cophub weights crm-people
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        found = estimate_weights(opened.hub, exchange, output - 1)
    for title, learned in found:
        told = f"{learned.compared} pairs compared, about {learned.same:.0f} of them the same"
        say.line(say.text(title, "bold"), say.text(told, "dim"))
        for name, bits in learned.bits.items():
            say.line(f"  {name}: {{bits: [{', '.join(f'{one:g}' for one in bits)}]}}")
        say.line(f"  prior: {learned.prior:g}")
    say.answer(plain([{"rule": title} | dataclasses.asdict(learned) for title, learned in found]))
