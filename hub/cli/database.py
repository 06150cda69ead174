"""``migrate``: the tables of the hub's database, changed only when asked."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Annotated, Any

import typer

from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say, plural
from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.security import audit
from hub.security.decisions import require
from hub.store.migrate import Step, pending
from hub.store.migrate import migrate as run_steps

app = typer.Typer(rich_markup_mode=None, add_completion=False)
WORDS = {"expand": ("+", "green"), "contract": ("-", "red"), "narrow": ("!", "red bold")}


@app.command(cls=Command)
def migrate(
    ctx: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="Only show what would be done")] = False,
    contract: Annotated[
        bool, typer.Option("--contract", help="Also drop tables and columns no model names any more")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before something is dropped")] = False,
) -> None:
    """Bring the hub's database up to the workspace's models.

    It only adds; --contract also removes, and what could lose values is refused.
    """
    say = Say(ctx)
    with opened_hub(say, schema=False) as opened:
        database = opened.hub.database
        with database.begin() as connection:
            steps = pending(database, connection)
        _print(say, steps)
        dropping = [step for step in steps if step.kind == "contract"]
        if contract and dropping and not show and not yes:
            _ask(say, dropping)
        audited = partial(_entry, opened.hub)
        hub = opened.hub
        if steps and not show and not _first(steps):
            require(database, hub.workspace.roles, hub.actor, "store.migrate")
        done: list[Step] = [] if show else run_steps(database, contract=contract, audited=audited)
    kept = [] if contract else dropping
    if show:
        say.line(
            f"{plural(len(steps), 'step')} pending; nothing was changed"
            if steps
            else "the database is up to date"
        )
    else:
        say.line(f"{plural(len(done), 'step')} done" if done else "the database is up to date")
    if kept and not show:
        say.line(f"{plural(len(kept), 'thing')} kept that no model names any more: drop with --contract")
    say.answer(
        {
            "steps": [_told(step) for step in (steps if show else done)],
            "kept": [_told(step) for step in kept],
            "changed": bool(done),
        }
    )


def _first(steps: list[Step]) -> bool:
    """Whether there are no tables yet, and nothing to keep anybody from."""
    return any(step.text == "create table schema_state" for step in steps)


def _entry(hub: Hub, connection: Any, steps: list[Step]) -> None:
    """The migration in the audit chain: how many steps of each kind, and what was dropped."""
    kinds = Counter(step.kind for step in steps)
    dropped = [step.text for step in steps if step.kind == "contract"]
    details = {"steps": dict(kinds)} | ({"dropped": dropped} if dropped else {})
    schema = hub.database.schema_hash()
    audit.record(connection, hub.actor, "store.migrated", "store:schema", after=schema, details=details)


def _print(say: Say, steps: list[Step]) -> None:
    """The changes of each table together: a fresh database has many."""
    fresh = {
        step.text.removeprefix("create table ") for step in steps if step.text.startswith("create table ")
    }
    for step in steps:
        if step.text.startswith("create index ") and step.text.rpartition(" on ")[2] in fresh:
            continue
        mark, style = WORDS[step.kind]
        say.line(say.text(f"  {mark}", style), say.text(step.text))


def _ask(say: Say, dropping: list[Step]) -> None:
    if say.json or not typer.get_text_stream("stdin").isatty():
        raise ConfigError(
            "migrate.confirm",
            f"{plural(len(dropping), 'table or column', 'tables and columns')} would be dropped",
            hint="look at them with --show, then say --yes",
        )
    if not typer.confirm(
        f"Drop {plural(len(dropping), 'table or column', 'tables and columns')} with all values in them?"
    ):
        raise typer.Abort


def _told(step: Step) -> dict[str, str]:
    return {"kind": step.kind, "text": step.text}
