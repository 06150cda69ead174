"""Tables of documents. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from hub.store.issued_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# What a system's document holds, as the hub last saw or sent it: what is the same revision still need not be fetched.
document_copy = Table(
    "document_copy",
    metadata,
    Column("place", KEY, primary_key=True),  # system.resource
    Column("key", KEY, primary_key=True),
    Column("revision", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("base", Text),  # what it held when it was last merged, sent or decided: the base of a comparison of three
    Column("seen_at", Moment, nullable=False),
    Index("ix_document_copy_sha256", "sha256"),
)
