"""``secrets``: values that no file of the workspace holds. None of these commands shows one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.bootstrap import Opened
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, moment, plural
from hub.errors import AuthError, ConfigError
from hub.security import keys, resealing
from hub.store import sso_clients
from hub.workspace.diff import plain as without_secrets
from hub.workspace.workspace import Workspace

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
LONGEST = 64 * 1024
Name = Annotated[str, typer.Argument(metavar="NAME", help="As in secret://NAME, for instance s4/password")]


@app.callback()
def secrets(ctx: typer.Context) -> None:
    """Set, list and remove secrets, and rotate their master key.

    Files name them as secret://system/name. They are looked for in the environment
    (COPHUB_SECRET_S4_PASSWORD), in a folder of files (COPHUB_SECRETS_DIR), and in the hub's sealed store.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("set", cls=Command)
def set_(ctx: typer.Context, name: Name) -> None:
    """Seal a value into the store: typed without echo, or piped in. Never an argument: others see those."""
    say = Say(ctx)
    with opened_hub(say, action="secrets.write") as opened:
        info = opened.secrets.set(name, _value(name))
    say.line(f"secret://{info.name} is set (version {info.version})")
    say.answer({"name": info.name, "version": info.version})


def _value(name: str) -> str:
    if not sys.stdin.isatty():
        text = sys.stdin.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ConfigError("secret.size", f"the value of {name} is longer than {LONGEST} characters")
        return text.removesuffix("\n").removesuffix("\r")
    value: str = typer.prompt(
        f"Value of secret://{name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return value


@app.command("list", cls=Command)
def list_(ctx: typer.Context) -> None:
    """List which secrets the workspace needs and where each is found, and what else the store holds."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        stored = {info.name: info for info in opened.secrets.list()}
        needed = references(opened.hub.workspace)
        found = {name: _source(opened, name) for name in sorted({*needed, *stored})}
    table = say.table("secret", "found in", "#version", "updated", "used by")
    for name, source in found.items():
        info = stored.get(name)
        place = Text(source) if source else Text("MISSING", style="red bold")
        used = ", ".join(needed.get(name, ())) or Text("nobody", style="dim")
        say.row(
            table,
            Text(name, style="cyan"),
            place,
            str(info.version) if info else "",
            moment(info.updated) if info else "",
            used,
        )
    if found:
        say.show(table)
    else:
        say.line("the workspace names no secret, and the store holds none")
    missing = [name for name, source in found.items() if not source]
    if missing:
        say.line(f"{plural(len(missing), 'secret')} missing: cophub secrets set {missing[0]}", style="red")
    say.answer(
        {
            "secrets": [
                {
                    "name": name,
                    "source": source,
                    "version": stored[name].version if name in stored else None,
                    "updated": stored[name].updated if name in stored else None,
                    "used_by": needed.get(name, []),
                }
                for name, source in found.items()
            ]
        }
    )


def _source(opened: Opened, name: str) -> str:
    try:
        return opened.secrets.source_of(name) or ""
    except AuthError as error:  # it is there, and does not open
        return f"not readable: {error.code}"


def references(workspace: Workspace) -> dict[str, list[str]]:
    """Every secret the workspace names, and who needs it."""
    found: dict[str, list[str]] = {}
    places: list[tuple[str, Any]] = [("the store", workspace.hub.store_password)]
    for name, system in workspace.systems.items():
        places += [(name, without_secrets(system.settings)), (name, without_secrets(system.resources))]
    for who, value in places:
        for reference in _texts(value):
            users = found.setdefault(reference.removeprefix("secret://"), [])
            if who not in users:
                users.append(who)
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("secret://"):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


@app.command(cls=Command)
def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a secret from the store."""
    say = Say(ctx)
    with opened_hub(say, action="secrets.write") as opened:
        opened.secrets.remove(name)
    say.line(f"secret://{name.removeprefix('secret://')} is removed from the store")
    say.answer({"removed": name.removeprefix("secret://")})


@app.command(cls=Command)
def rotate(ctx: typer.Context) -> None:
    """Seal all that the store keeps sealed again under the newest master key: secrets, keys that sign, keys of second
    factors, events.

    First put a new key (cophub secrets keygen) before the old one, separated by a comma or a line; remove
    the old one only when plans that were made under it are applied or given up.
    """
    say = Say(ctx)
    with opened_hub(say, action="secrets.write") as opened:
        database, ring = opened.hub.database, opened.hub.signer.opened()
        done = resealing.rotate(database, ring, opened.hub.actor)
        behind = sso_clients.behind(database, ring.newest.hex())
    table = say.table("table", "#sealed again", "#under the newest key already", "#changed meanwhile")
    for name, one in done.items():
        say.row(table, Text(name, style="cyan"), f"{one.resealed:,}", f"{one.current:,}", f"{one.passed:,}")
    say.show(table)
    if behind:
        say.line(
            f"secrets of {', '.join(behind)} are kept under an older key until they are next used: wait for that, or "
            "give them new ones (cophub clients secret NAME), before it goes"
        )
    say.answer({"tables": {name: asdict(one) for name, one in done.items()}, "behind": behind})


@app.command(cls=Command)
def keygen(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file that only its owner can read")
    ] = None,
) -> None:
    """Make a master key: on stdout, or into a file."""
    say = Say(ctx)
    if out is None:
        key = keys.generate()
        if not say.json:
            typer.echo(key)
        say.answer({"key": key})
        return
    try:
        identity = keys.generate_file(out)
    except FileExistsError:
        raise ConfigError(
            "key.exists", "the file is there already", where=str(out), hint="name a new one"
        ) from None
    except OSError as error:
        raise ConfigError(
            "key.unwritable", f"cannot write the key: {error.strerror}", where=str(out)
        ) from None
    say.line(f"key {identity} written to {out}; next: export {keys.KEY_FILE}={out.resolve()}")
    say.answer({"id": identity, "file": out})
