"""``people``: who is there, what they are called in every system, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.text import Text

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plain, short
from hub.cli.unmasking import Reason, Unmask, sight
from hub.exchange.ground import Hub
from hub.identity import accounts as of_systems
from hub.identity import people as found
from hub.identity.organizations import organization
from hub.identity.trees import Trees
from hub.identity.view import View, declared
from hub.store.directory import Wanted
from hub.workspace.organization import LINE

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
Called = Annotated[str, typer.Argument(metavar="PERSON", help="Key or id of the person")]
STYLES = {"active": "green", "disabled": "yellow", "deleted": "red", "absent": "yellow"}


@app.callback()
def people() -> None:
    """Find people, and tell what they are called in every system and why."""


def view_of(hub: Hub, *, unmask: bool = False, reason: str = "", about: str = "") -> View:
    """What the command line may see: all records, classified values masked."""
    workspace = hub.workspace
    model = declared(hub).model
    models = {model, *(field.model for field in workspace.models[model].fields.values() if field.model)}
    eyes = sight(hub, unmask=unmask, reason=reason, models=models, object=about)
    return View(hub, Trees(hub.database), frozenset(workspace.models), frozenset(workspace.systems), sight=eyes)


@contextmanager
def opened_view(say: Say, about: str, *, unmask: bool = False, reason: str = "") -> Iterator[View]:
    """The view of a hub that is open meanwhile."""
    with opened_hub(say) as opened:
        yield view_of(opened.hub, unmask=unmask, reason=reason, about=about)


@app.command(cls=Command)
def search(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What a name, a number or pinyin begins with")],
    unit: Annotated[
        str | None, typer.Option("--organization", metavar="KEY", help="Who belongs to it or to one below it")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many")] = 20,
) -> None:
    """Find people by the beginning of what people.search names.

    cophub people search li --organization plant
    """
    say = Say(ctx)
    with opened_view(say, "people") as seen:
        roots = frozenset({organization(seen, LINE, unit)}) if unit is not None else None
        rows, _ = found.search(seen, Wanted(text, found.searched(seen)), roots, None, limit)
        told = found.brief(seen, rows)
    table = say.table("person", "key", "name", "organization", "state")
    for one in told:
        where = (one.get("organization") or {}).get("key", "")
        state = Text(one["state"], STYLES.get(one["state"], ""))
        say.row(table, Text(short(one["id"]), "cyan"), one["key"], str(one["name"]), where, state)
    if told:
        say.show(table)
    else:
        say.line("nobody is found")
    say.answer({"people": plain(told)})


@app.command(cls=Command)
def accounts(ctx: typer.Context, called: Called, unmask: Unmask = False, reason: Reason = "") -> None:
    """List what a person is called in every system.

    cophub people accounts 1001
    """
    say = Say(ctx)
    with opened_view(say, f"person:{called}", unmask=unmask, reason=reason) as seen:
        person = found.person(seen, called)["_id"]
        told = of_systems.accounts(seen, person)
    table = say.table("system", "account", "state", "exchanges")
    for one in told:
        state = Text(one["state"], STYLES.get(one["state"], ""))
        say.row(table, f"{one['system']}.{one['resource']}", one["account"], state, ", ".join(one["exchanges"]))
    if told:
        say.show(table)
    else:
        say.line("no system has an account of this person")
    say.answer({"person": str(person), "accounts": plain(told)})


@app.command(cls=Command)
def explain(
    ctx: typer.Context,
    called: Called,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Where the account is")],
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="What the person is called there")],
) -> None:
    """Tell why an account is linked to a person; the first reason is the decisive one.

    cophub people explain 1001 ad w00042
    """
    say = Say(ctx)
    with opened_view(say, f"person:{called}") as seen:
        person = found.person(seen, called)["_id"]
        reasons = of_systems.explain(seen, person, system, account)
    for one in reasons:
        say.line(one.code, one.message)
    say.answer({"person": str(person), "reasons": [dataclasses.asdict(one) for one in reasons]})
