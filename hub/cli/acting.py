"""``todos act`` and ``todos acts``: respond to a to-do in a person's name, and see what became of it."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from hub.cli.frame import OK
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say, since
from hub.errors import ConfigError
from hub.store import acts
from hub.todos.acted import shown
from hub.todos.acting import Press, press
from hub.todos.people import person
from hub.todos.settling import settle

RETRY = 75
REFUSED = 1
Todo = Annotated[str, typer.Argument(metavar="TODO", help="Id of the to-do")]


def add(app: typer.Typer) -> None:
    """Add both commands to ``todos``."""
    app.command(name="act", cls=Command)(act)
    app.command(name="acts", cls=Command)(several)


def act(
    ctx: typer.Context,
    todo: Todo,
    called: Annotated[str, typer.Argument(metavar="PERSON", help="Key or id of the person it is done for")],
    response: Annotated[str, typer.Argument(metavar="RESPONSE", help="Code of the response or action")],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="What the person says to it")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason that the response offers")] = "",
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key is the same press")] = "",
) -> int:
    """Respond to a to-do in a person's name, and wait for one try.

    Ends with 75 while it waits for the system (a worker goes on), and with 1 where it failed.
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        hub = opened.hub
        wanted = Press(_id(todo), person(hub, called), response, comment, reason, key)
        made = press(hub, wanted)
        one = settle(hub, made.id) or made
    say.line(f"{one.response}: {one.state}" + (f" ({one.code}): {one.message}" if one.code else ""))
    code = {"submitting": RETRY, "failed": REFUSED}.get(one.state, OK)
    say.answer({**shown(one), "exit": code})
    return code


def several(ctx: typer.Context, todo: Todo) -> None:
    """Show what was done with a to-do, the newest first."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        found = acts.of_todo(opened.hub.database, _id(todo))
    table = say.table("act", "state", "since", "by", "as", "why")
    for one in found:
        as_ = one.account or "the hub"
        say.row(table, one.response, one.state, since(one.begun_at), one.by, as_, f"{one.code} {one.message}".strip())
    if found:
        say.show(table)
    else:
        say.line("nothing was done with it")
    say.answer({"items": [shown(one) for one in found]})


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        hint = "cophub todos list PERSON --json"
        raise ConfigError("todo.unknown", f"{text!r} is no id of a to-do", hint=hint) from None
