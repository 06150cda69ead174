"""Tables of the SCIM server. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.tables import KEY
from hub.store.todo_drift_tables import metadata  # one metadata for all tables
from hub.store.types import Moment

__all__ = ["metadata"]

# What a SCIM client says of one resource. ``name`` is what is unique of it, ``compared`` its values as filters compare
# them: case folded where case does not count (hub/store/scim_compared.py).
scim_resource = Table(
    "scim_resource",
    metadata,
    Column("id", Uuid, primary_key=True),  # minted by the hub, never by a client
    Column("client", KEY, nullable=False),  # the system that it is
    Column("kind", KEY, nullable=False),  # User, Group
    Column("name", KEY),
    Column("external_id", KEY),  # means something within its client alone
    Column("created", Moment, nullable=False),
    Column("modified", Moment, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("content", JSON, nullable=False),
    Column("compared", JSON().with_variant(JSONB(), "postgresql"), nullable=False),
)
Index(
    "uq_scim_resource_client_kind_name",
    scim_resource.c.client,
    scim_resource.c.kind,
    scim_resource.c.name,
    unique=True,
)
Index("ix_scim_resource_client_kind_id", scim_resource.c.client, scim_resource.c.kind, scim_resource.c.id)
Index(
    "ix_scim_resource_client_kind_external_id",
    scim_resource.c.client,
    scim_resource.c.kind,
    scim_resource.c.external_id,
)
Index(
    "ix_scim_resource_client_kind_modified",
    scim_resource.c.client,
    scim_resource.c.kind,
    scim_resource.c.modified,
    scim_resource.c.id,
)
