"""Tables of comparisons with the sources of to-dos. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, Table, Text

from hub.store.act_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# The last comparison with a system.
todo_check = Table(
    "todo_check",
    metadata,
    Column("system", KEY, primary_key=True),
    Column("cycle", Integer, nullable=False),
    Column("began", Moment, nullable=False),  # when the source made its list
    Column("compared", Integer, nullable=False),
    Column("shown", Integer, nullable=False),  # open ones that the hub had, by the last whole list
    Column("healed", Integer, nullable=False),  # since ever
    Column("seq", BigInteger),  # the last commit to to-dos that it saw; NULL: of a hub that did not note it yet
)

# A difference that the last comparison found. ``cycles`` in a row: with the second it is no longer what is on its way.
todo_drift = Table(
    "todo_drift",
    metadata,
    Column("system", KEY, primary_key=True),
    Column("tenant", KEY, primary_key=True),
    Column("source_id", KEY, primary_key=True),
    Column("kind", Text, nullable=False),  # ghost missing wrong_owner stale finished
    Column("cycles", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("said", JSON, nullable=False),  # what the source told: receivers or a report; when, after which commit
)

# How far the slices of a mapping have come through what its source has.
todo_pass = Table(
    "todo_pass",
    metadata,
    Column("exchange", KEY, primary_key=True),
    Column("began", Moment, nullable=False),  # its first slice
    Column("position", Text, nullable=False),  # the cursor from which the next one reads
)

# What the slices of a pass held so far: no ghost when it ends.
todo_passed = Table(
    "todo_passed",
    metadata,
    Column("exchange", KEY, primary_key=True),
    Column("system", KEY, primary_key=True),
    Column("tenant", KEY, primary_key=True),
    Column("source_id", KEY, primary_key=True),
)
