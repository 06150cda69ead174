"""``clients``: applications that log people in through the hub."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer
from rich.text import Text

from hub.bootstrap import Opened
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, moment, since
from hub.errors import ConfigError
from hub.security.clearance import sight_of
from hub.store import sso_clients
from hub.todos.people import person
from sso.clients import named
from sso.ground import Provider, provider
from sso.preview import previewed

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="CLIENT", help="The client's name, as its file is named")]


@app.callback()
def clients(ctx: typer.Context) -> None:
    """List clients of the provider, give them secrets, and show what they are told of a person.

    Clients are declared in config/clients; a secret is shown once, when it is made.
    """
    if ctx.invoked_subcommand is None:
        _listed(Say(ctx))


def _listed(say: Say) -> None:
    with opened_hub(say) as opened:
        files = opened.hub.workspace.clients
        rows = {name: sso_clients.secret(opened.hub.database, name) for name in files}
    table = say.table("client", "system", "grants", "scopes", "secret")
    for name, one in files.items():
        row = rows[name]
        made = "none needed" if one.auth == "none" else f"{since(row.made_at)} by {row.made_by}" if row else "none yet"
        style = "yellow" if made == "none yet" else ""
        texts = (one.system or "", ", ".join(one.grants), " ".join(one.scopes))
        say.row(table, Text(name, style="cyan"), *texts, Text(made, style=style))
    if files:
        say.show(table)
    else:
        say.line("there is no client yet: write config/clients/NAME.yaml")
    told_ = [
        {
            "name": name,
            "system": one.system,
            "grants": one.grants,
            "scopes": one.scopes,
            "auth": one.auth,
            "secret_made_at": row.made_at if (row := rows[name]) else None,
        }
        for name, one in files.items()
    ]
    say.answer({"clients": told_})


@app.command(cls=Command)
def secret(ctx: typer.Context, name: Name) -> None:
    """Give a client a new secret and show it, this once; a former one holds for a day more."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        here = _provider(opened)
        if named(opened.hub.workspace, name).auth == "none":
            raise ConfigError(
                "client.public", f"the client {name} has no secret, as its auth is none", hint="change auth in its file"
            )
        text = here.secrets.make(opened.hub.actor, name)
    say.line(text)
    say.note("It is shown this once. Put it where the application keeps its secrets.")
    say.answer({"client": name, "secret": text})


@app.command(cls=Command)
def preview(
    ctx: typer.Context,
    name: Name,
    who: Annotated[str, typer.Argument(metavar="PERSON", help="The person's key or id")],
    scope: Annotated[
        str | None, typer.Option("--scope", metavar="SCOPES", help="As if it asked for these only")
    ] = None,
) -> None:
    """Show what a client is told of a person who logs in there; nothing is written.

    Classified values are masked for who may not see them.
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        here, file = _provider(opened), named(opened.hub.workspace, name)
        sight = sight_of(opened.hub.workspace.roles, opened.hub.actor, here.model)
        found = previewed(here, file, _person(opened, who), scope, sight)
    if found.refused(file):
        say.line(f"{who} has no account in {file.system} and cannot log in", "sso.account", style="red")
    elif len(found.accounts) > 1:
        say.line(f"{who} is asked which account to use: {', '.join(found.accounts)}", style="yellow")
    say.line(f"sub: {found.sub or '(issued at the first log-in)'}")
    for place, claims in found.claims.items():
        for claim, value in claims.items():
            say.line(f"{place}: {claim} = {value}")
    about = {"client": name, "person": found.person, "sub": found.sub, "accounts": found.accounts}
    say.answer(about | dict(found.claims))


@app.command(cls=Command)
def keys(
    ctx: typer.Context,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Publish the next key now; it signs after sso.announce")
    ] = False,
) -> None:
    """Show the keys that sign for the provider; they follow each other by themselves."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        here = _provider(opened)
        if rotate:
            here.keys.rotate()
        rows, current, today = here.keys.rows(), str(here.keys.current().kid), here.now()
        published = {one["kid"] for one in here.keys.published()["keys"]}
    table = say.table("key", "state", "published", "signs")
    states = {}
    for row in rows:
        state = "signs" if row.kid == current else "next" if row.signs_at > today else "retired"
        states[row.kid] = state if row.kid in published else "withdrawn"
        say.row(table, Text(row.kid, style="cyan"), states[row.kid], since(row.published_at), moment(row.signs_at))
    say.show(table)
    say.answer({"keys": [{"kid": row.kid, "state": states[row.kid], "signs_at": row.signs_at} for row in rows]})


def _person(opened: Opened, who: str) -> uuid.UUID:
    try:
        return uuid.UUID(who)
    except ValueError:
        return person(opened.hub, who)


def _provider(opened: Opened) -> Provider:
    here = provider(opened.hub, opened.cipher)
    if here is None:
        raise ConfigError(
            "sso.off", "the hub is no provider", where="config/hub.yaml: sso", hint="write sso: {} there"
        )
    return here
