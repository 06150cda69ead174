"""Tables of dashboards. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Uuid

from hub.store.tables import KEY
from hub.store.todo_tables import metadata  # one metadata for all tables
from hub.store.types import Moment

__all__ = ["metadata"]

# How many to-dos there were at an hour: what a chart of the past is made of.
todo_count = Table(
    "todo_count",
    metadata,
    Column("at", Moment, primary_key=True),
    Column("system", KEY, primary_key=True),
    Column("organization", Uuid, primary_key=True),  # all zero: of none
    Column("box", KEY, primary_key=True),
    Column("age", KEY, primary_key=True),
    Column("count", Integer, nullable=False),
)
