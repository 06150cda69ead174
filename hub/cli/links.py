"""``links``: which foreign record stands for which entity; importing and exporting that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.guarded import tell_guard
from hub.cli.matches import masked, tell_report, write_csv
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plural, short
from hub.cli.unmasking import Reason, Unmask, sight
from hub.errors import ConfigError
from hub.exchange.decisions.crossref import Imported, plan_links
from hub.exchange.decisions.linktable import COLUMNS, export_links
from hub.exchange.ground import Hub
from hub.exchange.keytokens import Keys
from hub.exchange.linking.lines import GOOD, QUIET, WORDS
from hub.exchange.shown import models_shown
from hub.exchange.spreadsheet import write_rows
from hub.security.masking import Sight
from hub.store.linking import coverage
from hub.store.matched import newest
from hub.store.meant import find_entity, links_of
from hub.store.reports import find_plan, key_texts

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def links(
    ctx: typer.Context,
    exchange: Annotated[
        str | None, typer.Option("--exchange", metavar="NAME", help="Only links of this exchange")
    ] = None,
) -> None:
    """Show, import and export which foreign record stands for which entity.

    cophub links; cophub links show S-1001 --model supplier; cophub links import links.csv --exchange crm-suppliers
    """
    if ctx.invoked_subcommand is not None:
        return
    say = Say(ctx)
    with opened_hub(say) as opened:
        if exchange is not None:
            opened.hub.workspace.mapping(exchange)
        found = coverage(opened.hub.database, exchange)
    table = say.table(
        "exchange", "place", "model", "#records", "#linked", "#without", "#entities", "#with record", "#none"
    )
    for one in found:
        numbers = (
            *(one.records, one.linked, one.records - one.linked),
            *(one.entities, one.covered, one.entities - one.covered),
        )
        say.row(table, one.exchange, one.place, one.model, *(f"{number:,}" for number in numbers))
    if found:
        say.show(table)
    else:
        say.line("there are no links yet")
    say.answer({"links": found})


@app.command("show", cls=Command)
def show(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="An entity's key or id, or the end of its id")],
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Its model")],
) -> None:
    """Show every foreign record that stands for an entity, in sources and targets."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        opened.hub.workspace.model(model)
        identity = find_entity(opened.hub.database, model, entity)
        found = links_of(opened.hub.database, identity)
        called = key_texts(opened.hub.database, model, [identity]).get(identity, "")
        keys = Keys(opened.hub)
        shown = {
            one: (
                (keys.foreign if one.direction == "outbound" else keys.shown)(one.exchange, one.key),
                keys.foreign(one.exchange, one.foreign_id),
            )
            for one in found
        }
    say.line(say.text(called, "bold"), Text(str(identity), style="cyan"))
    table = say.table("exchange", "direction", "record", "its id", "as")
    for one in found:
        how = "gone" if one.absent else ("" if one.entity == identity else f"merged {short(one.entity)}")
        say.row(table, one.exchange, one.direction, *shown[one], how)
    if found:
        say.show(table)
    else:
        say.line("no record stands for it")
    told = [
        {
            "exchange": one.exchange,
            "direction": one.direction,
            "key": shown[one][0],
            "foreign_id": shown[one][1] or None,
            "entity": one.entity,
            "absent": one.absent,
        }
        for one in found
    ]
    say.answer({"model": model, "entity": identity, "links": told})


@app.command("import", cls=Command)
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a head of names, or NDJSON")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with each link")],
    exchange: Annotated[
        str | None,
        typer.Option("--exchange", metavar="NAME", help="An exchange or system.resource, where no column says it"),
    ] = None,
    shown: Annotated[int, typer.Option("--show", min=0, max=100_000, help="Lines to show at most")] = 50,
) -> int:
    """Plan the import of a cross-reference table: key, and entity or the key fields of its model.

    Every line is judged; while one contradicts what is known there is no plan. Then: cophub apply PLAN
    """
    say = Say(ctx)
    if not reason.strip():
        raise ConfigError("links.reason", "an import needs a reason", hint="--reason TEXT")
    with opened_hub(say) as opened:
        found = plan_links(opened.hub, file, exchange, reason.strip(), shown=shown)
        plans = [find_plan(opened.hub.database, str(one.plan)) for one in found.plans]
    _told(say, found)
    if found.conflicts:
        say.line(f"{plural(found.conflicts, 'line')} cannot be imported: mend them, or leave them out", style="red")
    elif not plans:
        say.line("nothing is to be imported", style="dim")
    for plan in plans:
        count = plural(plan.counts["applied"], "link")
        say.line("plan", say.text(str(plan.id), "cyan"), f"of {plan.exchange}: {count}")
        tell_guard(say, plan)
    say.answer(
        {
            "lines": found.lines,
            "counts": found.counts,
            "conflicts": found.conflicts,
            "shown": found.shown,
            "plans": [
                {
                    "plan": one.id,
                    "exchange": one.exchange,
                    "counts": one.counts,
                    "guard": {"held": bool(one.breaches), "breaches": one.breaches},
                }
                for one in plans
            ],
        }
    )
    return 1 if found.conflicts else 0


def _told(say: Say, found: Imported) -> None:
    for verdict, count in found.counts.items():
        style = "green" if verdict in GOOD else "dim" if verdict in QUIET else "red"
        say.line(say.text(f"{count:,} ×", "bold"), Text(verdict, style=style), WORDS[verdict])
    if not found.shown:
        return
    table = say.table("#line", "exchange", "record", "verdict", "entity or what stands in the way")
    for one in found.shown:
        say.row(table, f"{one.line:,}", one.exchange, one.key, one.verdict, one.other or one.entity)
    say.show(table)


@app.command("export", cls=Command)
def export(
    ctx: typer.Context,
    exchange: Annotated[str | None, typer.Argument(metavar="[EXCHANGE]", help="Only of this exchange")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write CSV into a file instead of stdout")
    ] = None,
    unmask: Unmask = False,
    reason: Reason = "",
) -> None:
    """Write every link as CSV, in the form that import reads. A classified key is a token, which it does not."""
    say = Say(ctx)
    count = 0
    with opened_hub(say) as opened:
        if exchange is not None:
            opened.hub.workspace.mapping(exchange)
        eyes = _sight(opened.hub, exchange, reason, unmask=unmask)
        stream: Any = out.open("w", encoding="utf-8", newline="") if out is not None else sys.stdout
        try:
            if out is not None or not say.json:
                count = write_rows(stream, COLUMNS, export_links(opened.hub, exchange, eyes))
        finally:
            if out is not None:
                stream.close()
    if out is not None:
        say.line(f"{plural(count, 'link')} written: {out}")
    say.answer({"links": count, "file": out})


@app.command("report", cls=Command)
def report(
    ctx: typer.Context,
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="An exchange that ran in link_only")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Every record and entity as CSV")
    ] = None,
    unmask: Unmask = False,
    reason: Reason = "",
) -> None:
    """Show the match report of the newest baseline of an exchange."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        opened.hub.workspace.mapping(exchange)
        found = newest(opened.hub.database, exchange)
        if not found:
            raise ConfigError(
                "links.report",
                f"there is no match report of {exchange}",
                hint=f"make one: cophub run {exchange} --mode link_only",
            )
        keys = Keys(opened.hub, _sight(opened.hub, exchange, reason, unmask=unmask))
        found = [masked(one, keys) for one in found]
        for one in found:
            tell_report(say, one)
        if out is not None:
            write_csv(say, opened.hub, found, out, keys)
    say.answer({"exchange": exchange, "run": found[0].run, "outputs": [one.report for one in found]})


def _sight(hub: Hub, exchange: str | None, reason: str, *, unmask: bool) -> Sight:
    """What the caller may see of the keys of one exchange, or of all."""
    names = [exchange] if exchange else sorted(hub.workspace.mappings)
    models = {model for name in names for model in models_shown(hub.workspace, name)}
    return sight(hub, unmask=unmask, reason=reason, models=models, object=f"links:{exchange or 'all'}")
