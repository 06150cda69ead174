"""``airflow``: exchanges as DAGs of Airflow: show them to it, run it, look."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.airflow.asking import made_known, seen
from hub.airflow.manifest import Place
from hub.airflow.present import current
from hub.airflow.standalone import Started, serve, settings
from hub.airflow.standing import told
from hub.airflow.sync import Synced, sync_stubs
from hub.cli.frame import FINDINGS, OK
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plural, since
from hub.errors import ConfigError
from hub.store import notices

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)
PORT = 8080
PAGES = typer.Option("--port", min=1, max=65535, help="Of Airflow's pages")
DAGS = typer.Option("--dags", metavar="DIR", help="Airflow's folder of DAGs; default: dags of the workspace")


@app.callback()
def airflow() -> None:
    """Show exchanges to Airflow as DAGs, run Airflow on this machine, look."""


@app.command(cls=Command)
def sync(
    ctx: typer.Context,
    dags: Annotated[Path | None, DAGS] = None,
    stubs_only: Annotated[
        bool, typer.Option("--stubs-only", help="Do not ask Airflow's database for pools")
    ] = False,
) -> int:
    """Write stubs and pools, and let Airflow look at what changed.

    Run it after a change of the workspace. Exit code 1 where a file is to be mended; what it says is left out.
    """
    say, place = Say(ctx), _ready(ctx)
    manifest, done = sync_stubs(place, dags or place.folder / "dags")
    if not stubs_only:
        done.pools = made_known(manifest)
    _told(say, done)
    say.answer({"synced": done})
    return FINDINGS if done.broken else OK


@app.command(cls=Command)
def standalone(
    ctx: typer.Context,
    port: Annotated[int, PAGES] = PORT,
    start: Annotated[
        bool, typer.Option("--start", help="Let every DAG run, and start each once that has a time")
    ] = False,
) -> int:
    """Run Airflow on this machine for this workspace, until Ctrl-C.

    Its state lies in .cophub/airflow/home; a changed file is seen at once. Without --start DAGs begin paused.
    """
    say, place = Say(ctx), _place(ctx)
    return served(say, place, port, start=start)


def served(say: Say, place: Place, port: int, *, start: bool) -> int:
    """Airflow for a workspace, and what is said of it."""

    def ready(here: Started) -> None:
        say.line(f"Airflow: {here.url} ; log in as admin, {_password(say, here)}")
        say.line("every DAG runs" if start else "DAGs begin paused: let run what is to run, or start with --start")
        say.line(f"its log is {here.log} ; end it with Ctrl-C")

    return serve(place, port, lambda done: _told(say, done), ready, start=start)


def _password(say: Say, here: Started) -> str:
    """Whoever sits there reads it, what keeps the output of commands does not."""
    if not here.passwords.exists():
        return "as Airflow is set up"
    if not say.out.is_terminal:
        return f"with the password in {here.passwords}"
    return f"password {json.loads(here.passwords.read_text(encoding='ascii')).get('admin', '')}"


@app.command(cls=Command)
def status(ctx: typer.Context) -> int:
    """Show what Airflow knows of each exchange, and tries that failed.

    Exit code 1 where something is to be mended.
    """
    say, place = Say(ctx), _ready(ctx)
    manifest = current(place)
    found = seen(manifest)
    with opened_hub(say) as opened:
        failed = notices.latest(opened.hub.database)
    table = say.table("exchange", "state", "last run", "at", "next", "pool")
    for one in found.exchanges:
        say.row(table, one.exchange, one.state, one.last, since(one.at), since(one.next), one.pool)
    say.show(table)
    for line in (line for lines in manifest.broken.values() for line in lines):
        say.line(line, style="red")
    for name, text in told(found.errors).items():
        say.line(f"{name}: {text}", style="red")
    for pool in found.missing:
        say.line(f"the pool {pool} is missing: cophub airflow sync", style="red")
    for note in failed:
        say.line(f"{since(note.at)} {note.exchange} {note.kind}, try {note.attempt}: {note.message}", style="yellow")
    bad = bool(manifest.broken or found.errors or found.missing)
    say.answer({"airflow": found, "broken": manifest.broken, "failed": failed})
    return FINDINGS if bad else OK


def require_airflow() -> None:
    """ConfigError ``airflow.missing`` where Airflow is not installed."""
    if importlib.util.find_spec("airflow") is None:
        raise ConfigError(
            "airflow.missing", "Airflow is not installed", hint="pip install 'cophub[airflow]', or make setup-airflow"
        )


def _place(ctx: Any) -> Place:
    """The place of the workspace; ConfigError where Airflow is not installed."""
    require_airflow()
    say = Say(ctx)
    return Place(say.folder.resolve(), say.environment)


def _ready(ctx: Any) -> Place:
    """The same, with the variables of Airflow set, which reads them when it is first imported: without a word in the
    environment it is the Airflow of this workspace."""
    place = _place(ctx)
    if "AIRFLOW_HOME" not in os.environ:
        os.environ.update(settings(place, PORT, os.environ))
    return place


def _told(say: Say, done: Synced) -> None:
    say.line(f"{plural(done.exchanges, 'exchange')}; stubs: {', '.join(done.stubs) or 'nothing changed'}")
    if done.schedules == "worker":
        say.line("workers run what has a time: DAGs have none (schedules: worker in config/hub.yaml)", style="yellow")
    for name in done.removed:
        say.line(f"removed {name}")
    for name, slots in done.pools.items():
        say.line(f"pool {name}: {plural(slots, 'slot')}")
    for lines in done.broken.values():
        for line in lines:
            say.line(line, style="red")
