"""Tables of who may use the API. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Table, Text

from hub.store.review_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# One key of the API: never the key itself, only its digest. After a change the former one holds for a while.
api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", KEY, nullable=False, unique=True),
    Column("digest", Text, nullable=False),  # SHA-256 of the secret half
    Column("former_digest", Text),
    Column("former_until", Moment),
    Column("grants", JSON, nullable=False),
    Column("within", JSON, nullable=False),  # models, exchanges, systems it is confined to
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("used_at", Moment),
)
