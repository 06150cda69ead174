"""``entities``: golden records, and where each of their values comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say, moment, plain, plural, short, since
from hub.cli.unmasking import Reason, Unmask, sight
from hub.errors import ConfigError
from hub.exchange.shown import Values, looked_up
from hub.store.reports import Entity
from hub.store.reports import entities as read_entities
from hub.workspace.shape import ModelFile

app = typer.Typer(rich_markup_mode=None, add_completion=False)
COLUMNS = 6
STYLES = {"active": "green", "disabled": "yellow", "deleted": "red"}


@app.command(cls=Command)
def entities(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model of the workspace")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="K", help="Value of a key field, or an id or its end")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, by key")] = 20,
    gone: Annotated[bool, typer.Option("--gone", help="Also disabled and deleted ones")] = False,
    unmask: Unmask = False,
    reason: Reason = "",
) -> None:
    """Show golden records and where each value comes from.

    cophub entities supplier --limit 5; cophub entities supplier --key 1001
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        shape = opened.hub.workspace.model(model)
        about = f"model:{model}"
        eyes = sight(opened.hub, unmask=unmask, reason=reason, models=_models(shape), object=about)
        if key is not None:
            looked_up(opened.hub, shape, key)
        found = read_entities(opened.hub.database, model, key, limit, gone=gone)
        names = Values(opened.hub, shape.fields, eyes)
        names.learn([entity.values for entity in found])
    if key is not None and not found:
        raise ConfigError(
            "entity.unknown", f"there is no {model} with the key {key}", hint=f"see: cophub entities {model}"
        )
    if key is not None:
        for entity in found:
            _one(say, shape, entity, names)
    elif found:
        _table(say, shape, found, names)
        more = ", there may be more: --limit" if len(found) == limit else ""
        say.line(
            f"{plural(len(found), 'record')} of {model}{more}; --key K shows where each value comes from",
            style="dim",
        )
    else:
        say.line(f"there is no {model} yet")
    say.answer({"model": model, "entities": [_told(shape, entity, names) for entity in found]})


def _models(shape: ModelFile) -> set[str]:
    """The models whose values are shown: references are shown by their keys."""
    return {shape.model, *(field.model for field in shape.fields.values() if field.model)}


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(plain(value), ensure_ascii=False)


def _table(say: Say, shape: ModelFile, found: Sequence[Entity], names: Values) -> None:
    first = [*shape.key, *(name for name in shape.fields if name not in shape.key)][:COLUMNS]
    table = say.table("id", *first, "state", "#version", "updated")
    for entity in found:
        values = (_text(names.shown(name, entity.values[name])) for name in first)
        state = Text(entity.state, style=STYLES.get(entity.state, ""))
        say.row(
            table,
            Text(short(entity.id), style="cyan"),
            *values,
            state,
            str(entity.version),
            since(entity.updated_at),
        )
    say.show(table)


def _one(say: Say, shape: ModelFile, entity: Entity, names: Values) -> None:
    say.line(
        say.text(str(entity.id), "cyan"),
        Text(entity.state, style=STYLES.get(entity.state, "")),
        f"version {entity.version}, updated {moment(entity.updated_at)}",
    )
    table = say.table("field", "value", "from", "level")
    for name, field in shape.fields.items():
        value = _text(names.shown(name, entity.values[name]))
        origin = entity.origins.get(name, "") if entity.values[name] is not None else ""
        say.row(
            table,
            Text(name, style="cyan"),
            value,
            Text(origin, style="dim"),
            Text(field.level or "", style="yellow"),
        )
    say.show(table)
    for exchange, key in entity.links:
        say.line(say.text("  record", "dim"), say.text(key, "bold"), say.text(f"of {exchange}"))


def _told(shape: ModelFile, entity: Entity, names: Values) -> dict[str, Any]:
    return {
        "id": entity.id,
        "state": entity.state,
        "version": entity.version,
        "updated_at": entity.updated_at,
        "values": {name: names.shown(name, value) for name, value in entity.values.items()},
        "origins": entity.origins,
        "links": [{"exchange": exchange, "key": key} for exchange, key in entity.links],
    }
