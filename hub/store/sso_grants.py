"""Families of the OpenID provider: a log-in at a client, its code and its tokens.

What may happen once happens in one statement (UPDATE … WHERE used_at IS NULL), in the transaction that writes what
comes of it. A token holds only as long as its family does.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from hub.store.account_tables import account
from hub.store.database import Database
from hub.store.sso_tables import sso_ask, sso_code, sso_grant, sso_service_ticket, sso_token

SWEPT = 500
Audited = Callable[[Connection], object]


@dataclass(frozen=True, slots=True)
class Family:
    """One log-in of a person at a client; without a person, a client as itself. ``alive`` is whether its account is
    still enabled."""

    id: uuid.UUID
    client: str
    scope: str
    offline: bool
    made_at: dt.datetime
    ends_at: dt.datetime
    person: uuid.UUID | None = None
    account: uuid.UUID | None = None
    name: str | None = None
    session: str | None = None
    sid: str | None = None
    sub: str | None = None
    claims: Mapping[str, Any] | None = None
    nonce: str | None = None
    acr: str | None = None
    amr: str = ""
    auth_time: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    why: str = ""
    alive: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it is stored."""

    digest: str
    family: uuid.UUID
    redirect_uri: str
    challenge: str
    ends_at: dt.datetime
    used_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceTicket:
    """A service ticket of CAS as it is stored. ``initial``: the person proved who he is for it."""

    digest: str
    family: uuid.UUID
    service: str
    initial: bool
    sealed: bytes
    ends_at: dt.datetime
    used_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An access or refresh token as it is stored."""

    digest: str
    family: uuid.UUID
    kind: str
    client: str
    scope: str
    made_at: dt.datetime
    ends_at: dt.datetime
    audience: Sequence[str] = ()
    act: Mapping[str, Any] | None = None
    used_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None


_FAMILY = [sso_grant.c[name] for name in Family.__dataclass_fields__ if name != "alive"]
_CODE = [sso_code.c[name] for name in Code.__dataclass_fields__]
_SERVICE_TICKET = [sso_service_ticket.c[name] for name in ServiceTicket.__dataclass_fields__]
_TOKEN = [sso_token.c[name] for name in Token.__dataclass_fields__]


def _family(row: Sequence[Any]) -> Family:
    named = dict(zip((column.name for column in _FAMILY), row, strict=False))
    return Family(**named, alive=row[-2] is None or row[-1] is None)


def values(one: Any, table: Any) -> dict[str, Any]:
    """A row of a table, of what has fields of the same names."""
    return {column.name: getattr(one, column.name) for column in table.columns}


def _families() -> Any:
    """Families with (account, when it was disabled)."""
    owner = account.alias("owner")
    return select(*_FAMILY, owner.c.id, owner.c.disabled_at).outerjoin(owner, owner.c.id == sso_grant.c.account)


# ------------------------------------------------------------ codes


def begin(
    database: Database, family: Family, code: Code | ServiceTicket, asked: str, audited: Audited | None = None
) -> None:
    """A family that waits for its code, or service ticket, to be redeemed; the request that led to it is over.
    ``audited`` writes of it into the audit chain."""
    table = sso_code if isinstance(code, Code) else sso_service_ticket
    with database.begin() as connection:
        _sweep(connection, family.made_at)
        connection.execute(insert(sso_grant).values(values(family, sso_grant)))
        connection.execute(insert(table).values(values(code, table)))
        connection.execute(delete(sso_ask).where(sso_ask.c.digest == asked))
        if audited is not None:
            audited(connection)


def code(database: Database, digest: str) -> tuple[Code, Family] | None:
    """A code, used or not, and its family."""
    query = _families().add_columns(*_CODE).join(sso_code, sso_code.c.family == sso_grant.c.id)
    with database.begin(reading=True) as connection:
        row = connection.execute(query.where(sso_code.c.digest == digest)).one_or_none()
    if row is None:
        return None
    size = len(_FAMILY) + 2
    return Code(*row[size:]), _family(row[:size])


def redeem(
    database: Database, digest: str, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime
) -> bool:
    """Tokens for a code, once: False where somebody was faster, or the family is over."""
    with database.begin() as connection:
        if not hold(connection, family, moment):
            return False
        mine = and_(sso_code.c.digest == digest, sso_code.c.used_at.is_(None), sso_code.c.ends_at > moment)
        if connection.execute(update(sso_code).where(mine).values(used_at=moment)).rowcount != 1:
            return False
        put(connection, tokens)
    return True


# ------------------------------------------------------------ service tickets


def service_ticket(database: Database, digest: str) -> tuple[ServiceTicket, Family] | None:
    """A service ticket, whatever became of it, and its family."""
    query = _families().add_columns(*_SERVICE_TICKET)
    query = query.join(sso_service_ticket, sso_service_ticket.c.family == sso_grant.c.id)
    with database.begin(reading=True) as connection:
        row = connection.execute(query.where(sso_service_ticket.c.digest == digest)).one_or_none()
    if row is None:
        return None
    size = len(_FAMILY) + 2
    return ServiceTicket(*row[size:]), _family(row[:size])


def use(database: Database, ticket: ServiceTicket, moment: dt.datetime, audited: Audited) -> bool:
    """Use a service ticket up, once: False where somebody was faster, or it or its family is over. ``audited`` writes
    of it into the audit chain."""
    c = sso_service_ticket.c
    with database.begin() as connection:
        if not hold(connection, ticket.family, moment):
            return False
        mine = and_(c.digest == ticket.digest, c.used_at.is_(None), c.ends_at > moment)
        if connection.execute(update(sso_service_ticket).where(mine).values(used_at=moment)).rowcount != 1:
            return False
        audited(connection)
    return True


# ------------------------------------------------------------ tokens


def rotate(
    database: Database, digest: str, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime
) -> bool:
    """New tokens for a refresh token, once: False where somebody was faster, or the family is over."""
    with database.begin() as connection:
        if not hold(connection, family, moment):
            return False
        mine = and_(sso_token.c.digest == digest, sso_token.c.used_at.is_(None), sso_token.c.revoked_at.is_(None))
        if connection.execute(update(sso_token).where(mine).values(used_at=moment)).rowcount != 1:
            return False
        put(connection, tokens)
    return True


def add(database: Database, family: Family, tokens: Sequence[Token]) -> None:
    """A family with its tokens at once: a client as itself."""
    with database.begin() as connection:
        _sweep(connection, family.made_at)
        connection.execute(insert(sso_grant).values(values(family, sso_grant)))
        put(connection, tokens)


def join(database: Database, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime) -> bool:
    """More tokens of a family (an exchange); False where it is over."""
    with database.begin() as connection:
        if not hold(connection, family, moment):
            return False
        put(connection, tokens)
    return True


def token(database: Database, digest: str) -> tuple[Token, Family] | None:
    """A token, whatever became of it, and its family."""
    query = _families().add_columns(*_TOKEN).join(sso_token, sso_token.c.family == sso_grant.c.id)
    with database.begin(reading=True) as connection:
        row = connection.execute(query.where(sso_token.c.digest == digest)).one_or_none()
    if row is None:
        return None
    size = len(_FAMILY) + 2
    return Token(*row[size:]), _family(row[:size])


def family(database: Database, identity: uuid.UUID) -> Family | None:
    """By its id, whatever became of it."""
    with database.begin(reading=True) as connection:
        row = connection.execute(_families().where(sso_grant.c.id == identity)).one_or_none()
    return None if row is None else _family(row)


def revoke(database: Database, family: uuid.UUID, why: str, moment: dt.datetime) -> bool:
    """Nothing of a family holds any more; False where that was so already."""
    with database.begin() as connection:
        return revoked(connection, sso_grant.c.id == family, why, moment) > 0


def revoke_token(database: Database, digest: str, moment: dt.datetime) -> None:
    """One access token holds no more."""
    mine = and_(sso_token.c.digest == digest, sso_token.c.revoked_at.is_(None))
    with database.begin() as connection:
        connection.execute(update(sso_token).where(mine).values(revoked_at=moment))


def revoked(connection: Connection, which: ColumnElement[bool], why: str, moment: dt.datetime) -> int:
    """End families in the caller's transaction; answers how many were not over."""
    mine = and_(which, sso_grant.c.revoked_at.is_(None))
    return connection.execute(update(sso_grant).where(mine).values(revoked_at=moment, why=why)).rowcount


def hold(connection: Connection, family: uuid.UUID, moment: dt.datetime) -> bool:
    """Lock a family that is not over: who revokes it comes before, and is seen, or after, and ends what is given
    now."""
    mine = and_(sso_grant.c.id == family, sso_grant.c.revoked_at.is_(None), sso_grant.c.ends_at > moment)
    return connection.scalar(select(sso_grant.c.id).where(mine).with_for_update()) is not None


def put(connection: Connection, tokens: Sequence[Token]) -> None:
    """Write tokens in the caller's transaction."""
    connection.execute(
        insert(sso_token), [values(one, sso_token) | {"audience": list(one.audience)} for one in tokens]
    )


def _sweep(connection: Connection, moment: dt.datetime) -> None:
    """Forget some of what ended a day ago: as much as comes anew, and a little more."""
    old = moment - dt.timedelta(days=1)
    over = select(sso_grant.c.id).where(sso_grant.c.ends_at < old).order_by(sso_grant.c.ends_at).limit(4)
    gone = list(connection.scalars(over))
    if gone:
        for table in (sso_code, sso_service_ticket, sso_token):
            connection.execute(delete(table).where(table.c.family.in_(gone)))
        connection.execute(delete(sso_grant).where(sso_grant.c.id.in_(gone)))
