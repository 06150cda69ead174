"""Match reports of baselines: printed in short, written in full as CSV."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from hub.cli.say import Say, listed, plural
from hub.exchange.ground import Hub
from hub.exchange.matching.matchreport import COLUMNS, rows_of
from hub.exchange.spreadsheet import write_rows
from hub.store.matched import Report, of_run

WORDS = {
    "linked": "linked before",
    "unlinked": "linked now",
    "unmatched": "without entity",
    "without record": "entities without record",
}


def show_matches(say: Say, hub: Hub, run: uuid.UUID, file: Path | None = None) -> list[Report]:
    """The reports of one run, none where it was no baseline; all rows into ``file`` too."""
    found = of_run(hub.database, run)
    for one in found:
        tell_report(say, one)
    if file is not None and found:
        write_csv(say, hub, found, file)
    return found


def tell_report(say: Say, one: Report) -> None:
    """Both sides in numbers, with samples of what has no partner."""
    told = one.report
    say.line(say.text(f"match report of {one.exchange} → {one.model}", "bold"))
    table = say.table("records", "#how many", "samples")
    for situation, count in told["situations"].items():
        rules = ", ".join(f"{number:,} by {rule}" for rule, number in told["rules"].items())
        sample = rules if situation == "unlinked" else listed(told["samples"].get(situation, ()))
        say.row(table, Text(WORDS.get(situation, situation), style="cyan"), f"{count:,}", sample)
    alone = told["without_record"]
    say.row(
        table,
        Text(WORDS["without record"], style="cyan"),
        f"{alone:,}",
        listed(told["samples"].get("without record", ())),
    )
    say.show(table)
    linked = sum(told["situations"].get(name, 0) for name in ("linked", "unlinked"))
    say.line(
        f"{linked:,} of {plural(told['records'], 'record')} have an entity, "
        f"{told['with_record']:,} of {plural(told['entities'], 'entity', 'entities')} a record",
        style="dim",
    )


def write_csv(say: Say, hub: Hub, found: Sequence[Report], file: Path) -> None:
    """Every record and entity, one row each. Keys and ids only, no values."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = ((one.exchange, one.model, *row) for one in found for row in rows_of(hub, one))
        write_rows(out, ("exchange", "model", *COLUMNS), rows)
    say.line(f"written: {file}", style="dim")
