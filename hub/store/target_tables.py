"""Tables about targets, beside those of ``tables``."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, Table, Text, Uuid

from hub.store.tables import KEY
from hub.store.tables import metadata as metadata
from hub.store.types import Moment

# What is known of a target, or of a source, by all processes: whether it is asked at all.
circuit = Table(
    "circuit",
    metadata,
    Column("system", Text, primary_key=True),
    Column("state", Text, nullable=False),  # closed open half_open
    Column("failures", Integer, nullable=False),  # in a row
    Column("since", Moment, nullable=False),  # of the state
    Column("next_try", Moment),  # from when on one row may try
    Column("paused_until", Moment),  # the system asked for it
    Column("code", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
)

# What a resource claims and a check of its system refuted; gone when a later check finds that it holds.
claim = Table(
    "claim",
    metadata,
    Column("system", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("claim", Text, primary_key=True),  # paging snapshot cursor deletes find
    Column("reason", Text, nullable=False),
    Column("since", Moment, nullable=False),  # when it was first found out
    Column("checked_at", Moment, nullable=False),
)

# How a target rewrites what it is given: said once, then tolerated.
rewriting = Table(
    "rewriting",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # upper lower trimmed rounded …
    Column("run_id", Uuid, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("plan_id", Uuid),
    Column("at", Moment, nullable=False),
    Column("complete", Text, nullable=False),  # empty: the target was read whole; else why not
    Column("counts", JSON, nullable=False),
    Index("ix_reconciliation_exchange_id", "exchange", "id"),
)

# Of each field that a target acknowledged a few signs of its value: which fields a delivery changes or empties
# is known without keeping the values. Good while ``hash`` is the shadow's.
printed = Table(
    "printed",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("hash", BigInteger, nullable=False),
    Column("map_hash", BigInteger, nullable=False),
    Column("prints", Text, nullable=False),
)

printing = Table(
    "printing",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("map_hash", BigInteger, primary_key=True, autoincrement=False),
    Column("names", Text, nullable=False),  # the fields of the prints, in their order
)

# How fast a target was; see ``speeds``.
speed = Table(
    "speed",
    metadata,
    Column("target", Text, primary_key=True),  # system.resource
    Column("requests", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("at", Moment, nullable=False),
)

# Objects of a target that their mapping no longer sends, and whose reaction waits for a grace; see ``departures``.
departure = Table(
    "departure",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("kind", Text, nullable=False),  # scope: its record is there; absent: it is gone
    Column("since", Moment, nullable=False),
    Column("hash", BigInteger),  # of a foreign record as it left, where it was read
)
