"""Acts as stored: begun by a press, settled by whoever holds their lease."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Uuid,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from hub.store import moves, wake
from hub.store.act_tables import act
from hub.store.database import Database
from hub.store.journal import Lease, fence
from hub.store.many import batches
from hub.store.prepared import one_of
from hub.store.review_tables import redirect
from hub.store.tables import shadow, source
from hub.store.todo_tables import assignment, todo

SLOTS = 256
"""Leases that acts share: one per to-do would stay for ever, since an epoch must not be forgotten."""


@dataclass(frozen=True, slots=True)
class Act:
    """A row of ``act``."""

    id: uuid.UUID
    todo: uuid.UUID
    person: uuid.UUID
    receiver: str
    system: str
    account: str
    response: str
    comment: str
    reason: str
    by: str
    key: str
    state: str
    code: str
    message: str
    unasked: Sequence[str]
    sent: bool
    answered: bool
    attempts: int
    next_try: dt.datetime
    begun_at: dt.datetime
    changed_at: dt.datetime
    undone_since: dt.datetime | None = None
    record: str | None = None


def leases_of(identity: uuid.UUID, record: str) -> list[str]:
    """The leases under which a to-do is acted on, and the record of its source (a digest; "": none)."""
    slots = {identity.int % SLOTS, *([int(record, 16) % SLOTS] if record else [])}
    return [f"acts:{slot:02x}" for slot in sorted(slots)]


def begin(connection: Connection, one: Act, seq: int) -> None:
    """Store a press."""
    connection.execute(insert(act).values(**{name: getattr(one, name) for name in Act.__slots__}))
    touch(connection, one, seq)


def by_key(connection: Connection, by: str, key: str) -> Act | None:
    """The act of a caller's idempotency key."""
    row = connection.execute(select(act).where(act.c.by == by, act.c.key == key)).one_or_none()
    return None if row is None else Act(*row)


def in_flight(connection: Connection, identity: uuid.UUID, person: uuid.UUID) -> Act | None:
    """What a person does with a to-do just now: the first of what he, and who was merged into him, began."""
    query = select(act).where(act.c.todo == identity, his("person"), act.c.state == "submitting")
    row = connection.execute(query.order_by(act.c.begun_at, act.c.id), {"person": person}).first()
    return None if row is None else Act(*row)


def his(name: str) -> ColumnElement[bool]:
    """Whether an act is of the person of a parameter, or of somebody who was merged into him. Acts keep who pressed, so
    that an unmerge gives each his own back."""
    person = bindparam(name, type_=Uuid())
    return or_(act.c.person == person, act.c.person.in_(select(redirect.c.entity).where(redirect.c.target == person)))


def one(database: Database, identity: uuid.UUID) -> Act | None:
    with database.begin(reading=True) as connection:
        row = connection.execute(select(act).where(act.c.id == identity)).one_or_none()
        return None if row is None else Act(*row)


def of_todo(database: Database, identity: uuid.UUID, limit: int = 200) -> list[Act]:
    """What was done with a to-do, the newest first."""
    query = select(act).where(act.c.todo == identity).order_by(act.c.begun_at.desc(), act.c.id.desc())
    with database.begin(reading=True) as connection:
        return [Act(*row) for row in connection.execute(query.limit(limit))]


def latest(database: Database, todos: Collection[uuid.UUID], person: uuid.UUID) -> dict[uuid.UUID, Act]:
    """The last act of a person on each of these to-dos."""

    def query() -> Select[Any]:
        of_them = one_of(database.dialect, act.c.todo, "todos")
        return select(act).where(of_them, his("person")).order_by(act.c.begun_at)

    found: dict[uuid.UUID, Act] = {}
    for some in batches(todos):
        for row in database.rows(("acts_latest",), query, {"todos": some, "person": person}):
            found[row["todo"]] = Act(**row)
    return found


def open_ones(database: Database, limit: int = 200) -> list[Act]:
    """Acts that are not settled, by when they are to be tried."""
    query = select(act).where(act.c.state == "submitting").order_by(act.c.next_try, act.c.id).limit(limit)
    with database.begin(reading=True) as connection:
        return [Act(*row) for row in connection.execute(query)]


def due(database: Database, moment: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Acts that are to be tried now, the oldest first."""
    query = select(act.c.id).where(act.c.state == "submitting", act.c.next_try <= moment)
    with database.begin(reading=True) as connection:
        return list(connection.scalars(query.order_by(act.c.next_try, act.c.id).limit(limit)))


def next_due(database: Database) -> dt.datetime | None:
    """When the next one is to be tried."""
    query = select(act.c.next_try).where(act.c.state == "submitting").order_by(act.c.next_try).limit(1)
    with database.begin(reading=True) as connection:
        found: dt.datetime | None = connection.scalar(query)
        return found


def change(
    connection: Connection, held: Sequence[Lease], identity: uuid.UUID, values: Mapping[str, Any], moment: dt.datetime
) -> bool:
    """Change an act that is not settled, under its lease; whether it was still to be settled. Fatal ``run.fenced``."""
    fence(connection, held)
    changed = update(act).where(act.c.id == identity, act.c.state == "submitting")
    return connection.execute(changed.values(**values, changed_at=moment)).rowcount == 1


def holding(connection: Connection, one: Act, record: str) -> Act | None:
    """The decision that this one has to wait for: of the same to-do or record, and nobody knows what became of it. Of
    two such ones the older goes first."""
    others = (act.c.system == one.system, act.c.state == "submitting", act.c.sent, act.c.id != one.id)
    same = or_(act.c.todo == one.todo, act.c.record == record)
    query = select(act).where(*others, same, act.c.record.is_distinct_from("")).order_by(act.c.begun_at, act.c.id)
    row = connection.execute(query.limit(1)).one_or_none()
    found = None if row is None else Act(*row)
    older = found is not None and (found.begun_at, found.id) < (one.begun_at, one.id)
    return found if older or not one.sent else None


def let_go(connection: Connection, one: Act, code: str, moment: dt.datetime) -> None:
    """What waits with this code for an act that is over has its turn."""
    same = or_(act.c.todo == one.todo, act.c.record == one.record) if one.record else act.c.todo == one.todo
    waiting = update(act).where(act.c.state == "submitting", act.c.code == code, act.c.system == one.system, same)
    connection.execute(waiting.values(next_try=moment))


def touch(connection: Connection, one: Act, seq: int) -> None:
    """What a person's list shows of a to-do is another: who looks at it is told."""
    a = assignment.c
    mine = update(assignment).where(a.todo == one.todo, a.receiver == one.receiver)
    connection.execute(mine.values(seq=seq))
    moves.touched(connection, [one.todo], seq)
    wake.call(connection)


# ------------------------------------------------------------ what an act is about


def todo_row(connection: Connection, identity: uuid.UUID) -> dict[str, Any] | None:
    """A to-do."""
    row = connection.execute(select(todo).where(todo.c.id == identity)).mappings().one_or_none()
    return None if row is None else dict(row)


def since(connection: Connection, identity: uuid.UUID, receiver: str) -> tuple[str, dt.datetime] | None:
    """In which box a receiver has a to-do, and since when."""
    a = assignment.c
    query = select(a.box, a.since).where(a.todo == identity, a.receiver == receiver)
    return connection.execute(query).tuples().one_or_none()


def receivers_of(connection: Connection, identity: uuid.UUID, person: uuid.UUID) -> list[tuple[str, str]]:
    """(receiver, box) by which a person has a to-do; what his list shows comes first."""
    a = assignment.c
    query = select(a.receiver, a.box).where(a.todo == identity, a.person == person)
    return [(row.receiver, row.box) for row in connection.execute(query.order_by(a.lead.desc(), a.receiver))]


def accounts(database: Database, model: str, system: str, person: uuid.UUID) -> list[str]:
    """Keys of a person's records in a system: read from it, or written into it by the hub."""

    def query() -> Select[Any]:
        written = func.coalesce(shadow.c.foreign_key, shadow.c.foreign_id)
        name = case((source.c.direction == "inbound", shadow.c.key), else_=written).label("name")
        there = source.join(shadow, shadow.c.source == source.c.id)
        of_him = (source.c.system == bindparam("system"), source.c.model == bindparam("model"))
        whose = (shadow.c.entity == bindparam("person"), shadow.c.absent_at.is_(None))
        return select(name).select_from(there).where(*of_him, *whose)

    rows = database.rows(("accounts_of",), query, {"system": system, "model": model, "person": person})
    return sorted({str(row["name"]) for row in rows if row["name"] is not None})
