"""The audit chain as stored: each entry's hash covers the one before it.

``hash = SHA-256(prev_hash ‖ canonical JSON of the entry)``. An appending transaction locks the head row
until it commits, so the chain has one end whoever writes. Append as the last statement of a long
transaction: others wait for that lock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.bulk import Bulk
from hub.store.database import Database, now
from hub.store.tables import audit, audit_checkpoint, audit_head, audit_salt

Session = Bulk | Connection

START = "0" * 64
CHUNK = 20_000
# One encoder: json.dumps makes a new one for every call with options.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
NAMES = tuple(column.name for column in audit.columns)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing done, as it is stored. ``details`` is canonical JSON."""

    seq: int
    at: str
    actor: str
    on_behalf: str
    action: str
    object: str
    before_hash: str
    after_hash: str
    reason: str
    details: str
    prev_hash: str
    hash: str

    def digest(self) -> str:
        """What its hash must be, by its content and the hash it names as the one before it."""
        return digest_of(
            self.prev_hash,
            self.seq,
            self.at,
            self.actor,
            self.on_behalf,
            self.action,
            self.object,
            self.before_hash,
            self.after_hash,
            self.reason,
            self.details,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that the chain had this hash at this entry."""

    seq: int
    hash: str
    at: str
    signature: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry."""

    seq: int
    hash: str


def canonical(value: Any) -> str:
    """JSON of one form only: sorted keys, no spaces."""
    return _ENCODER.encode(value)


def digest_of(prev: str, *content: Any) -> str:
    """The hash of an entry; ``content`` in the order of its columns, without the two hashes of the chain."""
    return hashlib.sha256(prev.encode() + canonical(content).encode("utf-8", "surrogatepass")).hexdigest()


def stamp(moment: dt.datetime) -> str:
    """A time as text that sorts: UTC with microseconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def append(
    session: Session,
    *,
    actor: str,
    on_behalf: str,
    action: str,
    object: str,
    before: str = "",
    after: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    hashed: Mapping[str, Any] | None = None,
) -> int:
    """Append one entry inside the caller's transaction; answers its number. Of ``hashed`` values the entry
    holds only salted hashes; the salt lies in a table of its own and can be removed."""
    head = _locked(session)
    seq, told = head.seq + 1, dict(details or {})
    if hashed:
        salt = secrets.token_hex(16)
        told |= {name: salted(salt, value) for name, value in hashed.items()}
        _run(session, insert(audit_salt).values(seq=seq, salt=salt))
    content = [stamp(now()), actor, on_behalf, action, object, before, after, reason, canonical(told)]
    content = [text.replace("\0", "␀") for text in content]
    digest = digest_of(head.hash, seq, *content)
    values = dict(zip(NAMES, (seq, *content, head.hash, digest), strict=True))
    _run(session, insert(audit).values(values))
    _run(session, update(audit_head).where(audit_head.c.id == 1).values(seq=seq, hash=digest))
    return seq


def salted(salt: str, value: Any) -> str:
    """What an entry shows of a value it must not hold."""
    return "salted:" + hashlib.sha256(f"{salt}|{canonical(value)}".encode()).hexdigest()


def _locked(session: Session) -> Head:
    query = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)
    dialect = session.dialect.name if isinstance(session, Connection) else session.dialect
    if dialect == "postgresql":
        query = query.with_for_update()
    found = _run(session, query)
    if not found:  # the first entry ever; another first writer may be faster
        make = postgresql.insert if dialect == "postgresql" else sqlite.insert
        _run(session, make(audit_head).values(id=1, seq=0, hash=START).on_conflict_do_nothing())
        found = _run(session, query)
    return Head(*found[0])


def _run(session: Session, statement: Executable) -> Sequence[Any]:
    if isinstance(session, Connection):
        result = session.execute(statement)
        return result.all() if result.returns_rows else []
    return session.run(statement)


# ---------------------------------------------------------------- reading


def head(session: Session) -> Head | None:
    """The newest entry as the head row has it; None before the first."""
    found = _run(session, select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1))
    return Head(*found[0]) if found else None


def entries(session: Session, after: int = 0) -> Iterator[Entry]:
    """All entries after a number, in order, some thousand at a time."""
    columns = [audit.c[name] for name in NAMES]
    while True:
        found = _run(
            session, select(*columns).where(audit.c.seq > after).order_by(audit.c.seq).limit(CHUNK)
        )
        for row in found:
            yield Entry(*row)
        if len(found) < CHUNK:
            return
        after = found[-1][0]


def newest(
    database: Database,
    limit: int,
    *,
    action: str = "",
    actor: str = "",
    object: str = "",
    since: str = "",
    before: int | None = None,
) -> list[Entry]:
    """The newest entries that fit, newest first; ``action`` may be the part before the dot, ``before`` is the number of
    one: only what came earlier."""
    query = select(*(audit.c[name] for name in NAMES)).order_by(audit.c.seq.desc()).limit(limit)
    if action:
        query = query.where((audit.c.action == action) | audit.c.action.startswith(f"{action}.", autoescape=True))
    if actor:
        query = query.where((audit.c.actor == actor) | (audit.c.on_behalf == actor))
    if object:
        query = query.where(audit.c.object.contains(object, autoescape=True))
    if since:
        query = query.where(audit.c.at >= since)
    if before is not None:
        query = query.where(audit.c.seq < before)
    with database.begin(reading=True) as connection:
        return [Entry(*row) for row in connection.execute(query)]


def salt_of(database: Database, seq: int) -> str | None:
    """The salt of an entry's hashed values, while it is kept."""
    with database.begin(reading=True) as connection:
        return connection.scalar(select(audit_salt.c.salt).where(audit_salt.c.seq == seq))


def forget(session: Connection, seq: int) -> bool:
    """Remove an entry's salt: its hashed values can be linked to nobody any more, the chain stays whole."""
    return session.execute(delete(audit_salt).where(audit_salt.c.seq == seq)).rowcount == 1


# ---------------------------------------------------------------- checkpoints


def checkpoints(session: Session) -> list[Checkpoint]:
    """All of them, oldest first."""
    table = audit_checkpoint
    query = select(table.c.seq, table.c.hash, table.c.at, table.c.signature).order_by(table.c.seq)
    return [Checkpoint(*row) for row in _run(session, query)]


def last_checkpoint(session: Session) -> int:
    """Up to which entry the chain is signed; 0 before the first."""
    query = select(audit_checkpoint.c.seq).order_by(audit_checkpoint.c.seq.desc()).limit(1)
    found = _run(session, query)
    return int(found[0][0]) if found else 0


def add_checkpoint(session: Connection, one: Checkpoint) -> None:
    """Store one; a second one of the same entry adds nothing."""
    make = postgresql.insert if session.dialect.name == "postgresql" else sqlite.insert
    session.execute(
        make(audit_checkpoint)
        .values(seq=one.seq, hash=one.hash, at=one.at, signature=one.signature)
        .on_conflict_do_nothing()
    )
