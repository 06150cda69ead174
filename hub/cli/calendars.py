"""``todos calendar``: secret addresses that show a person's to-dos to calendar apps."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.ids import whole_id
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, moment, plural, since
from hub.store import calendars as stored
from hub.todos import calendars
from hub.todos.people import person

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
Called = Annotated[str, typer.Argument(metavar="PERSON", help="Key or id of the person")]


@app.callback()
def calendar() -> None:
    """Show a person's to-dos to calendar apps, by a secret address."""


@app.command(cls=Command)
def add(ctx: typer.Context, called: Called) -> None:
    """Make an address. It is shown once: the hub keeps only its digest.

    Whoever has it sees the to-dos, without a key: hand it to the person alone.
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        row, secret = calendars.add(opened.hub, person(opened.hub, called))
    path = calendars.PATH.format(secret=secret)
    say.note("it is shown once; put the address of cophub serve before it:")
    say.line(path)
    say.answer({"id": row.id, "path": path})


@app.command(name="list", cls=Command)
def show(ctx: typer.Context, called: Called) -> None:
    """List the addresses of a person: when they were made, and whether they still open anything."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        rows = stored.of_person(opened.hub.database, person(opened.hub, called))
    table = say.table("address", "made", "state")
    for row in rows:
        state = f"revoked {moment(row.revoked_at)}" if row.revoked_at else "valid"
        say.row(table, str(row.id), f"{since(row.made_at)} by {row.made_by}", state)
    if rows:
        say.show(table)
    else:
        say.line("he has none")
    names = ("id", "made_at", "made_by", "revoked_at")
    say.answer({"items": [{name: getattr(row, name) for name in names} for row in rows]})


@app.command(cls=Command)
def revoke(
    ctx: typer.Context,
    called: Called,
    only: Annotated[str | None, typer.Option("--only", metavar="ID", help="Without it all of his")] = None,
) -> None:
    """Close addresses of a person: they open nothing from now on."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        gone = calendars.revoke(opened.hub, person(opened.hub, called), None if only is None else whole_id(only))
    say.line(f"{plural(len(gone), 'address', 'addresses')} revoked")
    say.answer({"revoked": gone})
