"""``review``: records a person decides about, and entities that are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, moment, plain, plural, short, since
from hub.errors import ConfigError
from hub.exchange.comparison import Compared, compare
from hub.exchange.deciding import decide
from hub.store import reviews
from hub.store.reports import find_review, key_texts
from hub.store.reviews import Review

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
STATES = {"open": "yellow", "decided": "green", "superseded": "dim"}
Identity = Annotated[str, typer.Argument(metavar="REVIEW", help="A review's id, or its end")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the decision")]


@app.callback()
def review(
    ctx: typer.Context,
    exchange: Annotated[
        str | None, typer.Option("--exchange", metavar="NAME", help="Only reviews of this exchange")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Only reviews of this model")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Also what is decided or settled")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, oldest first")] = 50,
) -> None:
    """Decide which entity a record is, and merge entities that are one.

    cophub review; cophub review show 5f3a09c1; cophub review link 5f3a09c1 1001 --reason "same tax number"
    """
    if ctx.invoked_subcommand is not None:
        return
    say = Say(ctx)
    with opened_hub(say) as opened:
        if exchange is not None:
            opened.hub.workspace.mapping(exchange)
        if model is not None:
            opened.hub.workspace.model(model)
        states = ("open", "decided", "superseded") if closed else ("open",)
        found = reviews.list_reviews(opened.hub.database, exchange, model, states=states, limit=limit)
        counts = reviews.count_reviews(opened.hub.database)
    _listed(say, found, closed=closed)
    for name, into, count, oldest in counts:
        say.line(f"{plural(count, 'open review')} of {name} → {into}, the oldest of {since(oldest)}", style="dim")
    if not found:
        say.line("no review is open" if not closed else "there is no review")
    say.answer({"reviews": [_told(one) for one in found], "open": sum(count for _, _, count, _ in counts)})


def _listed(say: Say, found: Sequence[Review], *, closed: bool) -> None:
    if not found:
        return
    table = say.table("id", "exchange", "model", "record", "code", "#candidates", "state" if closed else "since")
    for one in found:
        last = Text(one.state, style=STATES[one.state]) if closed else since(one.opened_at)
        say.row(
            table,
            Text(short(one.id), style="cyan"),
            one.exchange,
            one.model,
            one.key,
            one.code,
            str(one.candidates),
            last,
        )
    say.show(table)


@app.command("show", cls=Command)
def show(ctx: typer.Context, identity: Identity) -> None:
    """Show a record beside its candidates, field by field."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        found = compare(opened.hub, find_review(opened.hub.database, identity))
    _compared(say, found)
    say.answer(_compared_json(found))


def _compared(say: Say, found: Compared) -> None:
    one = found.review
    say.line(
        say.text(one.key, "bold"),
        say.text(f"of {one.exchange} → {one.model}"),
        Text(one.state, style=STATES[one.state]),
        say.text(one.code, "bold"),
        say.text(f"since {moment(one.opened_at)}", "dim"),
    )
    say.line(say.text(f"  {found.entry.message}  {found.entry.position}", "dim"))
    heads = [f"{side.number}: {side.called}" for side in found.sides]
    table = say.table("field", "record", *heads)
    for line in found.lines:
        cells = []
        for cell in line.cells:
            like = f"  {cell.likeness:.2f}" if cell.likeness is not None and cell.likeness < 1 else ""
            cells.append(
                say.text(("≠ " if cell.differs else "") + _text(cell.value) + like, "yellow" if cell.differs else "")
            )
        say.row(table, Text(line.field, style="cyan"), _text(line.incoming), *cells)
    named = (_named(side.entity, side.other_key) for side in found.sides)
    say.row(table, Text("id", style="dim"), short(one.id), *named)
    say.row(table, Text("rule", style="dim"), "", *(f"{side.rule} {side.score:.2f}" for side in found.sides))
    say.show(table)
    if found.note:
        say.line(found.note, style="yellow")
    for said in found.said:
        what = f"{said['kind']} {said['entity'] or ''}".strip()
        say.line(f"  {what} by {said['decided_by']}, {moment(said['decided_at'])}: {said['reason']}", style="dim")
    if one.state == "open":
        end = short(one.id)
        say.line(f"decide: cophub review link {end} ENTITY, or create, reject, merge {end}; --reason TEXT", style="dim")


def _named(entity: Any, other: str | None) -> Text:
    return Text(short(entity) if entity else f"record {other}", style="cyan")


def _text(value: Any) -> str:
    return "" if value is None else str(plain(value))


def _compared_json(found: Compared) -> dict[str, Any]:
    return {
        "review": _told(found.review),
        "message": found.entry.message,
        "position": found.entry.position,
        "candidates": found.sides,
        "fields": found.lines,
        "note": found.note,
        "decisions": found.said,
    }


def _told(one: Review) -> dict[str, Any]:
    told: Mapping[str, Any] = plain(one)
    return {name: value for name, value in told.items() if name != "source"}


# ---------------------------------------------------------------- deciding


@app.command("link", cls=Command)
def link(
    ctx: typer.Context,
    identity: Identity,
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="An entity's key or id, or the end of its id")],
    reason: Reason,
) -> None:
    """Decide that the record is this entity."""
    _decide(ctx, identity, "link", entity, reason)


@app.command("create", cls=Command)
def create(ctx: typer.Context, identity: Identity, reason: Reason) -> None:
    """Decide that the record is an entity of its own."""
    _decide(ctx, identity, "create", None, reason)


@app.command("reject", cls=Command)
def reject(
    ctx: typer.Context,
    identity: Identity,
    reason: Reason,
    entity: Annotated[
        str | None, typer.Argument(metavar="[ENTITY]", help="Only this candidate; without: all of them")
    ] = None,
) -> None:
    """Decide that the record is not this entity: it is never proposed again."""
    _decide(ctx, identity, "reject", entity, reason)


def _decide(ctx: typer.Context, identity: str, kind: str, entity: str | None, reason: str) -> None:
    if not reason.strip():
        raise ConfigError("review.reason", "a decision needs a reason", hint="--reason TEXT")
    say = Say(ctx)
    with opened_hub(say) as opened:
        done = decide(opened.hub, identity, kind, entity, reason.strip())
        names = key_texts(opened.hub.database, done.model, [done.entity]) if done.entity else {}
    what = {
        "link": f"is {done.model} {names.get(done.entity, '') if done.entity else ''}".rstrip(),
        "create": f"is a new {done.model}",
        "reject": "is none of what was rejected",
    }[kind]
    say.line(say.text(done.key, "bold"), f"of {done.exchange} {what}; the next run of {done.exchange} follows it")
    say.answer({"review": _told(done)})
