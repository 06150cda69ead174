"""``accounts``: who may log in to the portal by an account of the hub itself."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from hub.bootstrap import Opened
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, short, since
from hub.errors import ConfigError
from hub.security import accounts as local
from hub.security.passwords import LONGEST, Passwords
from hub.store import accounts as stored
from hub.store.accounts import AccountRow
from hub.todos.people import person

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What its owner types to log in")]
Reference = Annotated[
    str,
    typer.Option("--password", metavar="REFERENCE", help="secret://…; else it is asked for, or piped in"),
]


@app.callback()
def accounts(ctx: typer.Context) -> None:
    """List accounts of the portal, add, disable and enable them, and set passwords."""
    if ctx.invoked_subcommand is None:
        _listed(Say(ctx))


def _listed(say: Say) -> None:
    with opened_hub(say) as opened:
        found = stored.listed(opened.hub.database)
    table = say.table("account", "person", "made", "used", "state")
    for row in found:
        state = Text(f"disabled {since(row.disabled_at)}", "red") if row.disabled_at else Text("valid", "green")
        made = f"{since(row.made_at)} by {row.made_by}"
        say.row(table, Text(row.name, "cyan"), short(row.person), made, since(row.used_at) or "never", state)
    if found:
        say.show(table)
    else:
        say.line("there is no account yet: cophub accounts add NAME --person KEY")
    names = [name for name in AccountRow.__dataclass_fields__ if name != "password"]
    say.answer({"accounts": [{name: getattr(row, name) for name in names} for row in found]})


@app.command(cls=Command)
def add(
    ctx: typer.Context,
    name: Name,
    of: Annotated[str, typer.Option("--person", metavar="KEY", help="Key or id of the person whose it is")],
    password: Reference = "",
) -> None:
    """Make an account of a person; the password is typed without echo.

    cophub accounts add li.na --person 1001
    """
    say = Say(ctx)
    with opened_hub(say, action="accounts.write") as opened:
        hub = opened.hub
        whose = person(hub, of)
        text = _password(opened, name, password)
        row = local.add(hub.database, hub.actor, Passwords(), name, whose, text, hub.clock())
    say.line(f"the account {row.name} is made; log in at /portal of cophub serve")
    say.answer({"name": row.name, "person": whose})


@app.command("password", cls=Command)
def set_password(ctx: typer.Context, name: Name, password: Reference = "") -> None:
    """Give an account another password; whoever is logged in with it has to log in again."""
    say = Say(ctx)
    with opened_hub(say, action="accounts.write") as opened:
        hub = opened.hub
        stored.named(hub.database, local.normal(name))
        text = _password(opened, name, password)
        local.set_password(hub.database, hub.actor, Passwords(), name, text, hub.clock())
    say.line(f"the account {name} has another password")
    say.answer({"name": name})


@app.command(cls=Command)
def disable(ctx: typer.Context, name: Name) -> None:
    """Let an account open nothing from now on; whoever is logged in with it is not any more."""
    say = Say(ctx)
    with opened_hub(say, action="accounts.write") as opened:
        local.disable(opened.hub.database, opened.hub.actor, name, opened.hub.clock())
    say.line(f"the account {name} is disabled")
    say.answer({"name": name})


@app.command(cls=Command)
def enable(ctx: typer.Context, name: Name) -> None:
    """Let a disabled account open the portal again."""
    say = Say(ctx)
    with opened_hub(say, action="accounts.write") as opened:
        local.enable(opened.hub.database, opened.hub.actor, name)
    say.line(f"the account {name} is enabled")
    say.answer({"name": name})


def _password(opened: Opened, name: str, reference: str) -> str:
    """Never an argument: others see those."""
    if reference:
        if not reference.startswith("secret://"):
            raise ConfigError(
                "password.reference", "--password takes a reference, never a password", hint="secret://portal/li.na"
            )
        return opened.secrets.resolve(reference).reveal()
    if not sys.stdin.isatty():
        return sys.stdin.read(LONGEST * 8).removesuffix("\n").removesuffix("\r")
    text: str = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True)
    return text
