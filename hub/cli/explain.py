"""``explain``: why something is as it is."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plain
from hub.todos.explain import explain as reasons_of
from hub.todos.people import person

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def explain() -> None:
    """Tell why a person sees a to-do, or does not, and what to do about it."""


@app.command(cls=Command)
def todo(
    ctx: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Where the to-do is from")],
    identity: Annotated[str, typer.Argument(metavar="ID", help="What the system calls it")],
    called: Annotated[str, typer.Argument(metavar="PERSON", help="Key or id of the person")],
    tenant: Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Where the system has several")] = "",
) -> None:
    """Tell why a person sees a to-do, or does not: every reason, with its remedy.

    cophub explain todo oa A-4711 1001
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        found = reasons_of(opened.hub, system, tenant, identity, person(opened.hub, called), None)
    say.line(f"in the list as {found.box}" if found.box else "not in the list", style="bold")
    for one in found.reasons:
        say.line(one.code, one.message)
        say.line(f"  {one.hint}", style="dim")
    for near in found.near:
        say.line(f"  near: {near['id']}", f"of tenant {near['tenant']}" if near["tenant"] else "")
    say.answer(plain(dataclasses.asdict(found)))
