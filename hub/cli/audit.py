"""``audit``: what was done, by whom, on whose behalf and why; and the proof that nothing of it was changed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plural
from hub.errors import ConfigError
from hub.security import audit as security_audit
from hub.security import checkpoints
from hub.security.verify import Verdict
from hub.store import audit, audit_guard
from hub.workspace.explain import suggest

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
BROKEN = 1
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="HEX", help="A public key (cophub audit key) to check signatures by"),
]


@app.callback()
def audit_(ctx: typer.Context) -> None:
    """Show what was done, by whom and why, and prove that nothing of it was changed.

    cophub audit list; cophub audit verify
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", cls=Command)
def list_(
    ctx: typer.Context,
    action: Annotated[
        str, typer.Option("--action", help="An action, or the part before its dot: plan, unmask.shown")
    ] = "",
    actor: Annotated[str, typer.Option("--actor", help="Who acted, or on whose behalf")] = "",
    about: Annotated[str, typer.Option("--object", help="Part of what it was done to, such as an id")] = "",
    after: Annotated[str, typer.Option("--since", help="From this time on (UTC): 2026-01-31 or longer")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first")] = 30,
) -> None:
    """List entries, newest first."""
    say = Say(ctx)
    _require_known(action, after)
    with opened_hub(say, action="audit.read") as opened:
        found = audit.newest(
            opened.hub.database, limit, action=action, actor=actor, object=about, since=after
        )
    table = say.table("#entry", "at (UTC)", "who", "action", "object", "reason", "details")
    for one in found:
        who = one.actor + (f" for {one.on_behalf}" if one.on_behalf else "")
        when = one.at[:19].replace("T", " ")
        action_text = Text(one.action, style="cyan")
        say.row(table, f"{one.seq:,}", when, who, action_text, one.object, one.reason, _told(one.details))
    if found:
        say.show(table)
    else:
        say.line("no entry fits" if action or actor or about or after else "nothing was done yet")
    say.answer({"entries": [_entry(one) for one in found]})


def _require_known(action: str, after: str) -> None:
    """A slip would look as if nothing had been done."""
    actions = {word for one in security_audit.ACTIONS for word in (one, one.partition(".")[0])}
    if action and action not in actions:
        hint = suggest(action, actions)
        raise ConfigError("audit.action", f'there is no action "{action}"', where="--action", hint=hint)
    try:
        dt.datetime.fromisoformat(after + "2000-01-01"[len(after) :])
    except ValueError:
        message = f'"{after}" is no date or time'
        raise ConfigError(
            "audit.since", message, where="--since", hint="for example 2026-01 or 2026-01-31"
        ) from None


def _told(details: str) -> str:
    return " ".join(f"{name}={_plain(value)}" for name, value in json.loads(details).items())


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}:{item}" for name, item in value.items() if item != 0)
    return str(value) if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _entry(one: audit.Entry) -> dict[str, Any]:
    return {name: getattr(one, name) for name in audit.NAMES} | {"details": json.loads(one.details)}


@app.command(cls=Command)
def verify(
    ctx: typer.Context,
    kept: Annotated[
        Path | None,
        typer.Option("--checkpoints", metavar="FILE", help="Checkpoints kept outside of the database"),
    ] = None,
    exported: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Verify an export, without workspace and database"),
    ] = None,
    key: Keys = None,
) -> None:
    """Verify the whole chain and every checkpoint; exit code 1 where something was changed."""
    say, keys = Say(ctx), [checkpoints.key_of(text) for text in key or ()]
    if exported is not None:
        if not keys:
            raise ConfigError(
                "audit.key",
                "an export is verified with the public key",
                hint="--key HEX, from: cophub audit key",
            )
        verdict = checkpoints.verify_export(exported, keys, checkpoints.read_kept(kept) if kept else ())
    else:
        with opened_hub(say, action="audit.read") as opened:
            hub, folder = opened.hub, opened.hub.workspace.folder
            name, rule = hub.workspace.hub.hub, hub.workspace.hub.audit
            if kept is None and rule.checkpoints is not None:
                kept = folder / rule.checkpoints / checkpoints.FILE
                kept = kept if kept.exists() else None
            verdict = checkpoints.verify_store(
                hub.database,
                name,
                hub.signer,
                kept=checkpoints.read_kept(kept, name) if kept else (),
                keys=keys,
            )
    _say(say, verdict, kept)
    if not verdict.whole:
        raise typer.Exit(BROKEN)


def _say(say: Say, verdict: Verdict, kept: Path | None) -> None:
    if verdict.whole:
        signed = (
            f"{plural(verdict.checkpoints, 'signed checkpoint')} up to entry {verdict.signed:,}"
            if verdict.checkpoints
            else "no checkpoint yet: cophub audit checkpoint"
        )
        say.line(f"the chain holds: {plural(verdict.entries, 'entry', 'entries')}, {signed}", style="green")
        if kept is None:
            say.line("not compared with checkpoints outside of the database (--checkpoints)", style="dim")
    for one in verdict.breaks:
        say.line(say.text(f"entry {one.seq:,}", "red bold"), say.text(one.kind, "red"), say.text(one.text))
    if not verdict.whole:
        say.line("the chain does not hold: compare with a backup, and with who could write the database")
    say.answer(
        {
            "whole": verdict.whole,
            "entries": verdict.entries,
            "checkpoints": verdict.checkpoints,
            "signed": verdict.signed,
            "outside": kept is not None,
            "breaks": verdict.breaks,
        }
    )


@app.command(cls=Command)
def export(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file")]
) -> None:
    """Write the chain and its checkpoints as lines of JSON, for verification elsewhere."""
    say = Say(ctx)
    with opened_hub(say, action="audit.read") as opened:
        try:
            count = checkpoints.export(opened.hub.database, opened.hub.workspace.hub.hub, file)
        except OSError as error:
            raise ConfigError(
                "audit.unwritable", f"cannot write the export: {error.strerror}", where=str(file)
            ) from None
    say.line(f"{plural(count, 'entry', 'entries')} written to {file}")
    say.answer({"entries": count, "file": file})


@app.command(cls=Command)
def checkpoint(ctx: typer.Context) -> None:
    """Verify the chain since the last checkpoint, and sign its newest entry."""
    say = Say(ctx)
    with opened_hub(say, action="audit.read") as opened:
        hub = opened.hub
        one = checkpoints.make(hub.database, hub.signer, hub.workspace.hub, hub.workspace.folder)
        rule = hub.workspace.hub.audit
    if one is None:
        say.line("the newest entry is signed already")
    else:
        say.line(f"entry {one.seq:,} is signed")
        if rule.checkpoints is None:
            say.line("in the database only: set audit.checkpoints in config/hub.yaml", style="dim")
    say.answer({"checkpoint": one})


@app.command(cls=Command)
def key(ctx: typer.Context) -> None:
    """Print the public key that checkpoints and approvals are verified with."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        text = opened.hub.signer.public_key().hex()
    if not say.json:
        typer.echo(text)
    say.answer({"key": text})


@app.command(cls=Command)
def protect(ctx: typer.Context) -> None:
    """Let the database itself refuse to change or delete entries, by triggers."""
    say = Say(ctx)
    with opened_hub(say, action="audit.read") as opened:
        audit_guard.protect(opened.hub.database)
    say.line("the database refuses changes of the audit chain; who owns its tables can still lift that")
    say.answer({"protected": True})


@app.command(cls=Command)
def forget(
    ctx: typer.Context,
    entry: Annotated[int, typer.Argument(metavar="ENTRY", help="The number of an entry")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for instance the request for erasure")],
) -> None:
    """Remove the salt of an entry's hashed values: they can be linked to nobody, the chain stays whole."""
    say = Say(ctx)
    with opened_hub(say, action="audit.read") as opened, opened.hub.database.begin() as connection:
        if not audit.forget(connection, entry):
            raise ConfigError("audit.unsalted", f"entry {entry} has no salt", hint="cophub audit list")
        security_audit.record(
            connection, opened.hub.actor, "audit.forgotten", f"audit:{entry}", reason=reason
        )
    say.line(f"the salt of entry {entry:,} is removed")
    say.answer({"forgotten": entry})
