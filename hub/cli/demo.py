"""``demo``: the sample landscape."""

from __future__ import annotations

import typer

from hub.cli.options import Command, options
from hub.demo import main

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def demo(ctx: typer.Context) -> int:
    """Run the sample landscape on simulators, offline."""
    options(ctx)
    return main() or 0
