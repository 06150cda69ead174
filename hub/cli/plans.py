"""``plan`` and ``apply``: look first, then do exactly that."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.ending import Ending
from hub.cli.guarded import tell_guard
from hub.cli.matches import show_matches
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.progress import progress
from hub.cli.results import STYLES, WORDS, detail, number, reconciled, show_results
from hub.cli.run import fresh_key
from hub.cli.say import Say, moment, plain, plural
from hub.cli.unmasking import Reason, Unmask, sight
from hub.errors import ConfigError
from hub.exchange.contents import Contents, Part, Shown, contents
from hub.exchange.manifest import READ_PARTS
from hub.exchange.pipeline import Result, apply_plan, run_exchange
from hub.exchange.shown import models_shown
from hub.store.reports import find_plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)
MARKS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "enable": ("^", "green"),
    "disable": ("-", "red"),
    "delete": ("x", "red"),
    "link": ("=", "green"),
    "merge": (">", "yellow"),
}


@app.command(cls=Command)
def plan(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME | show", help="A mapping; or: show PLAN")],
    identity: Annotated[
        str | None, typer.Argument(metavar="[PLAN]", help="With show: a plan's id, or its end")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything, and count what is absent")] = False,
    initial: Annotated[
        bool, typer.Option("--initial", help="A first load: the guard does not limit creations")
    ] = False,
    sample: Annotated[
        int, typer.Option("--sample", min=0, max=1000, help="Changes to show of each kind")
    ] = 5,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write what is shown as JSON into a file too")
    ] = None,
    unmask: Unmask = False,
    reason: Reason = "",
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="With mode link_only: every record and entity as CSV"),
    ] = None,
) -> None:
    """Show what a run would do, and keep it for apply; nothing is changed.

    cophub plan s4-suppliers --initial; cophub plan show 5f3a09c1; cophub apply 5f3a09c1
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        notes: tuple[str, ...] = ()
        if name == "show" and identity is not None:
            row = find_plan(opened.hub.database, identity)
        elif identity is not None:
            raise ConfigError(
                "argument.extra", f"{identity!r} is one word too many", hint=f"cophub plan {name}"
            )
        else:
            with Ending() as ending, progress(say.err, name, quiet=say.silent) as told:
                made = run_exchange(
                    opened.hub,
                    name,
                    "plan",
                    fresh_key(f"plan/{name}"),
                    initial=initial,
                    full=full,
                    progress=ending.watch(told),
                )
            row, notes = find_plan(opened.hub.database, str(made.plan)), made.notes
        models = models_shown(opened.hub.workspace, row.exchange)
        eyes = sight(opened.hub, unmask=unmask, reason=reason, models=models, object=f"plan:{row.id}")
        found = contents(opened.hub, row, sample, eyes)
        if not say.json:
            _print(say, found, notes)
        show_matches(say, opened.hub, row.run_id, report)
    answer = _told(found)
    if out is not None:
        out.write_text(json.dumps(plain(answer), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    say.answer(answer)


@app.command(cls=Command)
def apply(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="PLAN", help="A plan's id, or its end")],
    run_key: Annotated[
        str | None,
        typer.Option("--run-key", metavar="KEY", help="The same key again answers the finished run"),
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not read the source again; with --reason, and audited")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is not read again")] = "",
) -> None:
    """Do exactly what a stored plan says.

    The source is read again: what changed since the plan was made is refused and listed, never overwritten.
    """
    say = Say(ctx)
    if unchecked != bool(reason.strip()):
        raise ConfigError(
            "apply.reason", "--unchecked and --reason go together", hint="cophub apply PLAN --unchecked --reason TEXT"
        )
    start = time.monotonic()
    with opened_hub(say) as opened:
        row = find_plan(opened.hub.database, identity)
        with Ending() as ending, progress(say.err, row.exchange, quiet=say.silent) as told:
            key, watched = run_key or f"apply/{row.id}", ending.watch(told)
            result: Result = apply_plan(opened.hub, row.id, key, unchecked=reason.strip(), progress=watched)
    show_results(say, [(result.exchange, result, None, time.monotonic() - start)])
    say.answer(
        {
            "plan": row.id,
            "run": result.run,
            "run_key": result.run_key,
            "exchange": result.exchange,
            "state": result.state,
            "counts": result.counts,
            "notes": result.notes,
            "repeated": result.repeated,
        }
    )


def _print(say: Say, found: Contents, notes: tuple[str, ...]) -> None:
    row = found.plan
    say.line(
        "plan",
        say.text(str(row.id), "cyan"),
        f"of {row.exchange}, {row.state}, made {moment(row.created_at)}{f' by {row.author}' if row.author else ''}",
    )
    for part in found.parts:
        _part(say, part, titled=len(found.parts) > 1)
    for note in dict.fromkeys((*notes, *(note for part in found.parts for note in part.notes))):
        say.line("note:", say.text(note))
    say.line(reconciled(row.counts), style="dim")
    tell_guard(say, row)
    if found.stale and row.state == "open":
        say.line(say.text("The workspace changed after this plan was made: apply will refuse it.", "yellow"))


def _part(say: Say, part: Part, *, titled: bool) -> None:
    names = [name for name in ("read", *READ_PARTS) if name == "read" or part.counts.get(name)]
    table = say.table(
        *(f"#{'would apply' if name == 'applied' else WORDS.get(name, name)}" for name in names),
        "of it",
        title=f"into {part.output}" if titled else "",
    )
    say.row(table, *(number(part.counts.get(name, 0)) for name in names), detail(part.counts))
    say.show(table)
    for change in part.changes:
        _change(say, change)
    if len(part.changes) < part.total:
        say.line(
            f"  … {len(part.changes):,} of {plural(part.total, 'change')} shown: --sample N shows more",
            style="dim",
        )
    if part.foretold:
        say.line(f"  {part.foretold}", style="dim")
    for reason in part.held:
        say.line(
            say.text(f"  {reason.count:,} ×", "bold"),
            say.text(WORDS.get(reason.state, reason.state), STYLES.get(reason.state, "dim")),
            say.text(reason.code, "bold"),
            say.text(reason.field, "cyan"),
        )
        for key, position, message in reason.examples:
            say.line(
                "     ", say.text(key or "(no key)", "cyan"), say.text(message), say.text(position, "dim")
            )


def _change(say: Say, change: Shown) -> None:
    mark, style = MARKS.get(change.operation, ("?", ""))
    say.line(say.text(f"  {mark} {change.operation}", style), say.text(change.key, "bold"))
    if change.operation == "update" and not change.fields:
        say.line("      the values stay; another source supplies them from now on", style="dim")
    width = max((len(field.field) for field in change.fields), default=0)
    for field in change.fields:
        new = _value(say, field.new)
        arrow = (
            Text.assemble(_value(say, field.old), (" → ", "dim"), new)
            if change.operation not in ("create", "delete", "link", "merge")
            else new
        )
        if change.operation == "update" and field.old is None and field.new is not None:
            arrow = Text.assemble(("empty", "dim"), (" → ", "dim"), new)
        say.line(Text.assemble("      ", (f"{field.field:<{width}}  ", "dim"), arrow))


def _value(say: Say, value: Any) -> Text:
    if value is None:
        return Text("empty", style="dim")
    return say.text(value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False))


def _told(found: Contents) -> dict[str, Any]:
    row = found.plan
    return {
        "plan": row.id,
        "exchange": row.exchange,
        "run": row.run_id,
        "state": row.state,
        "created_at": row.created_at,
        "applied_at": row.applied_at,
        "author": row.author,
        "expires_at": row.expires_at,
        "counts": row.counts,
        "guard": {"held": bool(row.breaches), "breaches": row.breaches},
        "stale": found.stale,
        "outputs": found.parts,
    }
