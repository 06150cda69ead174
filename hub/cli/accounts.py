"""``accounts``: who may log in to the portal by an account of the hub itself."""

from __future__ import annotations

import datetime as dt
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
from hub.security import sessions
from hub.security.accounts import Ends
from hub.security.passwords import LONGEST, Passwords
from hub.store import accounts as stored
from hub.store import logins
from hub.store.accounts import AccountRow
from hub.todos.people import person
from hub.workspace.strict import seconds
from sso import secondly
from sso.links import Claimed, linked, unlinked_by

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What its owner types to log in")]
Issuer = Annotated[str, typer.Argument(metavar="ISSUER", help="Issuer of a provider, or ldap:SYSTEM")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="Who it is there: sub, or the id of the entry")]
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


@app.command(cls=Command)
def links(ctx: typer.Context) -> None:
    """List who may log in by what others prove: issuer, subject, and the account that it opens."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        names = {row.id: row.name for row in stored.listed(opened.hub.database)}
        found = logins.links(opened.hub.database)
    table = say.table("issuer", "subject", "account", "made", "used")
    for row in found:
        made = f"{since(row.made_at)} by {row.made_by}"
        say.row(table, row.issuer, row.subject, names.get(row.account, ""), made, since(row.used_at) or "never")
    if found:
        say.show(table)
    else:
        say.line("nobody is linked: see docs/how-to/log-in.md")
    kept = [{"issuer": row.issuer, "subject": row.subject, "account": names.get(row.account, "")} for row in found]
    say.answer({"links": kept})


@app.command(cls=Command)
def link(ctx: typer.Context, name: Name, issuer: Issuer, subject: Subject) -> None:
    """Let a subject of an issuer open an account; cophub audit says who asked in vain (login.unlinked).

    cophub accounts link li.na https://login.example.com 8f3e
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        row = stored.named(opened.hub.database, local.normal(name))
        linked(opened.hub, Claimed(issuer, subject, row.name), row, opened.hub.actor, new=False)
    say.line(f"{subject} of {issuer} opens the account {row.name}")
    say.answer({"name": row.name, "issuer": issuer, "subject": subject})


@app.command(cls=Command)
def unlink(ctx: typer.Context, issuer: Issuer, subject: Subject) -> None:
    """Take a link away; who is logged in by it is not any more."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        found = logins.linked(opened.hub.database, issuer, subject)
        if found is None:
            raise ConfigError("login.nobody", "there is no such link", hint="see: cophub accounts links")
        unlinked_by(opened.hub, *found, opened.hub.actor)
    say.line(f"{subject} of {issuer} opens nothing any more")
    say.answer({"name": found[1].name})


@app.command("remove-second", cls=Command)
def remove_second(ctx: typer.Context, name: Name) -> None:
    """Take the second factor of an account away, whose owner lost his phone and his recovery codes."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        row = stored.named(opened.hub.database, local.normal(name))
        there = secondly.removed(opened.hub, opened.hub.actor, row)
    say.line(f"the account {row.name} has no second factor" + (" any more" if there else ""))
    say.answer({"name": row.name, "removed": there})


@app.command("sessions", cls=Command)
def sessions_(
    ctx: typer.Context, name: Name, end: Annotated[bool, typer.Option("--end", help="End all of them")] = False
) -> None:
    """Show where an account is logged in to the portal, and end it."""
    say = Say(ctx)
    with opened_hub(say, action="accounts.write" if end else "") as opened:
        hub, rules = opened.hub, opened.hub.workspace.hub.portal
        row = stored.named(hub.database, local.normal(name))
        ends = Ends(dt.timedelta(seconds=seconds(rules.idle)), dt.timedelta(seconds=seconds(rules.longest)))
        found = sessions.listed(hub.database, row, ends, hub.clock())
        if end:
            sessions.end(hub.database, hub.actor, row, ends, hub.clock())
    table = say.table("browser", "begun", "used")
    for one in found:
        say.row(table, one.browser or "a browser", since(one.begun_at), since(one.seen_at))
    if found:
        say.show(table)
    said = f"; {'it is' if len(found) == 1 else 'all are'} ended" if end and found else ""
    say.line(f"{row.name} is logged in {len(found)} times{said}")
    kept = [{"browser": one.browser, "begun_at": one.begun_at, "seen_at": one.seen_at} for one in found]
    say.answer({"name": row.name, "sessions": kept, "ended": end})


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
