"""What the OpenID provider keeps of clients: secrets, keys, subjects, consents, requests that wait."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.database import Database
from hub.store.review_tables import redirect
from hub.store.sso_tables import (
    sso_ask,
    sso_consent,
    sso_key,
    sso_known,
    sso_secret,
    sso_subject,
    sso_ticket_key,
)

Audited = Callable[[Connection, str, str, Mapping[str, Any]], None]


def insert_unless(connection: Connection, table: Any) -> Any:
    """INSERT that can be told what to do where the row is there."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


# ------------------------------------------------------------ secrets


@dataclass(frozen=True, slots=True)
class SecretRow:
    """The secret of a client as it is stored: keyed hashes."""

    client: str
    hash: bytes
    master: str
    former_hash: bytes | None
    former_until: dt.datetime | None
    made_at: dt.datetime
    made_by: str


def secret(database: Database, client: str) -> SecretRow | None:
    """Of one client; None where it was never given one."""
    query = select(sso_secret).where(sso_secret.c.client == bindparam("client"))
    rows = database.rows(("sso_secret",), lambda: query, {"client": client})
    return SecretRow(**rows[0]) if rows else None


def set_secret(
    database: Database, client: str, hash_: bytes, master: str, until: dt.datetime, by: str, moment: dt.datetime,
    audited: Audited,
) -> None:  # fmt: skip
    """A new secret, by its hash under the master key of that id; the former one holds ``until`` then."""
    with database.begin() as connection:
        row = connection.execute(select(sso_secret.c.hash).where(sso_secret.c.client == client)).one_or_none()
        former = {"former_hash": row.hash, "former_until": until} if row is not None else {}
        statement = insert_unless(connection, sso_secret).values(
            client=client, hash=hash_, master=master, made_at=moment, made_by=by
        )
        fresh = {"hash": hash_, "master": master, "made_at": moment, "made_by": by, **former}
        connection.execute(statement.on_conflict_do_update(index_elements=["client"], set_=fresh))
        audited(connection, "client.secret", client, {"former_until": until.isoformat()} if former else {})


def follow(database: Database, client: str, before: bytes, hash_: bytes, master: str) -> None:
    """The same secret by its hash under a newer master key."""
    mine = (sso_secret.c.client == client, sso_secret.c.hash == before)
    with database.begin() as connection:
        connection.execute(update(sso_secret).where(*mine).values(hash=hash_, master=master))


def behind(database: Database, master: str) -> list[str]:
    """The clients whose secret is kept by a hash under another master key than this."""
    query = select(sso_secret.c.client).where(sso_secret.c.master != master).order_by(sso_secret.c.client)
    with database.begin(reading=True) as connection:
        return list(connection.scalars(query))


# ------------------------------------------------------------ keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key that signs, or did, or will."""

    number: int
    kid: str
    public: Mapping[str, Any]
    sealed: bytes
    published_at: dt.datetime
    signs_at: dt.datetime


KEYS = {"RS256": sso_key, "Ed25519": sso_ticket_key}


def keys(database: Database, alg: str) -> list[KeyRow]:
    """All of an algorithm, in the order in which they sign."""
    table = KEYS[alg]
    with database.begin(reading=True) as connection:
        return [KeyRow(*row) for row in connection.execute(select(table).order_by(table.c.number))]


def add_key(database: Database, alg: str, row: KeyRow, audited: Audited) -> bool:
    """False where another process made the key of that number first."""
    with database.begin() as connection:
        values = {name: getattr(row, name) for name in KeyRow.__dataclass_fields__}
        statement = insert_unless(connection, KEYS[alg]).values(values)
        statement = statement.on_conflict_do_nothing(index_elements=["number"]).returning(KEYS[alg].c.kid)
        if connection.execute(statement).one_or_none() is None:
            return False
        audited(connection, "client.key", row.kid, {"signs_at": row.signs_at.isoformat()})
    return True


# ------------------------------------------------------------ subjects


def subject(
    database: Database, client: str, person: uuid.UUID, moment: dt.datetime, named: uuid.UUID | None = None
) -> str:
    """What a client calls a person: as whom it has seen him, be it before he was merged, else as whom his account was
    ``named``: a merge that is undone leaves each his own. Written only where it is new: every refresh asks."""
    with database.begin(reading=True) as connection:
        entity = _seen(connection, client, person)
        found = _sub(connection, entity) if entity is not None else None
    if found is not None:
        return found
    with database.begin() as connection:
        entity = _seen(connection, client, person)
        if entity is None:
            entity = named or person
            known = insert_unless(connection, sso_known).values(client=client, person=entity, since=moment)
            connection.execute(known.on_conflict_do_nothing())
        fresh = {"person": entity, "sub": secrets.token_urlsafe(18), "made_at": moment}
        new = insert_unless(connection, sso_subject).values(fresh)
        connection.execute(new.on_conflict_do_nothing(index_elements=["person"]))
        return str(_sub(connection, entity))


def _sub(connection: Connection, entity: uuid.UUID) -> str | None:
    return connection.scalar(select(sso_subject.c.sub).where(sso_subject.c.person == entity))


def known_subject(database: Database, client: str, person: uuid.UUID) -> str | None:
    """The same, of who was there already; nothing is written."""
    with database.begin(reading=True) as connection:
        entity = _seen(connection, client, person) or person
        return _sub(connection, entity)


def _seen(connection: Connection, client: str, person: uuid.UUID) -> uuid.UUID | None:
    """The entity that a client knows a person as: himself, or the first of those that were merged into him."""
    into = select(redirect.c.entity).where(redirect.c.target == person)
    mine = and_(sso_known.c.client == client, (sso_known.c.person == person) | sso_known.c.person.in_(into))
    query = select(sso_known.c.person).where(mine).order_by(sso_known.c.person != person, sso_known.c.since)
    return connection.scalar(query.limit(1))


# ------------------------------------------------------------ consents


def consented(database: Database, account: uuid.UUID, client: str) -> tuple[set[str], set[str]]:
    """The scopes and the names of claims that a person agreed to; none where he was not asked."""
    c = sso_consent.c
    with database.begin(reading=True) as connection:
        query = select(c.scope, c.claims).where(c.account == account, c.client == client)
        row = connection.execute(query).one_or_none()
    return ({*row.scope.split()}, {*row.claims.split()}) if row is not None else (set(), set())


def consent(
    database: Database, account: uuid.UUID, client: str, scopes: Collection[str], claims: Collection[str],
    moment: dt.datetime,
) -> None:  # fmt: skip
    """Remember what a person agreed to."""
    fresh = {"scope": " ".join(sorted(scopes)), "claims": " ".join(sorted(claims)), "given_at": moment}
    with database.begin() as connection:
        statement = insert_unless(connection, sso_consent).values(account=account, client=client, **fresh)
        connection.execute(statement.on_conflict_do_update(index_elements=["account", "client"], set_=fresh))


# ------------------------------------------------------------ requests that wait


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that waits for a person; ``asked`` are its parameters, checked."""

    digest: str
    client: str
    asked: Mapping[str, Any]
    made_at: dt.datetime
    ends_at: dt.datetime


def ask(database: Database, one: Ask) -> None:
    """Keep a request until somebody has answered it; some that nobody answered are forgotten."""
    with database.begin() as connection:
        old = select(sso_ask.c.digest).where(sso_ask.c.ends_at < one.made_at).limit(10)
        connection.execute(delete(sso_ask).where(sso_ask.c.digest.in_(old)))
        values = {name: getattr(one, name) for name in Ask.__dataclass_fields__} | {"asked": dict(one.asked)}
        connection.execute(insert(sso_ask).values(values))


def asked(database: Database, digest: str, moment: dt.datetime) -> Ask | None:
    """A request that still waits."""
    with database.begin(reading=True) as connection:
        query = select(sso_ask).where(sso_ask.c.digest == digest, sso_ask.c.ends_at > moment)
        row = connection.execute(query).one_or_none()
    return None if row is None else Ask(*row)


def forget(database: Database, digest: str) -> None:
    """It was answered."""
    with database.begin() as connection:
        connection.execute(delete(sso_ask).where(sso_ask.c.digest == digest))


def answered(database: Database, digest: str, more: Mapping[str, Any]) -> None:
    """Keep what its person answered so far."""
    with database.begin() as connection:
        row = connection.execute(select(sso_ask.c.asked).where(sso_ask.c.digest == digest)).one_or_none()
        if row is not None:
            fresh = {**row.asked, **more}
            connection.execute(update(sso_ask).where(sso_ask.c.digest == digest).values(asked=fresh))


def claims_of(
    database: Database, table: str, person: uuid.UUID, fields: Sequence[str]
) -> Mapping[str, Any] | None:
    """Fields of a person's golden row; None where he is not there."""

    def query() -> Any:
        c = database.tables[table].c
        return select(*(c[name] for name in fields)).where(c["_id"] == bindparam("person"), c["_state"] == 0)

    rows = database.rows(("sso_claims", table, *fields), query, {"person": person})
    return rows[0] if rows else None
