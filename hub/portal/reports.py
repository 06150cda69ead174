"""The page of reports for who administers the system: charts, the tables they are drawn from, and both as files."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.errors import ConfigError
from hub.exchange.spreadsheet import write_rows, write_sheet
from hub.portal.administering import answered, reader_of, required
from hub.portal.ground import Ground, Here, Me
from hub.portal.shown import Reader
from hub.portal.words import say
from hub.store import figures, reconciliations, todo_drift, trends
from hub.store.dashboards import AGES, OLDER
from hub.todos.drift import CONFIRMED

router = APIRouter(prefix="/operators/reports")
DAYS: Final = 14
SHOWN: Final = 100
"""Rows of a table on the page; a file has all."""
BOM: Final = b"\xef\xbb\xbf"
FILES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Report:
    """A table: the words of its head, of which ``series`` are drawn as bars by the first one, across the page or
    stacked where that is easier to read."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    series: Sequence[str]
    across: bool = False
    stacked: bool = False
    note: str = ""


@router.get("")
def reports(request: Request, here: Here, me: Me) -> Response:
    """All of them."""
    required(here, me, "reports")
    reader = reader_of(request, here)
    filled = {"reports": {name: made(here, reader) for name, made in REPORTS.items()}, "most": SHOWN}
    return answered(request, here, me, "reports", "op_reports", filled)


@router.get("/{file}")
def exported(request: Request, here: Here, me: Me, file: str) -> Response:
    """One table as a file, ``NAME.csv`` or ``NAME.xlsx``: no cell of it is taken for a formula."""
    required(here, me, "reports")
    name, _, kind = file.partition(".")
    if name not in REPORTS or kind not in FILES:
        raise ConfigError("page.unknown", f"there is no report {file}", hint="see the page of reports")
    reader = reader_of(request, here)
    made = REPORTS[name](here, reader)
    head = [say(reader.spoken, f"operators.report.{one}") for one in made.head]
    if kind == "csv":
        text = io.StringIO()
        write_rows(text, head, made.rows)
        content = BOM + text.getvalue().encode()
    else:
        content = write_sheet(say(reader.spoken, f"operators.report.{name}"), head, made.rows)
    headers = {"content-disposition": f'attachment; filename="{file}"', "cache-control": "no-store"}
    return Response(content, headers=headers, media_type=FILES[kind])


def throughput(here: Ground, reader: Reader) -> Report:
    """By day of the hub's zone."""
    zone = ZoneInfo(here.hub.workspace.hub.zone)
    today = here.hub.clock().astimezone(zone).date()
    days = [today - dt.timedelta(days=back) for back in range(DAYS - 1, -2, -1)]
    bounds = [dt.datetime.combine(day, dt.time(), zone) for day in days]
    rows = [
        (one.begins.date().isoformat(), one.runs, one.failed, one.read, one.applied, one.quarantined)
        for one in trends.spans(here.hub.database, bounds)
    ]
    return Report(("day", "runs", "failed", "read", "applied", "quarantined"), rows, ("read", "applied"))


def freshness(here: Ground, reader: Reader) -> Report:
    """Hours since each exchange that is switched on ended well, the stalest first; what never did stands before."""
    names = [name for name, one in here.hub.workspace.mappings.items() if one.enabled]
    ended, now = trends.fresh(here.hub.database, names), here.hub.clock()
    rows: list[tuple[Any, ...]] = []
    for name in sorted(names, key=lambda one: (one in ended, ended.get(one, now), one)):
        last = reader.time(ended.get(name))
        hours = round((now - ended[name]) / dt.timedelta(hours=1), 1) if name in ended else None
        rows.append((name, hours, last.iso if last else say(reader.spoken, "operators.report.never")))
    return Report(("exchange", "hours", "ended"), rows, ("hours",), across=True)


def quality(here: Ground, reader: Reader) -> Report:
    """What stands aside now, the most frequent first."""
    found = figures.quarantined(here.hub.database)
    rows = [(code, exchange, _state(reader, state), count) for (exchange, state, code), count in found.items()]
    rows.sort(key=lambda row: (-row[3], row[0], row[1]))
    return Report(("code", "exchange", "state", "records"), rows, ("records",), across=True)


def ageing(here: Ground, reader: Reader) -> Report:
    """What people have to do, by system and age, as it was counted last."""
    at, found = trends.ages(here.hub.database)
    ages = [*(name for name, _ in AGES), OLDER]
    rows = [
        (reader.system(system), *(found.get((system, age), 0) for age in ages))
        for system in sorted({system for system, _ in found})
    ]
    time = reader.time(at)
    head = tuple(f"age.{age}" for age in ages)
    return Report(("system", *head), rows, head, across=True, stacked=True, note=time.text if time else "")


def drift(here: Ground, reader: Reader) -> Report:
    """What the last comparison of each exchange and source of to-dos found, the most first."""
    database, rows = here.hub.database, list[tuple[Any, ...]]()
    checks, counted = todo_drift.counted(database, CONFIRMED)
    began = {check["system"]: reader.time(check["began"]) for check in checks}
    for (system, kind, _), count in counted.items():
        rows.append((reader.system(system), _kind(reader, kind), count, _iso(began.get(system))))
    for name, one in reconciliations.latest(database, list(here.hub.workspace.mappings)).items():
        found = {kind: count for kind, count in one.counts.items() if count and kind not in ("read", "pending")}
        rows += [(name, _kind(reader, kind), count, _iso(reader.time(one.at))) for kind, count in found.items()]
    rows.sort(key=lambda row: (-row[2], row[0], row[1]))
    return Report(("what", "kind", "records", "compared"), rows, ("records",), across=True)


def _iso(time: Any) -> str:
    return time.iso if time else ""


def _state(reader: Reader, state: str) -> str:
    return say(reader.spoken, f"operators.aside.{state}")


def _kind(reader: Reader, kind: str) -> str:
    return say(reader.spoken, f"operators.drift.kind.{kind}")


REPORTS: Final[Mapping[str, Callable[[Ground, Reader], Report]]] = {
    "throughput": throughput, "freshness": freshness, "quality": quality, "ageing": ageing, "drift": drift,
}  # fmt: skip
