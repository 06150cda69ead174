"""``explain``: why something is as it is."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.people import view_of
from hub.cli.say import Say, plain
from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.identity.people import person as found_person
from hub.identity.within import belonging
from hub.security import decisions
from hub.security.actors import Actor
from hub.security.masking import level_in
from hub.todos.explain import explain as reasons_of
from hub.todos.people import person

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def explain() -> None:
    """Tell why a person sees a to-do or does not, and why somebody may do something or may not."""


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


@app.command(cls=Command)
def access(
    ctx: typer.Context,
    actor: Annotated[str, typer.Argument(metavar="ACTOR", help="Who acts: as COPHUB_ACTOR has it, or key:NAME")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="see, or an act of administration")],
    thing: Annotated[str, typer.Argument(metavar="MODEL.FIELD", help="Of see: what is to be seen")] = "",
    called: Annotated[str, typer.Option("--of", metavar="PERSON", help="Of see: of which person")] = "",
) -> None:
    """Tell whether somebody may do something, and which role says so; the first reason is the decisive one.

    cophub explain access anna see employee.salary; cophub explain access bob keys.write
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        hub = opened.hub
        if action == decisions.SEE:
            model, level = _level(hub, thing)
            within = _within(hub, called) if called else decisions.nowhere
            found = decisions.see(hub.workspace.roles, Actor(actor), model, level, within)
        else:
            found = decisions.administer(hub.workspace.roles, Actor(actor), action)
    say.line(f"{actor} may" if found.allowed else f"{actor} may not", style="bold")
    for one in found.reasons:
        say.line(one.code, one.message)
    say.answer(dataclasses.asdict(found))


def _level(hub: Hub, thing: str) -> tuple[str, str]:
    """The model and the level of MODEL.FIELD. ConfigError ``model.unknown``, ``access.object``."""
    model, _, name = thing.partition(".")
    shape = hub.workspace.model(model)
    if name not in shape.fields:
        raise ConfigError(
            "access.object",
            f"{model} has no field {name!r}" if name else "what is to be seen is not said",
            hint=f"MODEL.FIELD, of {model} one of {', '.join(shape.fields)}",
        )
    return model, level_in(hub.workspace.models, shape.fields[name])


def _within(hub: Hub, called: str) -> decisions.Within:
    seen = view_of(hub)
    row = found_person(seen, called)
    return belonging(seen, seen.places([row])[row["_id"]])
