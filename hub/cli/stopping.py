"""``stop``, ``resume`` and ``status``: what is not to run now, and how everything stands."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from hub.bootstrap import Opened
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.results import STATES
from hub.cli.say import Say, since
from hub.errors import ConfigError
from hub.exchange.standing import Standing, standing, windows
from hub.security import audit
from hub.store import switches
from hub.store.switches import EXCHANGE, TARGET, Switch

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Exchanges")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="SYSTEM", help="All that writes to a system; repeat it"),
]


@app.command(cls=Command)
def stop(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept and shown")],
    names: Names = None,
    target: Targets = None,
) -> None:
    """Stop exchanges, or all that writes to a system, until somebody lets them go on.

    What runs ends between two batches. What would have been done waits: cophub resume NAME
    """
    say = Say(ctx)
    if not reason.strip():
        raise ConfigError("switch.reason", "a reason is needed", hint="--reason 'why it is stopped'")
    with opened_hub(say, action="switches.write") as opened:
        hub, chosen = opened.hub, _chosen(opened, names, target)
        with hub.database.begin() as connection:
            for kind, name in chosen:
                who = hub.actor.name + (f" for {hub.actor.on_behalf}" if hub.actor.on_behalf else "")
                switches.stop(connection, Switch(kind, name, who, reason.strip(), hub.clock()))
            for kind, name in chosen:
                audit.record(connection, hub.actor, "switch.stopped", f"{kind}:{name}", reason=reason.strip())
    for kind, name in chosen:
        say.line(say.text("stopped", "yellow"), f"{_named(kind, name)}; cophub resume {_word(kind, name)}")
    say.answer({"stopped": [{"kind": kind, "name": name} for kind, name in chosen]})


@app.command(cls=Command)
def resume(ctx: typer.Context, names: Names = None, target: Targets = None) -> None:
    """Let go on what was stopped."""
    say = Say(ctx)
    with opened_hub(say, action="switches.write") as opened:
        hub, chosen, gone = opened.hub, _chosen(opened, names, target, gone=True), []
        with hub.database.begin() as connection:
            gone = [one for one in chosen if switches.resume(connection, *one)]
            for kind, name in gone:
                audit.record(connection, hub.actor, "switch.resumed", f"{kind}:{name}")
    for kind, name in chosen:
        went = (kind, name) in gone
        say.line(f"{_named(kind, name)} {'goes on' if went else 'was not stopped'}", style="green" if went else "")
    say.answer({"resumed": [{"kind": kind, "name": name} for kind, name in gone]})


@app.command(cls=Command)
def status(ctx: typer.Context) -> None:
    """Show what is stopped, maintained, late or left alone, and how each exchange ended."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        stopped = switches.stopped(opened.hub.database)
        closed = windows(opened.hub)
        found = standing(opened.hub)
    for one in stopped.values():
        what = f"{_named(one.kind, one.name)}: stopped by {one.actor} since {since(one.since)}: {one.reason}"
        say.line(what, style="yellow")
    for window in closed:
        if window.until is not None:
            say.line(f"{window.system}: is being maintained until {since(window.until)}", style="yellow")
        elif window.next is not None:
            say.line(f"{window.system}: will be maintained from {since(window.next)}", style="dim")
    table = say.table("exchange", "last run", "state", "now")
    for row in found:
        state = row.last.state if row.last else ""
        shown = Text(state or "never ran", style=STATES.get(state, "dim"))
        say.row(table, row.exchange, since(row.last.started_at) if row.last else "", shown, _now(say, row))
    say.show(table)
    say.answer(
        {"stopped": list(stopped.values()), "maintenance": closed, "exchanges": [_json(row) for row in found]}
    )


def _now(say: Say, row: Standing) -> Text:
    """What is to be known of an exchange now."""
    if row.waits is not None:
        return say.text(f"waits: {row.waits.message}", "yellow")
    if row.still is not None:
        return say.text(f"left alone until {since(row.still.until)} ({row.still.code}): {row.still.message}", "yellow")
    if row.late is not None:
        return say.text(f"late since {since(row.late)}", "red")
    code = _code(row)
    return say.text(code, "red" if row.last and row.last.state == "failed" else "yellow") if code else Text("")


def _code(row: Standing) -> str:
    return str(((row.last.error if row.last else None) or {}).get("code", ""))


def _json(row: Standing) -> dict[str, Any]:
    return {
        "exchange": row.exchange,
        "state": row.last.state if row.last else None,
        "started_at": row.last.started_at if row.last else None,
        "error": _code(row) or None,
        "waits": {"code": row.waits.code, "message": row.waits.message} if row.waits else None,
        "standstill": row.still,
        "late_since": row.late,
    }


def _chosen(
    opened: Opened, names: list[str] | None, targets: list[str] | None, *, gone: bool = False
) -> list[tuple[str, str]]:
    """What is meant; what is stopped may have left the workspace, and can be let go on all the same."""
    workspace, known = opened.hub.workspace, switches.stopped(opened.hub.database) if gone else {}
    chosen = [(EXCHANGE, name) for name in names or ()] + [(TARGET, name) for name in targets or ()]
    if not chosen:
        raise ConfigError("switch.names", "which exchange?", hint="give names of mappings, or --target SYSTEM")
    for kind, name in chosen:
        if (kind, name) not in known:
            (workspace.mapping if kind == EXCHANGE else workspace.system)(name)
    return list(dict.fromkeys(chosen))


def _named(kind: str, name: str) -> str:
    return name if kind == EXCHANGE else f"all that writes to {name}"


def _word(kind: str, name: str) -> str:
    return name if kind == EXCHANGE else f"--target {name}"
