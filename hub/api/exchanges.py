"""/v1/exchanges and /v1/runs: what is exchanged, when it ran, and running it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field, StrictBool
from starlette.responses import Response

from hub.api.ground import Body, Here, allowed, exchange_of, found_run, run_key
from hub.api.paging import LIMIT, MOST, Next, after, answered, json_bytes, listed
from hub.errors import ConfigError
from hub.exchange.pipeline import run_exchange
from hub.security.access import Caller
from hub.store import listing
from hub.store.journal import RunRow, find_run
from hub.store.reports import deliveries, lost_runs, plan_of
from hub.store.reports import find_run as any_run
from hub.workspace.workspace import Workspace

router = APIRouter(tags=["exchanges"])
Reads = Annotated[Caller, allowed("runs:read")]
State = Literal["running", "done", "failed", "held", "planned", "stopped"]


class Asked(Body):
    """How an exchange is to be run."""

    mode: Literal["incremental", "full", "plan"] = Field(
        "incremental", description="plan stores what would be done and changes nothing"
    )
    initial: StrictBool = Field(False, description="A first load: the guard does not limit creations")


@router.get("/exchanges", summary="Exchanges that the key may see")
def exchanges(request: Request, here: Here, who: Annotated[Caller, allowed("exchanges:read")]) -> Response:
    """What is read where, into what, and when."""
    found = [_exchange(here.hub.workspace, name) for name in sorted(who.exchanges(here.hub.workspace))]
    return answered(request, {"items": found, "next": None})


@router.get("/exchanges/{name}", summary="One exchange")
def exchange(
    request: Request, here: Here, who: Annotated[Caller, allowed("exchanges:read")], name: str
) -> Response:
    """With its last run."""
    exchange_of(here, who, name)
    last = listing.runs(here.hub.database, [name], None, 1)
    return answered(
        request, _exchange(here.hub.workspace, name) | {"last_run": _run(last[0]) if last else None}
    )


@router.post("/exchanges/{name}/runs", status_code=202, summary="Run an exchange")
def run(
    request: Request,
    here: Here,
    who: Annotated[Caller, allowed("runs:write")],
    name: str,
    asked: Asked,
) -> Response:
    """Answers at once; the run goes on by itself. The same Idempotency-Key again starts nothing new: it is
    the run's key."""
    exchange_of(here, who, name)
    key = run_key(request, f"{who.name}/{name}")
    there = find_run(here.hub.database, key)
    if there is None or there.state == "running":
        work = partial(
            run_exchange, here.of(who), name, asked.mode, key, initial=asked.initial, full=asked.mode == "full"
        )
        here.starter.start(key, name, work)
    return accepted(key, name)


def accepted(key: str, exchange: str) -> Response:
    """202 with the place where the run is to be looked for."""
    place = f"/v1/runs/{key}"
    body = {"run_key": key, "exchange": exchange, "state": "accepted", "run": place}
    return Response(json_bytes(body), 202, {"location": place}, "application/json")


@router.get("/runs", summary="The journal, the newest run first")
def runs(
    request: Request,
    here: Here,
    who: Reads,
    exchange: Annotated[str | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query()] = None,
) -> Response:
    """State lost: its process was killed; the same run key again begins it anew."""
    seen = who.exchanges(here.hub.workspace) if exchange is None else {exchange_of(here, who, exchange)}
    rows = listing.runs(here.hub.database, seen, after(request, cursor, uuid.UUID), limit, state)
    lost = lost_runs(here.hub.database) if any(row.state == "running" for row in rows) else set()
    items = [_run(row, lost=row.id in lost) for row in rows]
    return listed(request, items, limit, [rows[-1].id] if rows else None, fields)


@router.get("/runs/{run:path}", summary="One run, by its id or its run key")
def one(
    request: Request, here: Here, who: Reads, run: Annotated[str, Path(description="An id, or a run key")]
) -> Response:
    """A run that was only just accepted is found by its run key."""
    waiting = found_run(here, who, run)
    if waiting is not None:
        return answered(request, waiting)
    row = any_run(here.hub.database, run)
    if row.exchange not in who.exchanges(here.hub.workspace):
        raise ConfigError("run.unknown", f"there is no run {run}", hint="see /v1/runs")
    lost = row.state == "running" and row.id in lost_runs(here.hub.database)
    more = {"plan": plan_of(here.hub.database, row.id), "deliveries": deliveries(here.hub.database, row.id)}
    return answered(request, _run(row, lost=lost) | more)


def _run(row: RunRow, *, lost: bool = False) -> dict[str, Any]:
    told = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return told | ({"state": "lost"} if lost else {})


def _exchange(workspace: Workspace, name: str) -> dict[str, Any]:
    mapping = workspace.mappings[name]
    schedule: Any = mapping.schedule
    if isinstance(schedule, BaseModel):
        schedule = schedule.model_dump(exclude_none=True)
    told: Mapping[str, Any] = {
        "exchange": name,
        "title": mapping.title,
        "direction": mapping.direction,
        "from": mapping.from_,
        "into": [output.into for output in mapping.outputs],
        "mode": mapping.mode,
        "enabled": mapping.enabled,
        "schedule": schedule,
    }
    return dict(told)
