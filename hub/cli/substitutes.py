"""``todos substitute``: who stands in for whom."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from hub.cli.ids import whole_id
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, moment, short
from hub.errors import ConfigError
from hub.store import substitutes as stored
from hub.todos import substitutes
from hub.todos.people import person

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def substitute() -> None:
    """Say who stands in for whom, for a time."""


@app.command(cls=Command)
def add(
    ctx: typer.Context,
    away: Annotated[str, typer.Argument(metavar="FROM", help="Key or id of who is away")],
    to: Annotated[str, typer.Argument(metavar="TO", help="Key or id of who stands in for him")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The first day, or moment, it is over")],
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Without it: now")] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--systems", metavar="SYSTEM", help="Only its to-dos; repeat it")
    ] = None,
    todo: Annotated[str | None, typer.Option("--todo", metavar="ID", help="Only this to-do: a delegation")] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the audit chain")] = "",
) -> None:
    """Let TO see and do what FROM has to do. It ends by its date.

    cophub todos substitute add 1001 1002 --from 2026-12-01 --until 2026-12-15 --reason holidays
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        hub = opened.hub
        zone = ZoneInfo(hub.workspace.hub.zone)
        begin = _moment(since, zone) if since is not None else None
        only = whole_id(todo) if todo is not None else None
        one = substitutes.add(
            hub, person(hub, away), person(hub, to), begin, _moment(until, zone), systems or (), reason, only
        )
        (told,) = substitutes.shown(hub, [one])
    say.line(f"{told['to']['name']} stands in for {told['from']['name']} until {moment(one.until)} ({short(one.id)})")
    say.answer({"substitution": told})


@app.command(name="list", cls=Command)
def show(
    ctx: typer.Context,
    called: Annotated[str | None, typer.Option("--person", metavar="PERSON", help="Only his, on either side")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many")] = 50,
) -> None:
    """List who stands in for whom, the newest first."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        hub = opened.hub
        whom = person(hub, called) if called is not None else None
        rows = substitutes.shown(hub, stored.listed(hub.database, whom, None, None, limit))
    table = say.table("id", "for", "stands in", "from", "until", "of", "state")
    for one in rows:
        of = f"to-do {short(one['todo'])}" if one["todo"] else ", ".join(one["systems"]) or "all"
        when = (moment(one["since"]), moment(one["until"]))
        say.row(table, str(one["id"]), one["from"]["name"], one["to"]["name"], *when, of, one["state"])
    if rows:
        say.show(table)
    else:
        say.line("nobody stands in for anybody")
    say.answer({"items": rows})


@app.command(cls=Command)
def end(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="Of the substitution")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the audit chain")] = "",
) -> None:
    """End a substitution before its date."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        substitutes.end(opened.hub, whole_id(identity), reason)
    say.line("ended")
    say.answer({"ended": identity})


def _moment(text: str, zone: ZoneInfo) -> dt.datetime:
    """A date of the hub's calendar, or a moment; ConfigError ``argument.moment``."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError("argument.moment", f"{text!r} is no date", hint="for example 2026-12-01") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
