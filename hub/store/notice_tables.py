"""The tables of notices, signs of life, stop switches, runs in parts, and alerts. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, Table, Text, Uuid

from hub.store.account_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# A try of a run that a scheduler saw fail; of one whose process was lost the journal knows nothing.
notice = Table(
    "notice",
    metadata,
    Column("run_key", KEY, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("kind", KEY, primary_key=True),  # failed or retry
    Column("exchange", KEY, nullable=False),
    Column("message", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

# A worker that lives: it says so every few seconds, and takes itself off when it ends.
sign = Table(
    "sign",
    metadata,
    Column("holder", KEY, primary_key=True),  # host/process/start
    Column("duties", JSON, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# Up to when the schedule of an exchange, as it is written, is covered: by a run of a worker, or as it began then.
scheduled = Table(
    "scheduled",
    metadata,
    Column("exchange", KEY, primary_key=True),
    Column("digest", Text, nullable=False),  # of the schedule
    Column("since", Moment, nullable=False),
)

# What somebody stopped by hand: an exchange, or everything that writes to a system.
switch = Table(
    "switch",
    metadata,
    Column("kind", KEY, primary_key=True),  # exchange or target
    Column("name", KEY, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Moment, nullable=False),
)

# A run in parts: a row for each, from when it is opened to when it is closed.
part = Table(
    "part",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("leases", JSON, nullable=False),  # name -> epoch, of all parts the same
    Column("digest", Text),  # of what it kept in the run store, when it is done
)

# What somebody was told of an exchange and that still holds; its end is told, too.
alert = Table(
    "alert",
    metadata,
    Column("exchange", KEY, primary_key=True),
    Column("kind", KEY, primary_key=True),  # failed late held
    Column("code", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("told_at", Moment, nullable=False),
)
