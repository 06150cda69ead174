"""Tables of what people decide: reviews, decisions, and merges of entities. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text, Uuid

from hub.store.tables import KEY
from hub.store.target_tables import metadata  # one metadata for all tables
from hub.store.types import Moment

__all__ = ["metadata"]

# One record a person decides about; its id is that of the quarantine entry it was opened for.
review = Table(
    "review",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Integer, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("key", KEY, nullable=False),
    Column("code", Text, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("state", Text, nullable=False),  # open decided superseded
    Column("decision", Text),  # link create reject merge
    Column("entity", Uuid),
    Column("decided_by", Text),
    Column("on_behalf", Text),
    Column("reason", Text),
    Column("decided_at", Moment),
    Column("closed_at", Moment),
    Index("ix_review_state_source_key", "state", "source", "key"),
    Index("ix_review_state_opened_at_id", "state", "opened_at", "id"),  # lists, the oldest first
)

review_candidate = Table(
    "review_candidate",
    metadata,
    Column("review", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("entity", Uuid),
    Column("other_key", KEY),  # another record of the same source instead of an entity
    Column("rule", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("why", Text, nullable=False),  # JSON: field → likeness and weight, no values
)

# What a person, or an imported cross-reference, said of a record; kept for good, the newest counts.
decision = Table(
    "decision",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Integer, nullable=False),
    Column("key", KEY, nullable=False),
    Column("kind", Text, nullable=False),  # link create reject
    Column("entity", Uuid),
    Column("review", Uuid),
    Column("decided_by", Text, nullable=False),
    Column("on_behalf", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Index("ix_decision_source_key", "source", "key"),
)

# Two entities that are one. Their versions before it are in the history: an undo reads them there.
entity_merge = Table(
    "entity_merge",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("model", Text, nullable=False),
    Column("survivor", Uuid, nullable=False),
    Column("loser", Uuid, nullable=False),
    Column("survivor_version", Integer, nullable=False),  # as they were before it
    Column("loser_version", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # made undone
    Column("made_by", Text, nullable=False),
    Column("on_behalf", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("undone_by", Text),
    Column("undone_reason", Text),
    Column("undone_at", Moment),
    Index("ix_entity_merge_model_survivor", "model", "survivor"),
)

# Foreign records of the one that went into the other. What they said in vain before and after tells an
# undo whether they spoke since.
merge_link = Table(
    "merge_link",
    metadata,
    Column("merge", Uuid, primary_key=True),
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("key", KEY, primary_key=True),
    Column("role", Text, nullable=False),  # moved, stayed (a twin of the survivor's), target, own
    Column("outvoted_before", Text),
    Column("outvoted_after", Text),
)

merge_reference = Table(
    "merge_reference",
    metadata,
    Column("merge", Uuid, primary_key=True),
    Column("model", KEY, primary_key=True),
    Column("entity", Uuid, primary_key=True),
    Column("field", KEY, primary_key=True),
)

# Where an id leads to that was merged away: the next one, and the last.
redirect = Table(
    "redirect",
    metadata,
    Column("entity", Uuid, primary_key=True),
    Column("model", Text, nullable=False, index=True),
    Column("survivor", Uuid, nullable=False),
    Column("target", Uuid, nullable=False, index=True),
    Column("merge", Uuid, nullable=False),
)

# What a baseline found: one row per output and run, with every record and entity in the run store.
match_report = Table(
    "match_report",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("exchange", Text, nullable=False, index=True),
    Column("model", Text, nullable=False),
    Column("report", Text, nullable=False),  # JSON: counts and samples, no values of records
    Column("digest", Text, nullable=False),  # of the rows, sealed
    Column("made_at", Moment, nullable=False),
)
