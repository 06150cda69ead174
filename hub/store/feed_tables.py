"""Tables of what the feed of to-dos remembers. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Uuid

from hub.store.dashboard_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# Who had a to-do that now is another's: his list has to be told, and no assignment of his says so any more.
todo_left = Table(
    "todo_left",
    metadata,
    Column("person", Uuid, primary_key=True),
    Column("todo", Uuid, primary_key=True),
    Column("system", KEY, nullable=False),
    Column("seq", BigInteger, nullable=False, index=True),
    Column("left_at", Moment, nullable=False),
    Index("ix_todo_left_person_seq", "person", "seq"),
)
