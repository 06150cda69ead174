"""``keys``: who may use the API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.text import Text

from hub.cli.durations import duration
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, moment, since
from hub.security import access
from hub.security.access import GRANTS
from hub.store import access as stored
from hub.store.access import KeyRow

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The key's name: who acts in plans and the audit chain")]


@app.callback()
def keys(ctx: typer.Context) -> None:
    """List keys of the API, add, rotate and revoke them.

    A key is shown once, when it is made: the hub keeps only its digest.
    """
    if ctx.invoked_subcommand is None:
        _listed(Say(ctx))


def _listed(say: Say) -> None:
    with opened_hub(say) as opened:
        found, today = stored.listed(opened.hub.database), opened.hub.clock()
    table = say.table("key", "allows", "within", "made", "used", "state")
    for row in found:
        within = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row.within.items() if names)
        state, style = _state(row, today)
        say.row(
            table,
            Text(row.name, style="cyan"),
            ", ".join(row.grants),
            within,
            f"{since(row.created_at)} by {row.created_by}",
            since(row.used_at) or "never",
            Text(state, style=style),
        )
    if found:
        say.show(table)
    else:
        say.line("there is no key yet: cophub keys add NAME --grant entities:read")
    hidden = ("digest", "former_digest")
    told = [
        {name: getattr(row, name) for name in KeyRow.__dataclass_fields__ if name not in hidden} for row in found
    ]
    say.answer({"keys": told})


def _state(row: KeyRow, today: dt.datetime) -> tuple[str, str]:
    if row.revoked_at is not None:
        return f"revoked {since(row.revoked_at)}", "red"
    if row.expires_at is not None:
        return (f"expired {since(row.expires_at)}", "red") if row.expires_at <= today else (
            f"until {moment(row.expires_at)}",
            "yellow",
        )
    return "valid", "green"


@app.command(cls=Command)
def add(
    ctx: typer.Context,
    name: Name,
    grants: Annotated[
        list[str], typer.Option("--grant", metavar="GRANT", help=f"One of {', '.join(GRANTS)}; repeat it")
    ],
    models: Annotated[list[str] | None, typer.Option("--model", metavar="MODEL", help="Only this; repeat it")] = None,
    exchanges: Annotated[
        list[str] | None, typer.Option("--exchange", metavar="NAME", help="Only this; repeat it")
    ] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--system", metavar="NAME", help="Only its records; repeat it")
    ] = None,
    organizations: Annotated[
        list[str] | None,
        typer.Option("--organization", metavar="KEY", help="Only to-dos of its people, and of all below it; repeat it"),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="How long it is valid: 12h, 90d")
    ] = None,
) -> None:
    """Make a key and show it, this once.

    cophub keys add dashboard --grant entities:read --model supplier --expires 90d
    """
    say = Say(ctx)
    lasts = duration(expires) if expires is not None else None
    within = {"models": models or [], "exchanges": exchanges or [], "systems": systems or []}
    within["organizations"] = organizations or []
    with opened_hub(say, action="keys.write") as opened:
        hub, today = opened.hub, opened.hub.clock()
        until = today + lasts if lasts is not None else None
        key = access.make(
            hub.database,
            hub.workspace,
            hub.actor,
            name,
            grants,
            {kind: names for kind, names in within.items() if names},
            until,
            today,
        )
    say.line(key)
    say.note("It is shown this once. Send it in the header Authorization, after Bearer and a space.")
    say.answer({"name": name, "key": key, "expires_at": until})


@app.command(cls=Command)
def rotate(
    ctx: typer.Context,
    name: Name,
    lasts: Annotated[
        str | None,
        typer.Option("--former", metavar="TIME", help="How long the former key still holds; else as in hub.yaml"),
    ] = None,
) -> None:
    """Give a key a new text; the former one holds for a while, so that nobody is locked out."""
    say = Say(ctx)
    with opened_hub(say, action="keys.write") as opened:
        hub = opened.hub
        former = duration(lasts or hub.workspace.hub.api.rotation)
        key = access.rotate(hub.database, hub.actor, name, former, hub.clock())
    say.line(key)
    say.note(f"It is shown this once. The former one holds for {lasts or hub.workspace.hub.api.rotation} more.")
    say.answer({"name": name, "key": key})


@app.command(cls=Command)
def revoke(ctx: typer.Context, name: Name) -> None:
    """Let a key open nothing from now on."""
    say = Say(ctx)
    with opened_hub(say, action="keys.write") as opened:
        access.revoke(opened.hub.database, opened.hub.actor, name)
    say.line(f"the key {name} is revoked")
    say.answer({"name": name})
