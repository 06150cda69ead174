"""The hub's own tables, the same for every workspace. Tables of models: ``models.py``.

Ids are UUIDv7, times are UTC. Texts that are compared as keys collate bytewise ("C"): order and
equality do not depend on the server's locale.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)

from hub.store.types import Moment

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
KEY = Text().with_variant(String(collation="C"), "postgresql")

metadata = MetaData(naming_convention=NAMING)

schema_state = Table(
    "schema_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("run_key", Text, nullable=False, unique=True),
    Column("exchange", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),  # running done failed held planned stopped
    Column("epoch", BigInteger, nullable=False),
    Column("workspace_hash", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("stage", Text, nullable=False, server_default=""),
    Column("counts", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Index("ix_run_ended_at", "ended_at"),  # what is to be forgotten
    Index("ix_run_exchange_id", "exchange", "id"),  # the newest runs of one, however many it has
)

plan = Table(
    "plan",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("exchange", Text, nullable=False, index=True),
    Column("run_id", Uuid, nullable=False, index=True),
    Column("state", Text, nullable=False),  # open applied rejected expired
    Column("digest", Text, nullable=False),  # SHA-256 of the manifest in the run store
    Column("workspace_hash", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("applied_at", Moment),
    Column("author", Text, nullable=False, server_default=""),  # who let it be made
    Column("fingerprint", Text, nullable=False, server_default=""),  # the same for plans of the same content
    Column("expires_at", Moment),
)

# One foreign place that records live in, as one mapping output sees it.
source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("output", Text, nullable=False),  # what the records become: model or system.resource
    Column("system", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("model", Text, nullable=False, server_default=""),
    Column("direction", Text, nullable=False),
    Index("uq_source_exchange_output", "exchange", "output", unique=True),
)

# What the hub last saw of a foreign record, and its link to an entity (see docs/decisions/0003).
shadow = Table(
    "shadow",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("hash", BigInteger, nullable=False),  # of the record as read, or of the output as sent
    Column("map_hash", BigInteger, nullable=False),  # of the mapping that read it
    Column("cur", Text),  # the record's cursor value: an older version never overwrites a newer one
    Column("entity", Uuid),
    Column("parent", KEY),  # of an element of a record's list: the record's key
    Column("foreign_id", Text),  # outbound: the target's own id
    Column("foreign_key", Text),  # outbound: its natural key
    Column("version", Text),  # outbound: its ETag
    Column("absent_at", Moment),
    Column("outvoted", Text),  # JSON: what this record says where another source won
    Column("kept", Text),  # outbound, JSON: field → fingerprint of what was acknowledged (see delivery/alike)
    Column("ends", Text),  # the last day it is valid (ISO); a day of year 0: it stands for its entity no more
)
Index("ix_shadow_entity", shadow.c.entity)
for _name in ("foreign_id", "foreign_key"):  # whose account it is: of what the hub wrote only
    _there = shadow.c[_name].is_not(None)
    Index(f"ix_shadow_source_{_name}", shadow.c.source, shadow.c[_name], postgresql_where=_there, sqlite_where=_there)

origin = Table(
    "origin",
    metadata,
    Column("model", Text, primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("fields", JSON, nullable=False),  # field → mapping that supplied it
    Index("uq_origin_model_digest", "model", "digest", unique=True),
)

watermark = Table(
    "watermark",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("value", Text),
    Column("token", Text),
    Column("map_hash", Text, nullable=False),
    Column("seq", BigInteger, nullable=False, server_default="0"),
    Column("snapshot", BigInteger, nullable=False, server_default="0"),  # records of the last complete one
    Column("fields", JSON, nullable=False),  # profile of the fields, for drift
    Column("place", JSON(none_as_null=True)),  # where the last complete snapshot came from, hashed part by part
    Column("run_id", Uuid, nullable=False),
    Column("moved_at", Moment, nullable=False),
)

# The counter that orders commits of a model: its row lock is held until commit.
model_seq = Table(
    "model_seq",
    metadata,
    Column("model", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Integer, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("key", KEY, nullable=False),
    Column("hash", BigInteger, nullable=False),
    Column("map_hash", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # quarantined waiting future_dated in_review refused dismissed resolved
    Column("code", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("input", Text),  # JSON of the offending values, classified ones masked
    Column("cur", Text),  # the record's version: an older one does not answer the entry
    Column("position", Text, nullable=False),
    Column("original", Text),  # run store digest # row of the sealed original
    Column("cause", Text, nullable=False, server_default=""),  # fingerprint: alike what has one remedy
    Column("run_id", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Index("ix_quarantine_run_id", "run_id"),
    Index("ix_quarantine_resolved_at", "resolved_at"),
    Index("ix_quarantine_source_state_key", "source", "state", "key"),
)
_open = quarantine.c.resolved_at.is_(None)
Index(  # what stands aside is counted without what was settled
    "ix_quarantine_exchange_state_code", quarantine.c.exchange, quarantine.c.state, quarantine.c.code,
    postgresql_where=_open, sqlite_where=_open,
)  # fmt: skip

intent = Table(
    "intent",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("change_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("foreign_key", Text, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("run_id", Uuid, nullable=False, index=True),
    Column("source", Integer, nullable=False),
    Column("key", KEY, nullable=False),
    Column("operation", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("foreign_id", Text),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_delivery_source_status_id", "source", "status", "id"),  # of a target, the newest first
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),  # entity.changed (range of one commit)
    Column("subject", Text, nullable=False),  # the model
    Column("body", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("published_at", Moment),
    Column("seq", BigInteger, nullable=False, server_default="0"),  # order of commits within the subject
    Column("trace", Text, nullable=False, server_default=""),  # traceparent (W3C) of what it was told by
    Index("ix_outbox_published_at_subject_seq", "published_at", "subject", "seq"),
)

# An event of the outbox on its way to one subscriber; there is no row where the first try succeeded.
handover = Table(
    "handover",
    metadata,
    Column("event", Uuid, primary_key=True),
    Column("subscriber", Text, primary_key=True),
    Column("state", Text, nullable=False),  # due done exhausted
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("code", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
)
_exhausted = handover.c.state == "exhausted"  # few, and asked for with every batch of events
Index(
    "ix_handover_exhausted", handover.c.subscriber, handover.c.at, postgresql_where=_exhausted, sqlite_where=_exhausted
)

# Events of others, stored before they are answered; ``number`` is the order of their arrival.
inbox = Table(
    "inbox",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("place", Text, nullable=False),  # system.resource
    Column("kind", Text, nullable=False),  # record deleted
    Column("told_at", Text, nullable=False, server_default=""),  # the event's own time
    Column("received_at", Moment, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("trace", Text, nullable=False, server_default=""),  # traceparent (W3C) of its sender, or of its arrival
    Index("uq_inbox_source_event_id", "source", "event_id", unique=True),
)

# What became of an event in each exchange that reads its resource.
reception = Table(
    "reception",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("key", KEY, nullable=False),
    Column("state", Text, nullable=False),  # pending done held exhausted
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Moment, nullable=False),
    Column("code", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("run_id", Uuid),
    Index("ix_reception_state_exchange_number", "state", "exchange", "number"),
)

# Exchanges that workers leave alone for a while, and why.
standstill = Table(
    "standstill",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
)

# One consent to a plan that a guard held: what was signed, and the signature over it.
approval = Table(
    "approval",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("plan_id", Uuid, nullable=False, index=True),
    Column("approver", Text, nullable=False),
    Column("on_behalf", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of the plan that was looked at
    Column("breaches", JSON, nullable=False),
    Column("signed_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("signature", Text, nullable=False),
)

STATE = SmallInteger

# The chain of what was done: appended to, never changed. ``at`` is the text that was hashed.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", KEY, nullable=False),
    Column("actor", Text, nullable=False),
    Column("on_behalf", Text, nullable=False),
    Column("action", KEY, nullable=False),
    Column("object", Text, nullable=False),
    Column("before_hash", Text, nullable=False),
    Column("after_hash", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),  # canonical JSON
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("ix_audit_action_seq", "action", "seq"),
)

# One row: the newest entry. It is locked by whoever appends, so that the chain has one end.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("signature", Text, nullable=False),
)

# Salts of values an entry holds as hashes only: without its salt such a hash tells nothing any more.
audit_salt = Table(
    "audit_salt",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", Text, nullable=False),
)

# Why a record was linked to its entity: the rule that found it and how sure it was.
evidence = Table(
    "evidence",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("entity", Uuid, nullable=False),
    Column("rule", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("why", Text, nullable=False),  # JSON: likeness and weight per field, never a value
    Column("run_id", Uuid, nullable=False),
    Column("at", Moment, nullable=False),
)

# Linked records that are there and out of the mapping's scope, since when: only of mappings that react to it.
outside = Table(
    "outside",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("since", Moment, nullable=False),
)
