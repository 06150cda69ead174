"""``review``: records a person decides about, and entities that are one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.merged import merge_json, show_merge
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.results import fates
from hub.cli.say import Say, moment, plain, plural, short, since
from hub.cli.unmasking import Reason as Shown
from hub.cli.unmasking import Unmask, sight
from hub.errors import ConfigError
from hub.exchange.decisions.deciding import Decided, decide, merge_candidates
from hub.exchange.decisions.oneness import unite
from hub.exchange.ground import Hub
from hub.exchange.keytokens import Keys
from hub.exchange.reconciling.comparison import Compared, compare
from hub.exchange.shown import models_shown
from hub.exchange.uniting.merger import plan_merge
from hub.exchange.uniting.unmerging import unmerge_entities
from hub.store import reviews
from hub.store.meant import find_entity, find_review
from hub.store.merges import list_merges
from hub.store.reports import key_texts
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
        keys = Keys(opened.hub)
        found = [dataclasses.replace(one, key=keys.shown(one.exchange, one.key)) for one in found]
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
def show(ctx: typer.Context, identity: Identity, unmask: Unmask = False, reason: Shown = "") -> None:
    """Show a record beside its candidates, field by field."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        hub, one = opened.hub, find_review(opened.hub.database, identity)
        models = models_shown(hub.workspace, one.exchange)
        eyes = sight(hub, unmask=unmask, reason=reason, models=models, object=f"review:{one.id}")
        found = compare(hub, one, eyes)
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
    say = Say(ctx)
    with opened_hub(say) as opened:
        done = decide(opened.hub, identity, kind, entity, given(reason))
        _tell(say, opened.hub, done)


def given(reason: str) -> str:
    """A reason that says something."""
    if not reason.strip():
        raise ConfigError("review.reason", "a decision needs a reason", hint="--reason TEXT")
    return reason.strip()


def _tell(say: Say, hub: Hub, done: Decided) -> None:
    one = done.review
    names = key_texts(hub.database, one.model, [one.entity]) if one.entity else {}
    called = names.get(one.entity, "") if one.entity else ""
    what = {
        "link": f"is {one.model} {called}".rstrip(),
        "merge": f"is {one.model} {called}, which is one with the other candidates",
        "create": f"is a new {one.model}",
        "reject": "is none of what was rejected",
    }[one.decision or "link"]
    say.line(say.text(one.key, "bold"), f"of {one.exchange} {what}")
    if done.result is not None:
        say.line(f"  done at once: {fates(done.result.counts)}", style="dim")
    else:
        say.line(f"  the next run of {one.exchange} follows it: {done.note}", style="yellow")
    counts = done.result.counts if done.result is not None else None
    say.answer({"review": _told(one), "counts": counts, "note": done.note})


# ---------------------------------------------------------------- entities that are one


@app.command("merge", cls=Command)
def merge(
    ctx: typer.Context,
    one: Annotated[
        str, typer.Argument(metavar="REVIEW | SURVIVOR", help="A review, or the entity that keeps its id")
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="The entity that goes into the first")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Model of the two entities")
    ] = None,
    survivor: Annotated[
        str | None,
        typer.Option("--survivor", metavar="ENTITY", help="With a review: which candidate keeps its id"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be done")] = False,
    reason: Reason = "",
) -> None:
    """Make entities one: two of them by their keys or ids, or all candidates of a review.

    cophub review merge S-1001 S-1002 --model supplier --plan; cophub review unmerge undoes it.
    """
    say = Say(ctx)
    if other is None:
        if plan:
            raise ConfigError(
                "argument.missing", "--plan shows two entities", hint="cophub review merge A B --model M --plan"
            )
        with opened_hub(say) as opened:
            _tell(say, opened.hub, merge_candidates(opened.hub, one, survivor, given(reason)))
        return
    if model is None:
        raise ConfigError("argument.missing", "of which model are the two?", hint="--model MODEL")
    with opened_hub(say) as opened:
        hub = opened.hub
        hub.workspace.model(model)
        first, second = (find_entity(hub.database, model, text) for text in (one, other))
        planned = plan_merge(hub, model, first, second)
        show_merge(say, hub, planned)
        told = merge_json(hub, planned)
        identity = None if plan else unite(hub, model, first, [second], given(reason))[0]
    if identity is not None:
        say.line(f"done; undo it with: cophub review unmerge {short(identity)} --reason TEXT")
    say.answer({"merge": identity, **told})


@app.command("unmerge", cls=Command)
def unmerge(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="MERGE", help="A merge's id, or its end")],
    reason: Reason,
) -> None:
    """Undo a merge: both entities go on, each with its records and what they said since."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        done = unmerge_entities(opened.hub, identity, given(reason))
        names = key_texts(opened.hub.database, done.merge.model, [done.survivor.id, done.loser.id])
    say.line(
        f"{names.get(done.loser.id, done.loser.id)} is a {done.merge.model} of its own again, "
        f"beside {names.get(done.survivor.id, done.survivor.id)}"
    )
    for record in done.stayed:
        say.line(f"  came after the merge, and stays with the survivor: {record}", style="yellow")
    say.answer(
        {
            "merge": done.merge.id,
            "model": done.merge.model,
            "survivor": done.survivor.id,
            "loser": done.loser.id,
            "stayed": done.stayed,
        }
    )


@app.command("merges", cls=Command)
def merges(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Only of this model")] = None,
    undone: Annotated[bool, typer.Option("--undone", help="Also those that were undone")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first")] = 50,
) -> None:
    """List the merges of entities, newest first."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        if model is not None:
            opened.hub.workspace.model(model)
        found = list_merges(opened.hub.database, model, undone=undone, limit=limit)
        names: dict[Any, str] = {}
        for one in found:
            if one.model in opened.hub.workspace.models:
                names |= key_texts(opened.hub.database, one.model, [one.survivor, one.loser])
    table = say.table("id", "model", "survivor", "went into it", "state", "by", "since", "reason")
    for one in found:
        say.row(
            table,
            Text(short(one.id), style="cyan"),
            one.model,
            *(f"{names.get(item, '')} {short(item)}" for item in (one.survivor, one.loser)),
            one.state,
            one.made_by,
            since(one.made_at),
            one.reason,
        )
    if found:
        say.show(table)
    else:
        say.line("no entities were merged")
    say.answer({"merges": found})
