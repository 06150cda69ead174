"""Pages of exchanges for who administers the system: what is exchanged, its runs, and running it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.pipeline import run_exchange
from hub.portal.administering import DECIDES, answered, reader_of, required
from hub.portal.ground import HOME, Form, Ground, Here, Me, Visit
from hub.portal.shown import Reader
from hub.portal.words import WORDS, say
from hub.security.accounts import actor_of
from hub.store import listing
from hub.store.journal import RunRow
from hub.store.reports import causes, lost_runs
from hub.workspace.flow import Schedule
from hub.workspace.shape import MappingFile

router = APIRouter(prefix="/operators/exchanges")
SHOWN: Final = 50
RUNS: Final = 40
"""Runs of the timeline."""
TALL: Final = 40
"""Of the timeline's highest bar, in its own units."""
MODES: Final = ("incremental", "full", "plan")
Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A run in the timeline. ``height`` is how long it took, by its logarithm: a second is seen beside an hour."""

    x: int
    height: int
    state: str
    told: str


def acting(here: Ground, me: Visit) -> Hub:
    """The hub, with whoever looks as who acts."""
    return dataclasses.replace(here.hub, actor=actor_of(me.account.name))


@router.get("")
def exchanges(request: Request, here: Here, me: Me, q: Text = "", after: Text = "") -> Response:
    """By name, each with its last run."""
    required(here, me, "exchanges")
    reader = reader_of(request, here)
    found, following = named(here, reader, q, after)
    last = listing.last_runs(here.hub.database, found)
    rows = [_line(here, reader, name, last.get(name)) for name in found]
    filled = {
        "q": q.strip(), "rows": rows, "next": following, "after": after,
        "busy": any(row["last"] is not None and row["last"].state == "running" for row in rows),
    }  # fmt: skip
    return answered(request, here, me, "exchanges", "op_exchanges", filled)


@router.get("/{name}")
def exchange(request: Request, here: Here, me: Me, name: str, begun: Text = "") -> Response:
    """One of them: how it is declared, its runs as a timeline and as a table, what waits for somebody. ``begun`` is the
    key of a run that was just asked for, and may not stand in the journal yet."""
    required(here, me, "exchanges")
    mapping, reader = mapping_of(here, name), reader_of(request, here)
    rows = listing.runs(here.hub.database, [name], None, RUNS)
    lost = lost_runs(here.hub.database) if any(row.state == "running" for row in rows) else set[uuid.UUID]()
    gone = {row.id for row in rows if row.state == "running"} & lost
    told = [dataclasses.replace(row, state="lost") if row.id in gone else row for row in rows]
    unseen = bool(begun) and all(row.run_key != begun for row in rows)
    refused = here.starter.refused(begun) if unseen else None
    filled = {
        "name": name, "mapping": mapping, "flow": flow(mapping), "when": when(mapping, reader), "modes": MODES,
        "runs": told, "bars": bars(told, reader), "tall": TALL, "lasted": lasted,
        "ran": partial(ran, reader),
        "plans": listing.stored_plans(here.hub.database, [name], None, 10, "open"),
        "causes": causes(here.hub.database, name, examples=0),
        "busy": (bool(told) and told[0].state == "running") or (unseen and refused is None),
        "begun": begun, "refused": refused if unseen else None,
    }  # fmt: skip
    return answered(request, here, me, "exchanges", "op_exchange", filled)


@router.post("/{name}/runs")
def run(request: Request, here: Here, me: Me, name: str, form: Form) -> Response:
    """Begins a run, or a plan; the same form sent twice begins one."""
    required(here, me, "exchanges", DECIDES)
    mapping_of(here, name)
    mode, key = form.get("mode", ""), f"portal/{me.account.name}/{name}/{form.get('key', '')[:40]}"
    if mode not in MODES:
        raise ConfigError("request.malformed", f"there is no mode {mode!r}", hint=f"one of {', '.join(MODES)}")
    here.starter.start(key, name, partial(run_exchange, acting(here, me), name, mode, key, full=mode == "full"))
    return to_run(name, key)


def to_run(name: str, key: str) -> Response:
    """To the exchange, where the run of that key will stand."""
    return RedirectResponse(f"{HOME}/operators/exchanges/{name}?{urlencode({'begun': key})}", 303)


def named(here: Ground, reader: Reader, q: str, after: str) -> tuple[list[str], str]:
    """A page of exchanges in whose name, title or flow a text is found, and after which one the next page begins."""
    wanted = q.strip().casefold()
    found = [
        name
        for name, one in sorted(here.hub.workspace.mappings.items())
        if name > after and wanted in f"{name} {reader.titled(one.title)} {flow(one)}".casefold()
    ]
    return found[:SHOWN], found[SHOWN - 1] if len(found) > SHOWN else ""


def mapping_of(here: Ground, name: str) -> MappingFile:
    """ConfigError ``page.unknown``."""
    if name not in here.hub.workspace.mappings:
        raise ConfigError("page.unknown", f"there is no exchange {name}", hint="see the list of exchanges")
    return here.hub.workspace.mappings[name]


def flow(mapping: MappingFile) -> str:
    """From where into what."""
    return f"{mapping.from_} → {', '.join(output.into for output in mapping.outputs)}"


def when(mapping: MappingFile, reader: Reader) -> str:
    """Its schedule in words."""
    t, schedule = partial(say, reader.spoken), mapping.schedule
    if not mapping.enabled:
        return t("operators.when.off")
    if not isinstance(schedule, Schedule):
        return t(f"operators.when.{schedule}")
    parts = [t("operators.when.every", time=schedule.every)] if schedule.every else []
    parts += [t("operators.when.cron", cron=schedule.cron)] if schedule.cron else []
    parts += [t("operators.when.after", names=", ".join(schedule.after))] if schedule.after else []
    parts += [t("operators.when.full", cron=schedule.full)] if schedule.full else []
    return ("；" if reader.spoken == "zh" else "; ").join(parts)


def lasted(row: RunRow) -> float | None:
    """Seconds that a run took."""
    if row.started_at is None or row.ended_at is None:
        return None
    return (row.ended_at - row.started_at) / dt.timedelta(seconds=1)


def ran(reader: Reader, mode: str) -> str:
    """How a run went about it; a mode that has no word here is called as the journal calls it."""
    return say(reader.spoken, f"operators.ran.{mode}") if f"operators.ran.{mode}" in WORDS else mode


def bars(rows: Sequence[RunRow], reader: Reader) -> list[Bar]:
    """The timeline, the newest run at the right."""
    took = [max(0.0, lasted(row) or 0.0) for row in rows]
    most = math.log1p(max([1.0, *took]) * 10)
    found = []
    for place, (row, seconds) in enumerate(zip(rows, took, strict=True)):
        time = reader.time(row.started_at)
        ended = say(reader.spoken, f"operators.run.{row.state}")
        told = f"{time.text if time else ''} · {ran(reader, row.mode)} · {ended}"
        height = max(3, round(TALL * math.log1p(seconds * 10) / most))
        found.append(Bar((RUNS - 1 - place) * 10, height, row.state, told))
    return found


def _line(here: Ground, reader: Reader, name: str, last: RunRow | None) -> Mapping[str, Any]:
    mapping = here.hub.workspace.mappings[name]
    return {
        "name": name,
        "title": reader.titled(mapping.title) or name,
        "flow": flow(mapping),
        "when": when(mapping, reader),
        "last": last,
    }
