"""Which review, merge or entity somebody means, and what stands for it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Text, cast, or_, select

from hub.errors import ConfigError
from hub.store import merges, review_tables, reviews, tables
from hub.store.database import Database
from hub.store.models import entity_table
from hub.store.reports import found_row, same_id


def find_review(database: Database, text: str) -> reviews.Review:
    """ConfigError ``review.unknown`` or ``id.ambiguous``."""
    row = found_row(
        database, review_tables.review, text, "review.unknown", f"there is no review {text}", "see: cophub review"
    )
    return reviews.read_row(row)


def find_merge(database: Database, text: str) -> merges.Merge:
    """ConfigError ``merge.unknown`` or ``id.ambiguous``."""
    row = found_row(
        database,
        review_tables.entity_merge,
        text,
        "merge.unknown",
        f"there is no merge {text}",
        "see: cophub review merges",
    )
    return merges.read_row(row)


def find_entity(database: Database, model: str, text: str) -> uuid.UUID:
    """The entity that is meant: by id, its end, or the value of its only key field, or values of all of
    them joined by /. One that was merged away is the one it went into. ConfigError ``entity.unknown`` or
    ``id.ambiguous``."""
    golden = database.tables[entity_table(model)]
    keys = database.models[model].key
    parts = text.split("/") if len(keys) > 1 else [text]
    query = select(golden.c["_id"]).limit(2)
    with database.begin(reading=True) as connection:
        found: list[uuid.UUID] = []
        if len(parts) == len(keys):
            same = [cast(golden.c[name], Text) == part for name, part in zip(keys, parts, strict=True)]
            for state in (golden.c["_state"] < 2, golden.c["_state"] == merges.MERGED):
                found = found or list(connection.scalars(query.where(*same, state)))
        if not found:
            found = list(connection.scalars(query.where(or_(*same_id(golden.c["_id"], text)))))
        found = list(dict.fromkeys(merges.redirected(connection, one) for one in found))
    if not found:
        raise ConfigError("entity.unknown", f"there is no {model} {text}", hint=f"see: cophub entities {model}")
    if len(found) > 1:
        raise ConfigError("id.ambiguous", f"more than one {model} is {text}", hint="give more of the id")
    return found[0]


def referred_entities(
    database: Database, system: str, model: str, keys: Sequence[str]
) -> dict[str, uuid.UUID]:
    """Source key → entity, as references of a system's records are read."""
    shadow, source = tables.shadow, tables.source
    query = (
        select(shadow.c.key, shadow.c.entity)
        .join(source, source.c.id == shadow.c.source)
        .where(
            source.c.system == system,
            source.c.model == model,
            source.c.direction == "inbound",
            shadow.c.key.in_(keys),
            shadow.c.entity.is_not(None),
        )
    )
    with database.begin(reading=True) as connection:
        return dict(connection.execute(query).tuples().all())


def stands_for(database: Database, number: int, key: str) -> uuid.UUID | None:
    """The entity that a record stands for."""
    query = select(tables.shadow.c.entity).where(tables.shadow.c.source == number, tables.shadow.c.key == key)
    with database.begin(reading=True) as connection:
        return connection.scalar(query)


def linked_of_source(database: Database, number: int, entity: uuid.UUID) -> list[str]:
    """Keys of a source's records that stand for an entity, or are decided to."""
    shadow, decision = tables.shadow, review_tables.decision
    linked = select(shadow.c.key).where(
        shadow.c.source == number, shadow.c.entity == entity, shadow.c.absent_at.is_(None)
    )
    said = select(decision.c.key).where(
        decision.c.source == number, decision.c.entity == entity, decision.c.kind == "link"
    )
    with database.begin(reading=True) as connection:
        return sorted(set(connection.scalars(linked)) | set(connection.scalars(said)))


def links_of(database: Database, entity: uuid.UUID) -> list[merges.Link]:
    """What stands for an entity, and for those that were merged into it."""
    redirect = review_tables.redirect
    with database.begin(reading=True) as connection:
        behind = connection.scalars(select(redirect.c.entity).where(redirect.c.target == entity)).all()
        return [one for identity in (entity, *behind) for one in merges.links(connection, identity)]
