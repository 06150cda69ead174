"""Values that were given to one entity and to no other. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Uuid

from hub.store.scim_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# Who has, or had, a value of a field that is tried until it is free. The key is what makes it one's own: two processes
# cannot give the same value to two.
issued = Table(
    "issued",
    metadata,
    Column("model", KEY, primary_key=True),
    Column("field", KEY, primary_key=True),
    Column("value", KEY, primary_key=True),
    Column("entity", Uuid, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_issued_entity", "entity"),
)
