"""``systems``: the external applications of a workspace: list, check, discover, describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli import checking, discovering
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, listed, moment, plural
from hub.contract import Field, Resource
from hub.doctor.claims import MEANS
from hub.errors import ConfigError, HubError
from hub.store import circuits, claims
from hub.store.circuits import Circuit
from hub.store.claims import Refuted
from hub.store.database import now
from hub.workspace.diff import plain as without_secrets
from hub.workspace.workspace import System, Workspace

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
app.command("check", cls=Command)(checking.check)
app.command("discover", cls=Command)(discovering.discover)
WIDE = 120
ADDRESSES = ("url", "folder", "sqlite", "odbc", "host", "address")
WRITES = {"on": "green", "log": "yellow", "off": "dim"}


@app.callback()
def systems(ctx: typer.Context) -> None:
    """List, check, discover and describe the systems of the workspace.

    Without a command: the list, with those that are left alone for now.
    """
    if ctx.invoked_subcommand is not None:
        return
    say = Say(ctx)
    workspace = say.workspace()
    wide = say.out.width >= WIDE
    known = {name: one for name, one in _circuits(say).items() if name in workspace.systems}
    heads = [*(["circuit"] if known else []), *(["title"] if wide else []), "address"]
    table = say.table("system", "connector", "writes", "#exchanges", *heads)
    told = []
    for system in workspace.systems.values():
        used = _exchanges(workspace, system.name)
        writes = (
            Text(system.writes, style=WRITES[system.writes])
            if system.spec.writes
            else Text("reads only", style="dim")
        )
        circuit = known.get(system.name)
        named: list[Text | str] = [_circuit(circuit)] if known else []
        named += [title(system)] if wide else []
        cells = (Text(system.name, style="cyan"), _connector(system), writes, str(len(used)), *named)
        say.row(table, *cells, address(system))
        told.append(
            {
                "system": system.name,
                "title": system.title,
                "connector": system.connector,
                "protocol": system.spec.name,
                "address": say.clean(address(system)),
                "writes": system.writes if system.spec.writes else "off",
                "resources": list(system.resources),
                "exchanges": used,
                "circuit": circuit,
            }
        )
    say.show(table)
    for one in known.values():
        _left_alone(say, one)
    doubts = [one for one in _refuted(say) if one.system in workspace.systems]
    for doubt in doubts:
        say.line(
            say.text(f"{doubt.system}.{doubt.resource}: {doubt.claim} does not hold", "red"),
            say.text(f"since {moment(doubt.since)}: {doubt.reason}; {MEANS[doubt.claim]}"),
        )
    say.line("cophub systems check NAME tries the address and the credentials", style="dim")
    say.answer({"systems": told, "refuted": doubts})


@app.command(cls=Command)
def reset(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A system")],
) -> None:
    """Close a system's circuit by hand, and forget the pause it asked for: the next run tries at once."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        opened.hub.workspace.system(name)
        closed = circuits.reset(opened.hub.database, name)
    say.line(f"{name} is asked again" if closed else f"{name} was not left alone")
    say.answer({"system": name, "closed": closed})


@app.command(cls=Command)
def describe(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A system")],
    resource: Annotated[str | None, typer.Argument(metavar="[RESOURCE]", help="One of its resources")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the system even where its file says enough")
    ] = False,
) -> None:
    """Show what a system offers: its resources, or the fields of one."""
    say = Say(ctx)
    if resource is None:
        return _resources(say, say.workspace().system(name))
    with opened_hub(say, schema=False) as opened:
        system = opened.hub.workspace.system(name)
        found = None if live else system.describe(resource)
        if found is None or not found.fields:
            connector = opened.hub.connect(name)
            try:
                found = connector.resource(resource)
            finally:
                connector.close()
    _resource(say, name, found)
    say.answer({"system": name, "resource": found})
    return None


# ---------------------------------------------------------------- list


def address(system: System) -> str:
    """Where a system is, as its file says."""
    for name in ADDRESSES:
        value = getattr(system.settings, name, None)
        if isinstance(value, str) and value:
            return value
    return ""


def title(system: System) -> str:
    """A title in English, or in whatever language there is."""
    if isinstance(system.title, Mapping):
        return system.title.get("en") or next(iter(system.title.values()), "")
    return system.title


def _circuits(say: Say) -> Mapping[str, Circuit]:
    """What is known of systems that fail or asked for a pause. The list is shown without the database too."""
    with suppress(HubError), opened_hub(say, schema=False) as opened:
        return circuits.every(opened.hub.database)
    return {}


def _refuted(say: Say) -> Sequence[Refuted]:
    """Claims that a check refuted."""
    with suppress(HubError), opened_hub(say, schema=False) as opened:
        return claims.every(opened.hub.database)
    return []


def _circuit(found: Circuit | None) -> Text:
    if found is None:
        return Text("closed", style="green")
    if found.state == "closed":
        return Text("paused" if found.paused(now()) else "closed", style="yellow")
    return Text(found.state.replace("_", " "), style="red")


def _left_alone(say: Say, found: Circuit) -> None:
    """Since when, why, and when it is tried again."""
    if found.state != "closed":
        tried = f"next try {moment(found.next_try)}" if found.next_try else "tried by the next run"
        say.line(
            say.text(f"{found.system}: circuit {found.state.replace('_', ' ')}", "red"),
            f"since {moment(found.since)} after {plural(found.failures, 'failure')} in a row, {tried};",
            say.text(f"last: {found.message} [{found.code}]"),
        )
        say.line(f"  to try at once: cophub systems reset {found.system}", style="dim")
    if found.paused(now()):
        say.line(
            say.text(f"{found.system}:", "yellow"),
            f"asked to be left alone until {moment(found.paused_until)}",
        )


def _connector(system: System) -> str:
    return (
        system.connector
        if system.connector == system.spec.name
        else f"{system.connector} ({system.spec.name})"
    )


def _exchanges(workspace: Workspace, system: str) -> list[str]:
    return [
        name
        for name, mapping in workspace.mappings.items()
        if system
        in {mapping.from_.partition(".")[0], *(output.into.partition(".")[0] for output in mapping.outputs)}
    ]


# ---------------------------------------------------------------- describe


def _resources(say: Say, system: System) -> None:
    say.line(say.text(system.name, "bold"), f"{_connector(system)}, {address(system)}")
    found = {}
    for name in system.resources:
        try:
            found[name] = system.describe(name)
        except ConfigError as error:
            say.note(str(error))
            found[name] = None
    table = say.table("resource", "key", "cursor", "#fields", "", "title")
    for name, one in found.items():
        if one is None:
            say.row(
                table, Text(name, style="cyan"), "?", "?", "?", "ask the system: describe with its name", ""
            )
            continue
        able = ", ".join(
            word
            for word, is_so in (("writable", one.writable), ("replaced as a whole", one.replaces))
            if is_so
        )
        say.row(
            table,
            Text(name, style="cyan"),
            listed(one.key),
            one.cursor or "none: read in full",
            str(len(one.fields) or "·"),
            able,
            one.title,
        )
    if found:
        say.show(table)
    else:
        say.line("no resource is declared in its file; the connector may know some: name one")
    say.answer({"system": system.name, "settings": without_secrets(system.settings), "resources": found})


def _resource(say: Say, system: str, found: Resource) -> None:
    say.line(say.text(f"{system}.{found.name}", "bold"), say.text(found.title))
    say.line(
        f"  key {listed(found.key) or 'none'}; cursor {found.cursor or 'none: read in full'};",
        _takes(found),
    )
    table = say.table("field", "type", "", "title")
    for field in found.fields:
        _field(say, table, field, "", set(found.key))
    if found.fields:
        say.show(table)
    else:
        say.line("the system has no metadata and its file declares no fields: any name is accepted")


def _takes(found: Resource) -> str:
    refused = ", ".join(kind for kind in ("create", "update", "delete") if kind in found.refuses)
    if not found.writable:
        return "not writable"
    return f"writable, without {refused}" if refused else "writable"


def _field(say: Say, table: Any, field: Field, above: str, keys: set[str]) -> None:
    marks = [
        word
        for word, is_so in (("key", field.name in keys and not above), ("required", field.required))
        if is_so
    ]
    if field.max_length:
        marks.append(f"at most {field.max_length}")
    kind = ("object" if field.fields else field.type) + ("[]" if field.many else "")
    say.row(table, Text.assemble((above, "dim"), (field.name, "cyan")), kind, ", ".join(marks), field.title)
    for inner in field.fields:
        _field(say, table, inner, f"{above}{field.name}{'[]' if field.many else ''}.", keys)
