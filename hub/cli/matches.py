"""Match reports of baselines: printed in short, written in full as CSV."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from hub.cli.say import Say, listed, plural
from hub.exchange.ground import Hub
from hub.exchange.keytokens import Keys
from hub.exchange.matching.matchreport import COLUMNS, rows_of
from hub.exchange.spreadsheet import write_rows
from hub.store.matched import Report, of_run

ALONE = "without record"
"""The situation of entities: their key is made of fields that anybody may see."""
WORDS = {
    "linked": "linked before",
    "unlinked": "linked now",
    "unmatched": "without entity",
    ALONE: "entities without record",
}


def show_matches(say: Say, hub: Hub, run: uuid.UUID, file: Path | None = None) -> list[Report]:
    """The reports of one run, none where it was no baseline; all rows into ``file`` too."""
    keys = Keys(hub)
    found = [masked(one, keys) for one in of_run(hub.database, run)]
    for one in found:
        tell_report(say, one)
    if file is not None and found:
        write_csv(say, hub, found, file, keys)
    return found


def masked(one: Report, keys: Keys) -> Report:
    """The report with its samples of records as people may see their keys."""
    samples = {
        situation: [key if situation == ALONE else keys.shown(one.exchange, key) for key in some]
        for situation, some in one.report["samples"].items()
    }
    return dataclasses.replace(one, report={**one.report, "samples": samples})


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
        Text(WORDS[ALONE], style="cyan"),
        f"{alone:,}",
        listed(told["samples"].get(ALONE, ())),
    )
    say.show(table)
    linked = sum(told["situations"].get(name, 0) for name in ("linked", "unlinked"))
    say.line(
        f"{linked:,} of {plural(told['records'], 'record')} have an entity, "
        f"{told['with_record']:,} of {plural(told['entities'], 'entity', 'entities')} a record",
        style="dim",
    )


def write_csv(say: Say, hub: Hub, found: Sequence[Report], file: Path, keys: Keys) -> None:
    """Every record and entity, one row each. Keys, as people may see them, and ids only, no values."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = ((one.exchange, one.model, *_row(keys, one, row)) for one in found for row in rows_of(hub, one))
        write_rows(out, ("exchange", "model", *COLUMNS), rows)
    say.line(f"written: {file}", style="dim")


def _row(keys: Keys, one: Report, row: tuple[Any, ...]) -> tuple[Any, ...]:
    side, key, *rest = row
    return (side, keys.shown(one.exchange, key) if side == "record" else key, *rest)
