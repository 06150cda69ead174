"""Acts on to-dos: what somebody pressed, and what became of it. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text, Uuid

from hub.store.passkey_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["act", "metadata"]

# One response or action of one person. ``state``: submitting, done or failed; ``sent`` says that a call may have
# had an effect: nothing is sent again before the source was asked.
act = Table(
    "act",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("todo", Uuid, nullable=False),
    Column("person", Uuid, nullable=False),
    Column("receiver", KEY, nullable=False),
    Column("system", KEY, nullable=False),
    Column("account", Text, nullable=False),  # as whom; nothing: as the hub
    Column("response", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", KEY, nullable=False),  # who brought it
    Column("key", KEY, nullable=False),  # of idempotency, of that caller
    Column("state", KEY, nullable=False),
    Column("code", Text, nullable=False),  # why it failed, or waits
    Column("message", Text, nullable=False),
    Column("unasked", JSON, nullable=False),  # what could not be asked of the source beforehand
    Column("sent", Boolean, nullable=False),
    Column("answered", Boolean, nullable=False),  # the source said done; only the confirmation is missing
    Column("attempts", Integer, nullable=False),
    Column("next_try", Moment, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("undone_since", Moment),  # its answer was lost: since then looks follow each other, and show it as undone
    Column("record", KEY),  # what it decides in its source; nothing: it is no decision; NULL: not known (yet)
    Index("uq_act_by_key", "by", "key", unique=True),
)
_OPEN = act.c.state == "submitting"
# One at a time: a second press of a person waits for none, and is never a second decision.
Index("uq_act_todo_person", act.c.todo, act.c.person, unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN)
Index("ix_act_next_try", act.c.next_try, postgresql_where=_OPEN, sqlite_where=_OPEN)
Index("ix_act_todo", act.c.todo, act.c.person, act.c.begun_at)
