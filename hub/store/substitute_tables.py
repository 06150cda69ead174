"""The table of who stands in for whom. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Table, Text, Uuid

from hub.store.feed_tables import metadata  # one metadata for all tables
from hub.store.types import Moment

__all__ = ["metadata"]

# ``substitute`` sees what ``principal`` has to do. Nothing is written when the dates come and go.
substitution = Table(
    "substitution",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("principal", Uuid, nullable=False, index=True),
    Column("substitute", Uuid, nullable=False, index=True),
    Column("todo", Uuid),  # only this one (a delegation); else all
    Column("systems", JSON, nullable=False),  # only of these; [] is all
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),  # by hand, before its date
)
