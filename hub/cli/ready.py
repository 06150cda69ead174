"""``ready``: whether this hub can do its work, for whoever starts and watches containers."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.frame import AGAIN, OK
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say, listed
from hub.errors import ConfigError
from hub.ready import NEEDED, failing, parts

app = typer.Typer(rich_markup_mode=None, add_completion=False)
PARTS = (*NEEDED, "worker", "outbox", "bus")


@app.command(cls=Command)
def ready(
    ctx: typer.Context,
    need: Annotated[
        list[str] | None,
        typer.Option("--need", metavar="PART", help=f"Beside {', '.join(NEEDED)}: worker, outbox or bus; repeat it"),
    ] = None,
) -> int:
    """Tell whether the hub can do its work, part by part, with causes.

    Exit code 0 where all that is needed is there. GET /readyz of cophub serve says the same.
    """
    say, needed = Say(ctx), (*NEEDED, *(need or ()))
    for name in needed:
        if name not in PARTS:
            raise ConfigError("ready.part", f"there is no part {name!r}", hint=f"one of {listed(PARTS)}")
    with opened_hub(say, schema=False) as opened:
        found = parts(opened)
    wanting = failing(found, needed)
    for one in found:
        style = "" if one.state == "ok" else "red" if one in wanting else "yellow"
        say.line(f"{one.part}: {one.state}", one.code, one.cause, one.hint and f"({one.hint})", style=style)
    code = AGAIN if wanting else OK
    say.answer({"ready": not wanting, "parts": found, "exit": code})
    return code
