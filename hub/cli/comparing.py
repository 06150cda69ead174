"""``todos compare``: read anew what a mapping pulls, and say where the hub differs."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hub.cli.frame import FINDINGS, OK
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say, plural
from hub.todos import drift, pulled


def add(app: typer.Typer) -> None:
    """Join the commands of ``todos``."""
    app.command(cls=Command)(compare)


def compare(
    ctx: typer.Context,
    mapping: Annotated[str, typer.Argument(metavar="MAPPING", help="One that pulls to-dos (into: hub.todos)")],
    most: Annotated[
        int | None,
        typer.Option("--slice", metavar="RECORDS", min=1, help="About so many, from where the last slice ended"),
    ] = None,
    heal: Annotated[bool, typer.Option("--heal", help="Do at once what the plan says for what is confirmed")] = False,
) -> int:
    """Read anew what a mapping pulls, and compare it with what the hub shows.

    Exit code 1 where something is confirmed and not healed.
    """
    say, healed = Say(ctx), 0
    with opened_hub(say) as opened:
        hub = opened.hub
        found = pulled.look(hub, mapping, most=most)
        if heal:
            healed = sum(drift.heal(hub, one, drift.plan(hub, one).digest) for one in found.systems)
    say.line(f"{plural(found.read, 'to-do')} compared" + ("; more to come" if found.goes_on else ""))
    if found.doubt:
        say.line(say.text("nothing counts as absent:", "yellow bold"), say.text(found.doubt))
    for one in found.differences:
        say.line(one.kind, one.id, one.action, "" if one.confirmed else "suspected")
    if heal:
        say.line(f"{plural(healed, 'to-do')} healed")
    open_ = sum(one.confirmed for one in found.differences) - healed
    items = [dataclasses.asdict(one) | {"confirmed": one.confirmed} for one in found.differences]
    looked = {"mapping": mapping, "systems": found.systems, "read": found.read, "whole": found.whole}
    looked |= {"doubt": found.doubt, "goes_on": found.goes_on}
    say.answer({"looked": looked, "items": items, "healed": healed})
    return FINDINGS if open_ > 0 else OK
