"""``demo``: the sample landscape."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hub.airflow.manifest import Place
from hub.cli.airflow import PAGES, PORT, require_airflow, served
from hub.cli.frame import OK
from hub.cli.options import Command
from hub.cli.say import Say
from hub.demo import play
from hub.demo.scene import ENVIRONMENT, prepare, stage

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Leave everything in this empty folder")
    ] = None,
    airflow: Annotated[
        bool, typer.Option("--airflow", help="Let Airflow run it, with its pages, until Ctrl-C")
    ] = False,
    port: Annotated[int, PAGES] = PORT,
) -> int:
    """Run the sample landscape on simulators, offline.

    SAP, HR cloud and CRM are simulated on loopback, the ERP is a SQLite file; nothing stays on this
    machine unless --keep names a folder.
    """
    say = Say(ctx)
    if airflow:
        return _by_airflow(say, keep, port)
    played = play(keep, say.err if say.json else say.out)
    say.answer(played.told())
    return OK


def _by_airflow(say: Say, keep: Path | None, port: int) -> int:
    """The landscape, with nothing loaded yet, in an Airflow of its own: nothing that is set for a hub on this machine
    reaches it."""
    require_airflow()
    for name in [name for name in os.environ if name.startswith(("COPHUB_", "AIRFLOW_"))]:
        del os.environ[name]
    with stage(keep, airflow=True) as scene:
        prepare(scene)
        return served(say, Place(scene.folder, ENVIRONMENT), port, start=True)
