"""Match reports as stored."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from hub.store.database import Database, now
from hub.store.review_tables import match_report


@dataclass(frozen=True, slots=True)
class Report:
    """What a baseline found for one output; ``digest`` names its rows in the run store."""

    run: uuid.UUID
    number: int
    exchange: str
    model: str
    report: Mapping[str, Any]
    digest: str
    made_at: dt.datetime


def add(
    database: Database, run: uuid.UUID, number: int, exchange: str, model: str, report: Mapping[str, Any], digest: str
) -> None:
    """Store what one output's baseline found."""
    text = json.dumps(report, ensure_ascii=False, sort_keys=True)
    with database.begin() as connection:
        connection.execute(match_report.delete().where(match_report.c.run_id == run, match_report.c.number == number))
        connection.execute(
            insert(match_report).values(
                run_id=run,
                number=number,
                exchange=exchange,
                model=model,
                report=text,
                digest=digest,
                made_at=now(),
            )
        )


def of_run(database: Database, run: uuid.UUID) -> list[Report]:
    """The reports of one run, by output."""
    query = select(match_report).where(match_report.c.run_id == run).order_by(match_report.c.number)
    with database.begin(reading=True) as connection:
        return [_read(row) for row in connection.execute(query)]


def newest(database: Database, exchange: str) -> list[Report]:
    """Those of the newest baseline of an exchange."""
    query = (
        select(match_report.c.run_id)
        .where(match_report.c.exchange == exchange)
        .order_by(match_report.c.made_at.desc())
        .limit(1)
    )
    with database.begin(reading=True) as connection:
        run = connection.scalar(query)
    return [] if run is None else of_run(database, run)


def _read(row: Any) -> Report:
    return Report(row.run_id, row.number, row.exchange, row.model, json.loads(row.report), row.digest, row.made_at)
