"""Tables of to-dos. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table, Text, Uuid

from hub.store.access_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# One to-do of a system, whoever has it. ``registers`` is what it converges by (hub/todos/converge.py).
todo = Table(
    "todo",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("system", KEY, nullable=False),
    Column("tenant", KEY, nullable=False),
    Column("source_id", KEY, nullable=False),
    Column("seq", BigInteger, nullable=False, index=True),  # the commit that changed it last
    Column("status", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("content", JSON(none_as_null=True)),
    Column("registers", JSON, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index("ix_todo_changed_at_id", "changed_at", "id"),
    Index("uq_todo_system_tenant_source_id", "system", "tenant", "source_id", unique=True),
)

# What one receiver has of it. The columns that a list is filtered and ordered by lie here, beside the person.
assignment = Table(
    "assignment",
    metadata,
    Column("todo", Uuid, primary_key=True),
    Column("receiver", KEY, primary_key=True),  # KIND:VALUE, as the system says it
    Column("person", Uuid),
    Column("unresolved", Text, nullable=False),  # why there is no person
    Column("box", KEY, nullable=False),  # to_do to_read initiated done, or nothing: he does not see it
    Column("lead", Boolean, nullable=False),  # the one that counts where a person has it by several accounts
    Column("outcome", Text, nullable=False),
    Column("read", Boolean, nullable=False),
    Column("urges", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("system", KEY, nullable=False),
    Column("definition", KEY, nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 0 low, 1 medium, 2 high, 3 very high
    Column("due_at", Moment),
    Column("seq", BigInteger, nullable=False),
    Column("registers", JSON, nullable=False),
)
_LEADS = assignment.c.lead
Index(
    "ix_assignment_person_box_since",
    assignment.c.person,
    assignment.c.box,
    assignment.c.since,
    assignment.c.todo,
    postgresql_where=_LEADS,
    sqlite_where=_LEADS,
)
Index("ix_assignment_person_seq", assignment.c.person, assignment.c.seq)
_NOBODY = assignment.c.person.is_(None)
Index(
    "ix_assignment_unresolved",
    assignment.c.system,
    assignment.c.receiver,
    postgresql_where=_NOBODY,
    sqlite_where=_NOBODY,
)

Index("ix_assignment_receiver", assignment.c.receiver)

# What was reported of it, in the order of arrival: what a page shows as its history, and explain reads.
todo_report = Table(
    "todo_report",
    metadata,
    Column("todo", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("told_at", Moment),  # by the source
    Column("received_at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("said", JSON, nullable=False),  # which parts it had, no values of them
    Column("ignored", JSON, nullable=False),  # parts that came too late, with their codes
)
