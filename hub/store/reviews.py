"""Reviews: records a person decides about, their candidates, and what was decided of them for good."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database, new_id, now
from hub.store.review_tables import decision, review, review_candidate
from hub.store.tables import quarantine, source

Spoken = tuple[str, uuid.UUID | None]  # kind of decision, and the entity it is about
CANDIDATES: Mapping[str, Column[Any]] = {
    name: column
    for name, column in {
        "key": review.c.key,
        **{name: review_candidate.c[name] for name in ("number", "entity", "other_key", "rule", "score", "why")},
    }.items()
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity, or another record of the same source, that a record may stand for."""

    number: int
    entity: uuid.UUID | None
    other_key: str | None
    rule: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Review:
    """One record a person decides about, or has decided about."""

    id: uuid.UUID
    source: int
    exchange: str
    model: str
    key: str
    code: str
    state: str
    opened_at: dt.datetime
    candidates: int = 0
    decision: str | None = None
    entity: uuid.UUID | None = None
    decided_by: str | None = None
    on_behalf: str | None = None
    reason: str | None = None
    decided_at: dt.datetime | None = None


# ------------------------------------------------------------ in the applying transaction


def follow(session: Bulk, number: int, moment: dt.datetime) -> None:
    """Reviews follow the quarantine: each record that came to review has one, and one whose entry is
    settled closes by itself."""
    entry = quarantine.alias("entry")
    settled = and_(
        review.c.source == number,
        review.c.state == "open",
        ~exists().where(entry.c.id == review.c.id, entry.c.state == "in_review"),
    )
    session.run(update(review).where(settled).values(state="superseded", closed_at=moment))
    first = func.row_number().over(partition_by=entry.c.key, order_by=(entry.c.code, entry.c.id))
    waiting = (
        select(entry, first.label("place"))
        .where(entry.c.source == number, entry.c.state == "in_review")
        .subquery("waiting")
    )
    new = (
        select(
            waiting.c.id,
            waiting.c.source,
            waiting.c.exchange,
            source.c.model,
            waiting.c.key,
            waiting.c.code,
            waiting.c.run_id,
            waiting.c.created_at,
            literal("open"),
        )
        .join(source, source.c.id == waiting.c.source)
        .where(waiting.c.place == 1, ~exists().where(review.c.id == waiting.c.id))
    )
    names = ["id", "source", "exchange", "model", "key", "code", "run_id", "opened_at", "state"]
    session.run(insert(review).from_select(names, new))


def propose(session: Bulk, number: int, rows: Table) -> None:
    """``rows`` (columns of CANDIDATES) take the place of the candidates of the reviews of their keys. A
    review whose decision did not settle its record is open again."""
    live = and_(review.c.source == number, review.c.state.in_(("open", "decided")))
    unsettled = exists().where(quarantine.c.id == review.c.id, quarantine.c.state == "in_review")
    keys = select(rows.c.key)
    session.run(update(review).where(live, unsettled, review.c.key.in_(keys)).values(state="open"))
    ours = select(review.c.id).where(review.c.source == number, review.c.state == "open", review.c.key.in_(keys))
    session.run(review_candidate.delete().where(review_candidate.c.review.in_(ours)))
    names = ("number", "entity", "other_key", "rule", "score", "why")
    found = (
        select(review.c.id, *(rows.c[name] for name in names))
        .join(rows, rows.c.key == review.c.key)
        .where(review.c.source == number, review.c.state == "open")
    )
    session.run(insert(review_candidate).from_select(["review", *names], found))


# ------------------------------------------------------------ what the resolver asks


def any_decided(session: Bulk, number: int) -> bool:
    return bool(session.run(select(decision.c.id).where(decision.c.source == number).limit(1)))


def decided(session: Bulk, number: int, wanted: Table | None = None) -> Wire:
    """id (text), key, kind, entity: what was ever said of a source's records, of ``wanted`` keys only."""
    query = select(
        cast(decision.c.id, Text).label("id"), decision.c.key, decision.c.kind, decision.c.entity
    ).where(decision.c.source == number)
    return session.read(query if wanted is None else query.join(wanted, wanted.c.key == decision.c.key))


# ------------------------------------------------------------ people


def list_reviews(
    database: Database,
    exchange: str | None = None,
    model: str | None = None,
    *,
    states: Sequence[str] = ("open",),
    limit: int = 50,
) -> list[Review]:
    """The oldest first."""
    query = counted().where(review.c.state.in_(states))
    if exchange:
        query = query.where(review.c.exchange == exchange)
    if model:
        query = query.where(review.c.model == model)
    with database.begin(reading=True) as connection:
        rows = connection.execute(query.order_by(review.c.opened_at, review.c.key).limit(limit))
        return [read_row(row) for row in rows]


def counted() -> Select[Any]:
    """A query of reviews, each with how many candidates it has."""
    count = (
        select(func.count())
        .where(review_candidate.c.review == review.c.id)
        .correlate(review)
        .scalar_subquery()
    )
    return select(review, count.label("candidates"))


def count_reviews(database: Database) -> list[tuple[str, str, int, dt.datetime]]:
    """exchange, model, how many are open, since when: the oldest first."""
    oldest = func.min(review.c.opened_at)
    query = (
        select(review.c.exchange, review.c.model, func.count(), oldest)
        .where(review.c.state == "open")
        .group_by(review.c.exchange, review.c.model)
        .order_by(oldest)
    )
    with database.begin(reading=True) as connection:
        return [(name, model, count, since) for name, model, count, since in connection.execute(query)]


def candidates(database: Database, identity: uuid.UUID) -> list[Candidate]:
    """The likeliest first."""
    query = (
        select(review_candidate)
        .where(review_candidate.c.review == identity)
        .order_by(review_candidate.c.number)
    )
    with database.begin(reading=True) as connection:
        return [
            Candidate(row.number, row.entity, row.other_key, row.rule, row.score, row.why)
            for row in connection.execute(query)
        ]


def originals(database: Database, number: int, keys: Sequence[str]) -> dict[str, str]:
    """key → where its original lies, of records that are held back."""
    query = select(quarantine.c.key, quarantine.c.original).where(
        quarantine.c.source == number,
        quarantine.c.state == "in_review",
        quarantine.c.key.in_(keys),
        quarantine.c.original.is_not(None),
    )
    with database.begin(reading=True) as connection:
        return dict(connection.execute(query).tuples().all())


def decisions(database: Database, number: int, key: str) -> list[Mapping[str, Any]]:
    """Everything ever said of one record, the newest first."""
    query = (
        select(decision)
        .where(decision.c.source == number, decision.c.key == key)
        .order_by(decision.c.decided_at.desc(), decision.c.id.desc())
    )
    with database.begin(reading=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def decide(
    connection: Connection,
    one: Review,
    kind: str,
    entity: uuid.UUID | None,
    spoken: Sequence[Spoken],
    *,
    decided_by: str,
    on_behalf: str,
    reason: str,
) -> bool:
    """Close an open review with a decision, and keep what was ``spoken`` of its record, in the caller's
    transaction; False where somebody was faster."""
    moment = now()
    said: dict[str, Any] = {
        "decided_by": decided_by,
        "on_behalf": on_behalf,
        "reason": reason,
        "decided_at": moment,
    }
    closed = connection.execute(
        update(review)
        .where(review.c.id == one.id, review.c.state == "open")
        .values(state="decided", decision=kind, entity=entity, closed_at=moment, **said)
    )
    if closed.rowcount != 1:
        return False
    say(connection, one.source, one.key, spoken, review_id=one.id, **said)
    return True


def say(
    connection: Connection,
    number: int,
    key: str,
    spoken: Sequence[Spoken],
    *,
    review_id: uuid.UUID | None,
    decided_by: str,
    on_behalf: str,
    reason: str,
    decided_at: dt.datetime,
) -> None:
    """Decisions (kind, entity) of one record, kept for good."""
    for kind, entity in spoken:
        connection.execute(
            insert(decision).values(
                id=new_id(),
                source=number,
                key=key,
                kind=kind,
                entity=entity,
                review=review_id,
                decided_by=decided_by,
                on_behalf=on_behalf,
                reason=reason,
                decided_at=decided_at,
            )
        )


def read_row(row: Any) -> Review:
    """A row of the table as a review."""
    names = (
        *("id", "source", "exchange", "model", "key", "code", "state", "opened_at"),
        *("decision", "entity", "decided_by", "on_behalf", "reason", "decided_at"),
    )
    found = row._mapping
    return Review(**{name: found[name] for name in names}, candidates=found.get("candidates", 0))
