"""Accounts: the foreign records that stand for an entity, and why they do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from hub.store.many import among, batches
from hub.store.review_tables import decision, entity_merge, redirect
from hub.store.shadows import OUT
from hub.store.tables import evidence, shadow, source

Row = dict[str, Any]


def with_merged(connection: Connection, identity: uuid.UUID) -> list[uuid.UUID]:
    """An entity, and those that went into it."""
    return [identity, *connection.scalars(select(redirect.c.entity).where(redirect.c.target == identity))]


def records(connection: Connection, model: str, ids: Iterable[uuid.UUID]) -> list[Row]:
    """The records of all systems that stand for these entities; ``over``: it stands for nobody any more, or is
    disabled in its target."""
    found: list[Row] = []
    names = (
        source.c.exchange, source.c.system, source.c.resource, source.c.direction,
        shadow.c.source, shadow.c.key, shadow.c.entity, shadow.c.foreign_id, shadow.c.foreign_key,
        shadow.c.absent_at, shadow.c.ends,
        evidence.c.rule, evidence.c.confidence, evidence.c.why, evidence.c.at,
    )  # fmt: skip
    proven = and_(evidence.c.source == shadow.c.source, evidence.c.key == shadow.c.key,
                  evidence.c.entity == shadow.c.entity)  # fmt: skip
    for some in batches(ids):
        query = (
            select(*names)
            .join(source, source.c.id == shadow.c.source)
            .outerjoin(evidence, proven)
            .where(source.c.model == model, among(connection, shadow.c.entity, some))
            .order_by(source.c.system, source.c.resource, source.c.exchange, shadow.c.key)
        )
        for row in connection.execute(query).mappings():
            why = json.loads(row["why"]) if row["why"] else {}
            found.append({**row, "over": row["ends"] == OUT, "why": why})
    return found


def said(connection: Connection, number: int, key: str) -> Row | None:
    """What a person said last of a record."""
    names = ("kind", "entity", "decided_by", "on_behalf", "reason", "decided_at")
    query = select(*(decision.c[name] for name in names)).where(decision.c.source == number, decision.c.key == key)
    row = connection.execute(query.order_by(decision.c.decided_at.desc(), decision.c.id.desc()).limit(1)).mappings()
    found = row.first()
    return None if found is None else dict(found)


def merges_of(connection: Connection, ids: Iterable[uuid.UUID]) -> list[Row]:
    """Merges that are in force of entities that went into another."""
    names = ("loser", "survivor", "made_by", "on_behalf", "reason", "made_at")
    query = select(*(entity_merge.c[name] for name in names)).where(
        entity_merge.c.loser.in_(list(ids)), entity_merge.c.state == "made"
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def counts(connection: Connection, model: str) -> list[Row]:
    """By exchange how many records of its system stand for somebody (``linked``), for nobody (``unlinked``), and are
    gone (``absent``)."""
    there, gone = shadow.c.absent_at.is_(None), shadow.c.absent_at.is_not(None)
    query = (
        select(
            source.c.system, source.c.resource, source.c.exchange, source.c.direction,
            func.count().filter(there, shadow.c.entity.is_not(None)).label("linked"),
            func.count().filter(there, shadow.c.entity.is_(None)).label("unlinked"),
            func.count().filter(gone).label("absent"),
        )
        .join(shadow, shadow.c.source == source.c.id)
        .where(source.c.model == model)
        .group_by(source.c.system, source.c.resource, source.c.exchange, source.c.direction)
        .order_by(source.c.system, source.c.resource, source.c.exchange)
    )  # fmt: skip
    return [dict(row) for row in connection.execute(query).mappings()]


def holders(connection: Connection, model: str, system: str, account: str) -> list[Row]:
    """Records of a system that are called so, whatever entity they stand for: exchange, key, entity."""
    called = or_(shadow.c.key == account, shadow.c.foreign_id == account, shadow.c.foreign_key == account)
    query = (
        select(source.c.exchange, source.c.direction, shadow.c.key, shadow.c.entity)
        .join(source, source.c.id == shadow.c.source)
        .where(source.c.model == model, source.c.system == system, called)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
