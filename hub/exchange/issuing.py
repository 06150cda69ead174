"""What was found free is given: in the transaction that applies a plan, and to one entity alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import ExitStack

from hub.contract import Query, Source
from hub.errors import Retriable
from hub.exchange.extract import pull
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.mapping.spares import place_of
from hub.store import issued
from hub.store.bulk import Bulk
from hub.store.database import Database


def texts_beside(run: RunFile, opened: Callable[[ExitStack, str], Source], place: str) -> str:
    """SQL of all texts (value) of a ``system.resource.field``, read now. Raises what a source raises: where it
    cannot be read nobody knows what is free."""
    system, name, field = place_of(place)
    with ExitStack() as stack:
        source = opened(stack, system)
        pulled = pull(source, Query(source.resource(name), (field,)), run, lambda read: None, part="beside")
        path = sql_text("$." + ".".join(f'"{part}"' for part in field.split(".")))
        run.sql(
            "CREATE OR REPLACE TABLE beside AS SELECT json_extract_string(raw, "
            f"{path}) AS value FROM ({pulled.scan})"
        )
    return "SELECT value FROM beside WHERE value IS NOT NULL"


def refuse_issued(run: RunFile, session: Bulk, manifest: Manifest) -> None:
    """What a plan wants to give and somebody else was given since joins ``refused_entity``."""
    for field in manifest.issues:
        staged = stage(run, session, "wanted_values", issued.ISSUED, _given(run, field))
        take(run, "given_since", issued.others(session, manifest.output, field, staged))
        run.sql("INSERT INTO refused_entity SELECT entity FROM given_since")


def issue(run: RunFile, session: Bulk, database: Database, manifest: Manifest, moment: dt.datetime) -> None:
    """Remember who has which value from now on. Retriable ``until_free.taken`` where somebody else has it."""
    for field in manifest.issues:
        staged = stage(run, session, "given_values", issued.ISSUED, _given(run, field))
        issued.release(session, database, manifest.output, field, staged)
        if take(run, "given_already", issued.others(session, manifest.output, field, staged)):
            raise Retriable(
                "until_free.taken",
                f"{field} of {manifest.output}: somebody else was given the same value meanwhile",
                hint="nothing was written; the next run finds another one",
            )
        issued.give(session, manifest.output, field, staged, moment)


def _given(run: RunFile, field: str) -> str:
    """SQL of value and entity: of those that are new, and of those that change."""
    quoted, parts = sql_name(field), []
    for name in ("creation", "updating"):
        if field in {row[0] for row in run.sql(f"DESCRIBE {name}")}:
            parts.append(f"SELECT {quoted} AS value, _id AS entity FROM {name} WHERE {quoted} IS NOT NULL")
    return " UNION ".join(parts) or "SELECT NULL::VARCHAR AS value, NULL::UUID AS entity WHERE false"
