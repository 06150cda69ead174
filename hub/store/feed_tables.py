"""Tables of what the feed of to-dos remembers. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid

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

# A secret address that shows a person's to-dos to calendar apps, which send no key.
todo_calendar = Table(
    "todo_calendar",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person", Uuid, nullable=False, index=True),
    Column("digest", KEY, nullable=False, unique=True),  # SHA-256 of the secret
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("revoked_at", Moment),
)
