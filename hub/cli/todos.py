"""``todos``: what a person has to do in all systems, and receivers that no person is known for."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hub.cli import acting, calendars, comparing, substitutes
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, listed, plural, short, since
from hub.errors import ConfigError
from hub.store import todo_drift
from hub.store import todos as stored
from hub.store.todos import BOXES
from hub.todos import drift as drifting
from hub.todos import feed
from hub.todos.people import heal as look_again
from hub.todos.people import person
from hub.todos.substitutes import whose

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
acting.add(app)
comparing.add(app)


app.add_typer(substitutes.app, name="substitute")
app.add_typer(calendars.app, name="calendar")


@app.callback()
def todos() -> None:
    """List what a person has to do, and receivers that no person is known for."""


@app.command(name="list", cls=Command)
def show(
    ctx: typer.Context,
    called: Annotated[str, typer.Argument(metavar="PERSON", help="Key or id of the person")],
    box: Annotated[str, typer.Option("--box", metavar="BOX", help=f"One of {', '.join(BOXES)}")] = "to_do",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many")] = 50,
) -> None:
    """List a person's to-dos of all systems, the newest first."""
    say = Say(ctx)
    if box not in BOXES:
        raise ConfigError("todo.box", f"there is no box {box!r}", hint=f"one of {listed(BOXES)}")
    with opened_hub(say) as opened:
        hub = opened.hub
        his = whose(hub, person(hub, called))
        rows = stored.listed(hub.database, his, stored.Wanted(box), None, None, limit)
        items = [feed.shown(row, hub.workspace.hub.languages[0], his) for row in rows]
    table = say.table("to-do", "system", "title", "priority", "since", "due", "for")
    for one in items:
        due = since(one["due"]) if one["due"] else ""
        whom_for = one["for"]["name"] if one["for"] else ""
        shown = (short(one["id"]), one["system"], one["title"], one["priority"], since(one["since"]), due, whom_for)
        say.row(table, *shown)
    if items:
        say.show(table)
    else:
        say.line("nothing there")
    say.answer({"items": items})


@app.command(cls=Command)
def unresolved(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many")] = 100,
) -> None:
    """List receivers that no person is known for, with the reason."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        rows = stored.unresolved(opened.hub.database, None, None, limit)
    table = say.table("system", "receiver", "reason", "#to-dos")
    for system, receiver, why, count in rows:
        say.row(table, system, feed.masked(receiver), why, count)
    if rows:
        say.show(table)
    else:
        say.line("every receiver has a person")
    names = ("system", "receiver", "code", "todos")
    say.answer({"items": [dict(zip(names, (a, feed.masked(b), c, d), strict=True)) for a, b, c, d in rows]})


@app.command(cls=Command)
def heal(ctx: typer.Context) -> None:
    """Look again for the persons of all receivers; the worker does so by itself when people change."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        healed = look_again(opened.hub)
    lost = f", {plural(healed.lost, 'has', 'have')} none any more" if healed.lost else ""
    say.line(f"{plural(healed.found, 'receiver')} found{lost}; {healed.open} without a person")
    say.answer({"found": healed.found, "lost": healed.lost, "open": healed.open})


@app.command(cls=Command)
def drift(
    ctx: typer.Context,
    system: Annotated[str | None, typer.Argument(metavar="SYSTEM", help="Only this, with its plan")] = None,
    plan: Annotated[str | None, typer.Option("--heal", metavar="PLAN", help="Do what this plan says")] = None,
    many: Annotated[bool, typer.Option("--many", help="Also where it takes off more than usual")] = False,
) -> None:
    """Show what differed in the last comparison with each source, and heal it."""
    say, healed = Say(ctx), 0
    with opened_hub(say) as opened:
        hub = opened.hub
        if system is not None and plan is not None:
            healed = drifting.heal(hub, system, plan, many=many)
        told = drifting.told(hub, [system] if system is not None else todo_drift.systems(hub.database))
        found = drifting.plan(hub, system).differences if system is not None else []
    table = say.table("system", "#cycle", *(f"#{kind}" for kind in drifting.KINDS), "#healed", "plan")
    for one in told:
        counts = (f"{n['confirmed']} (+{n['suspected']})" for n in one["kinds"].values())
        say.row(table, one["system"], one["cycle"], *counts, one["healed"], one["plan"])
    say.show(table)
    for row in found:
        say.line(row.kind, row.id, row.action, "" if row.confirmed else "suspected")
    if plan is not None:
        say.line(f"{plural(healed, 'to-do')} healed")
    say.answer({"systems": told, "items": [dataclasses.asdict(row) for row in found], "healed": healed})
