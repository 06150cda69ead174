"""``demo``: the sample landscape."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import Command
from hub.cli.say import Say
from hub.demo import play

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Leave everything in this empty folder")
    ] = None,
) -> None:
    """Run the sample landscape on simulators, offline.

    SAP, HR cloud and CRM are simulated on loopback, the ERP is a SQLite file; nothing stays on this
    machine unless --keep names a folder.
    """
    say = Say(ctx)
    played = play(keep, say.err if say.json else say.out)
    say.answer(played.told())
