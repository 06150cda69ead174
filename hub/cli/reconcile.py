"""``reconcile``: compare with what is there, and plan the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.ending import Ending
from hub.cli.frame import FINDINGS, OK
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.progress import progress
from hub.cli.run import fresh_key
from hub.cli.say import Say, short
from hub.errors import ConfigError
from hub.exchange.reconciling.reconcile import Reconciled
from hub.exchange.reconciling.reconcile import reconcile as compare

app = typer.Typer(rich_markup_mode=None, add_completion=False)
POLICIES = ("overwrite", "keep", "review")
WORDS = {
    "missing": "acknowledged by the target and not there",
    "different": "other than acknowledged",
    "adoptable": "in the target under the key of a record the hub has not sent yet",
    "ghost": "in the target and unknown to the hub",
    "orphan": "known to the hub without a golden record behind it",
    "duplicate": "with one natural key between them",
    "pending": "on their way by the next run",
    "unseen": "in the source and not seen yet",
    "gone": "seen and no longer in the source",
    "changed": "changed in the source since they were seen",
}


@app.command(cls=Command)
def reconcile(
    ctx: typer.Context,
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="A mapping")],
    sample: Annotated[
        int, typer.Option("--sample", min=0, max=1000, help="Differences to show of each kind")
    ] = 5,
    by_hand: Annotated[
        str | None,
        typer.Option(
            "--by-hand", metavar="POLICY", help="overwrite, keep or review in place of changed_by_hand"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write all differences to a .parquet or .csv file"),
    ] = None,
) -> int:
    """Compare what the hub knows with what is there, and plan what heals it.

    Nothing is changed. Exit code 1 where something differs.
    """
    say = Say(ctx)
    if by_hand not in (None, *POLICIES):
        raise ConfigError(
            "reconcile.policy", f"there is no policy {by_hand!r}", hint=f"one of {', '.join(POLICIES)}"
        )
    if out is not None and out.suffix not in (".parquet", ".csv"):
        raise ConfigError("reconcile.out", f"{out.name} is neither .parquet nor .csv", hint="name it so")
    shown = progress(say.err, exchange, quiet=say.silent)
    with opened_hub(say) as opened, Ending() as ending, shown as told:
        key = fresh_key(f"reconcile/{exchange}")
        found = compare(
            opened.hub,
            exchange,
            key,
            policy=by_hand,  # type: ignore[arg-type] # one of POLICIES
            sample=sample,
            out=out,
            progress=ending.watch(told),
        )
    _show(say, found)
    say.answer({"reconciliation": found, "clean": found.clean})
    return OK if found.clean else FINDINGS


def _show(say: Say, found: Reconciled) -> None:
    say.line(f"{found.counts.get('read', 0):,} records were compared")
    if found.incomplete:
        say.line(say.text("not whole:", "yellow bold"), say.text(found.incomplete))
    for kind, count in found.counts.items():
        if kind == "read" or not count:
            continue
        say.line(say.text(f"{count:>9,} {kind}", "bold"), WORDS[kind])
        for one in found.findings:
            if one["kind"] == kind:
                field = f"{one['field']}: {one['expected']} ≠ {one['actual']}" if one["field"] else ""
                say.line("         ", say.text(one["key"] or one["id"] or "", "cyan"), say.text(field))
    for breach in found.breaches:
        say.line(say.text("guard: held:", "yellow bold"), say.text(breach))
    if found.plan is not None:
        say.line(f"To heal it: cophub plan show {short(found.plan)}; cophub apply {short(found.plan)}")
    elif found.clean:
        say.line(say.text("nothing differs", "green"))
