"""``quarantine``: what was not applied, and why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.replays import dismiss_entries, replay_entries
from hub.cli.results import STYLES, WORDS
from hub.cli.say import Say, moment, plural, short, since
from hub.cli.unmasking import Unmask, sight
from hub.errors import ConfigError
from hub.exchange.keytokens import Keys
from hub.exchange.map import short_hash
from hub.exchange.offending import opened_entry
from hub.exchange.shown import models_shown
from hub.mapping.compile import compile_mapping
from hub.security.masking import NOBODY
from hub.store.reports import Cause, Entry, causes, find_entry, version
from hub.workspace.workspace import Workspace

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def quarantine(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME | show | replay | dismiss]",
            help="Entries of one mapping; or show ENTRY, replay or dismiss what follows",
        ),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME | CAUSE | KEY | ENTRY]",
            help="A mapping, a cause's fingerprint, a record's key, an entry's id or its end",
        ),
    ] = None,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="Only this code, or those below it")
    ] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Also what was settled since")] = False,
    examples: Annotated[int, typer.Option("--examples", min=0, max=100, help="Examples of each cause")] = 3,
    everything: Annotated[
        bool, typer.Option("--all", help="With replay: everything that is set aside, narrowed by --code")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="With replay: make a plan of it and change nothing")
    ] = False,
    unmask: Unmask = False,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="With dismiss or --unmask: why; the audit chain keeps it"),
    ] = "",
) -> int | None:
    """List what was not applied, by cause; show one entry; replay or dismiss some.

    cophub quarantine s4-suppliers; cophub quarantine show 5f3a09c1; cophub quarantine replay 3c9a1e07b2 --preview
    """
    say = Say(ctx)
    if unmask and (name != "show" or identity is None):
        raise ConfigError(
            "unmask.one", "--unmask shows one entry", hint="cophub quarantine show ENTRY --unmask --reason TEXT"
        )
    if name == "show" and identity is not None:
        _show(say, identity, reason, unmask=unmask)
        return None
    if name == "replay":
        return replay_entries(say, identity, code, everything=everything, preview=preview)
    if everything:
        raise ConfigError(
            "quarantine.replay", "--all belongs to replay", hint="cophub quarantine replay --all --preview"
        )
    if name == "dismiss":
        dismiss_entries(say, identity, reason)
        return None
    if identity is not None:
        raise ConfigError(
            "argument.extra", f"{identity!r} is one word too many", hint=f"cophub quarantine show {identity}"
        )
    with opened_hub(say) as opened:
        if name is not None:
            opened.hub.workspace.mapping(name)
        found = causes(opened.hub.database, name, code, resolved=resolved, examples=examples)
        keys = Keys(opened.hub)
        found = [dataclasses.replace(one, examples=tuple(_keyed(keys, each) for each in one.examples)) for one in found]
        current = _versions(opened.hub.workspace, {cause.exchange for cause in found})
    for cause in found:
        _cause(say, cause, current)
    total = sum(cause.count for cause in found)
    exchanges = len({cause.exchange for cause in found})
    if found:
        what = f"{plural(total, 'reason')} of {plural(len(found), 'kind')} in {plural(exchanges, 'exchange')}"
        say.line(f"{what}; mend the source and run again, or the mapping and: cophub quarantine replay CAUSE")
    else:
        narrowed = "nothing of that is set aside; what is: cophub quarantine"
        say.line(narrowed if name or code else "the quarantine is empty")
    say.answer({"total": total, "causes": found})
    return None


def _keyed(keys: Keys, entry: Entry) -> Entry:
    """The entry with its key as people may see it."""
    key, position = keys.shown(entry.exchange, entry.key), keys.position(entry.exchange, entry.position)
    return dataclasses.replace(entry, key=key, position=position)


def _versions(workspace: Workspace, exchanges: set[str]) -> dict[str, set[str]]:
    """The versions of mappings as they are now; of those that compile."""
    found: dict[str, set[str]] = {}
    for name in exchanges & set(workspace.mappings):
        with suppress(ConfigError):
            compiled = compile_mapping(workspace.mappings[name], workspace)
            found[name] = {version(short_hash(one.hash)) for one in compiled}
    return found


def _cause(say: Say, cause: Cause, current: Mapping[str, set[str]]) -> None:
    state = WORDS.get(cause.state, cause.state)
    say.line(
        say.text(f"{cause.count:,} ×", "bold"),
        say.text(state, STYLES.get(cause.state, "dim")),
        say.text(cause.code, "bold"),
        say.text(cause.field, "cyan"),
        say.text(f"in {cause.exchange} → {cause.output}", ""),
        say.text(f"since {since(cause.first_at)}", "dim"),
        say.text(cause.id, "cyan"),
    )
    if cause.state == "quarantined" and not current.get(cause.exchange, set(cause.mappings)) & set(
        cause.mappings
    ):
        say.line(f"  the mapping changed since: cophub quarantine replay {cause.id} --preview")
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in range(4):
        grid.add_column(overflow="fold")
    for entry in cause.examples:
        identity = Text(f"  {short(entry.id)}", style="cyan", no_wrap=True)
        words = Text.assemble(say.text(entry.message), "  ", say.text(_given(entry), "yellow"))
        grid.add_row(
            identity, say.text(entry.key or "(no key)", "bold"), words, say.text(entry.position, "dim")
        )
    if cause.examples:
        say.show(grid)
    if cause.examples and cause.count > len(cause.examples):
        say.line(f"  … and {cause.count - len(cause.examples):,} more", style="dim")


def _given(entry: Entry) -> str:
    """The offending values on one line: ``email='a@'``."""
    if not entry.input:
        return ""
    try:
        value: Any = json.loads(entry.input)
    except ValueError:
        return entry.input
    if isinstance(value, dict):
        return ", ".join(
            f"{name} empty" if item in (None, "", [], {}) else f"{name}={item!r}"
            for name, item in value.items()
        )
    return json.dumps(value, ensure_ascii=False)


def _show(say: Say, identity: str, reason: str, *, unmask: bool) -> None:
    with opened_hub(say) as opened:
        hub = opened.hub
        entry, eyes = find_entry(hub.database, identity), NOBODY
        if unmask:
            models = models_shown(hub.workspace, entry.exchange)
            about = f"quarantine:{entry.id}"
            eyes = sight(hub, unmask=unmask, reason=reason, models=models, object=about)
            entry = opened_entry(hub, entry, eyes)
        entry = _keyed(Keys(hub, eyes), entry)
    say.line(
        say.text(entry.key or "(no key)", "bold"),
        Text(WORDS.get(entry.state, entry.state), style=STYLES.get(entry.state, "dim")),
    )
    facts = {
        "code": entry.code,
        "field": entry.field,
        "message": entry.message,
        "values": _given(entry),
        "position": entry.position,
        "exchange": f"{entry.exchange} → {entry.output}",
        "cause": entry.cause,
        "mapping": f"version {entry.mapping}",
        "run": f"{entry.run}  (cophub runs show {short(entry.run)})",
        "since": moment(entry.created_at),
        "resolved": moment(entry.resolved_at),
        "id": str(entry.id),
    }
    for name, value in facts.items():
        if value:
            say.line(say.text(f"  {name:<9}", "dim"), say.text(value))
    say.answer({"entry": entry})
