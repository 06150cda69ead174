"""``runs``: the journal."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from hub.bootstrap import Opened
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.results import STATES, STYLES, WORDS, fates, number, reconciled
from hub.cli.say import Say, lasted, moment, short, since
from hub.errors import ConfigError
from hub.store.journal import RunRow, list_runs
from hub.store.reports import deliveries, find_run, lost_runs, plan_of

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command, options_metavar="[OPTIONS]")
def runs(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME | show]", help="Runs of one mapping; or: show RUN")
    ] = None,
    identity: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="With show: a run's id, its end, or its run key")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many, newest first")] = 20,
) -> None:
    """List runs, or show one.

    cophub runs; cophub runs s4-suppliers; cophub runs show 5f3a09c1
    """
    say = Say(ctx)
    if name == "show" and identity is not None:
        return _show(say, identity)
    if identity is not None:
        raise ConfigError(
            "argument.extra", f"{identity!r} is one word too many", hint=f"cophub runs show {identity}"
        )
    with opened_hub(say) as opened:
        if name is not None:
            opened.hub.workspace.mapping(name)
        found = list_runs(opened.hub.database, name, limit)
        _mark_lost(opened, found)
    table = say.table("run", "exchange", "mode", "state", "started", "#took", "#read", "what became of it")
    for row in found:
        run, state = Text(short(row.id), style="cyan"), Text(row.state, style=STATES.get(row.state, ""))
        took = lasted(row.started_at, row.ended_at)
        became = _became(row)
        say.row(
            table,
            run,
            row.exchange,
            row.mode,
            state,
            since(row.started_at),
            took,
            number(row.counts.get("read", 0)),
            became,
        )
    if found:
        say.show(table)
    else:
        say.line("no run yet: cophub run NAME")
    say.answer({"runs": found})
    return None


def _mark_lost(opened: Opened, rows: list[RunRow]) -> None:
    """A run whose process was killed says so; the same run key again begins it anew."""
    lost = lost_runs(opened.hub.database) if any(row.state == "running" for row in rows) else set()
    for row in rows:
        if row.id in lost:
            row.state = "lost"


def _became(row: RunRow) -> str:
    """What became of the records; of those of a run that was stopped: why it was."""
    if row.error:
        return row.error.get("code", "")
    if row.state == "lost":
        return "its process was killed; run it again"
    return ("would be: " if row.state == "planned" else "") + fates(row.counts)


def _show(say: Say, identity: str) -> None:
    with opened_hub(say) as opened:
        row = find_run(opened.hub.database, identity)
        _mark_lost(opened, [row])
        plan = plan_of(opened.hub.database, row.id)
        sent = deliveries(opened.hub.database, row.id)
    _print(say, row)
    if plan is not None:
        say.line(f"plan       {plan}  (cophub plan show {short(plan)})")
    for answer, count in sent.items():
        say.line(f"delivery   {answer}: {count:,}")
    say.answer({"run": row, "plan": plan, "deliveries": sent})


def _print(say: Say, row: RunRow) -> None:
    say.line(say.text(row.exchange, "bold"), row.mode, Text(row.state, style=STATES.get(row.state, "")))
    took = lasted(row.started_at, row.ended_at)
    facts = {
        "run": row.id,
        "run key": row.run_key,
        "started": f"{moment(row.started_at)}{f', took {took}' if took else ''}",
        "workspace": row.workspace_hash[:12],
        "stage": row.stage if row.state == "running" else "",
    }
    for name, value in facts.items():
        if value:
            say.line(f"{name:<10}", say.text(value))
    if row.counts:
        table = say.table("count" if row.state in ("done", "running") else "would have been", "#records")
        for name, count in row.counts.items():
            if count:
                say.row(table, WORDS.get(name, name), number(count, STYLES.get(name, "")))
        say.show(table)
        say.line(reconciled(row.counts), style="dim")
    for note in row.notes:
        say.line("note      ", say.text(note))
    if row.error:
        say.line(say.text("error     ", "red"), say.text(row.error.get("message", "")))
        for name in ("where", "hint", "code"):
            if row.error.get(name):
                say.line(f"  {name:<8}", say.text(row.error[name]))
