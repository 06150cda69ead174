"""Families of the OpenID provider: a log-in at a client, its code and its tokens.

What may happen once happens in one statement (UPDATE … WHERE used_at IS NULL), in the transaction that writes what
comes of it. A token holds only as long as its family does.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from hub.store.account_tables import account, session
from hub.store.database import Database
from hub.store.prepared import Ask, one_of
from hub.store.sso_tables import sso_ask, sso_code, sso_grant, sso_service_ticket, sso_token

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


Kept = TypeVar("Kept", Code, ServiceTicket, Token)
FAMILY = {name: sso_grant.c[name] for name in Family.__dataclass_fields__ if name != "alive"}


class SessionEnded(Exception):
    """The session that something was to come of has ended."""


def values(one: Any, table: Any) -> dict[str, Any]:
    """A row of a table, of what has fields of the same names."""
    return {column.name: getattr(one, column.name) for column in table.columns}


def _found(database: Database, kind: type[Kept], table: Table, digest: str) -> tuple[Kept, Family] | None:
    """What is kept of a text, by its digest, with its family; asked once for both."""

    def query() -> Select[Any]:
        own = [table.c[name] for name in kind.__dataclass_fields__]
        joined = _families().add_columns(*own).join(table, table.c.family == sso_grant.c.id)
        return joined.where(table.c.digest == bindparam("digest"))

    for row in database.rows(("sso_found", table.name), query, {"digest": digest}):
        return kind(**{name: row[name] for name in kind.__dataclass_fields__}), _family(row)
    return None


def _families() -> Select[Any]:
    owner = account.alias("owner")
    alive = or_(owner.c.id.is_(None), owner.c.disabled_at.is_(None)).label("of_alive")
    own = [column.label(f"of_{name}") for name, column in FAMILY.items()]
    return select(*own, alive).select_from(sso_grant).outerjoin(owner, owner.c.id == sso_grant.c.account)


def _family(row: Mapping[str, Any]) -> Family:
    return Family(**{name.removeprefix("of_"): value for name, value in row.items() if name.startswith("of_")})


def family(database: Database, identity: uuid.UUID) -> Family | None:
    """By its id, whatever became of it."""

    def query() -> Select[Any]:
        return _families().where(sso_grant.c.id == bindparam("identity"))

    rows = database.rows(("sso_family",), query, {"identity": identity})
    return _family(rows[0]) if rows else None


def exchange(
    database: Database, table: Table, digest: str, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime
) -> bool:
    """Tokens for what is kept in a table, once: False where somebody was faster, or it or its family is over."""
    with database.writing() as ask:
        if not _used(ask, table, digest, family, moment):
            return False
        _put(ask, tokens)
    return True


def _used(ask: Ask, table: Table, digest: str, family: uuid.UUID, moment: dt.datetime) -> bool:
    """Use up what works once, of a family that is not over."""

    def query() -> Any:
        mine = [table.c.digest == bindparam("which"), table.c.used_at.is_(None), table.c.ends_at > bindparam("moment")]
        if "revoked_at" in table.c:
            mine.append(table.c.revoked_at.is_(None))
        held = update(table).where(*mine, exists(_held()))
        return held.values(used_at=bindparam("moment")).returning(table.c.digest)

    return bool(ask(("sso_used", table.name), query, {"which": digest, "held": family, "moment": moment}))


# ------------------------------------------------------------ codes


def begin(
    database: Database, family: Family, code: Code | ServiceTicket, asked: str, audited: Audited | None = None
) -> None:
    """A family that waits for its code, or service ticket, to be redeemed; the request that led to it is over.
    ``audited`` writes of it into the audit chain. ``SessionEnded``."""
    table = sso_code if isinstance(code, Code) else sso_service_ticket
    with database.begin() as connection:
        ask = database.asks(connection)
        require_session(ask, family)
        _sweep(database, ask, family.made_at)
        _insert(ask, sso_grant, [values(family, sso_grant)])
        _insert(ask, table, [values(code, table)])
        connection.execute(delete(sso_ask).where(sso_ask.c.digest == asked))
        if audited is not None:
            audited(connection)


def require_session(ask: Ask, family: Family) -> None:
    """Locks the session of a family: who ends it comes before, and is seen, or after, and ends the family with it.
    ``SessionEnded``."""

    def query() -> Select[Any]:
        mine = session.c.digest == bindparam("of")
        return select(session.c.digest).where(mine).with_for_update(read=True, key_share=True)

    if not ask(("sso_session",), query, {"of": family.session}):
        raise SessionEnded


def code(database: Database, digest: str) -> tuple[Code, Family] | None:
    """A code, used or not, and its family."""
    return _found(database, Code, sso_code, digest)


def redeem(
    database: Database, digest: str, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime
) -> bool:
    """Tokens for a code, once: False where somebody was faster, or the family is over."""
    return exchange(database, sso_code, digest, family, tokens, moment)


# ------------------------------------------------------------ service tickets


def service_ticket(database: Database, digest: str) -> tuple[ServiceTicket, Family] | None:
    """A service ticket, whatever became of it, and its family."""
    return _found(database, ServiceTicket, sso_service_ticket, digest)


def use(database: Database, ticket: ServiceTicket, moment: dt.datetime, audited: Audited) -> bool:
    """Use a service ticket up, once: False where somebody was faster, or it or its family is over. ``audited`` writes
    of it into the audit chain."""
    with database.begin() as connection:
        if not _used(database.asks(connection), sso_service_ticket, ticket.digest, ticket.family, moment):
            return False
        audited(connection)
    return True


# ------------------------------------------------------------ tokens


def rotate(
    database: Database, digest: str, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime
) -> bool:
    """New tokens for a refresh token, once: False where somebody was faster, or the family is over."""
    return exchange(database, sso_token, digest, family, tokens, moment)


def add(database: Database, family: Family, tokens: Sequence[Token]) -> None:
    """A family with its tokens at once: a client as itself."""
    with database.writing() as ask:
        _sweep(database, ask, family.made_at)
        _insert(ask, sso_grant, [values(family, sso_grant)])
        _put(ask, tokens)


def join(database: Database, family: uuid.UUID, tokens: Sequence[Token], moment: dt.datetime) -> bool:
    """More tokens of a family (an exchange); False where it is over."""
    with database.writing() as ask:
        if not ask(("sso_held",), _held, {"held": family, "moment": moment}):
            return False
        _put(ask, tokens)
    return True


def token(database: Database, digest: str) -> tuple[Token, Family] | None:
    """A token, whatever became of it, and its family."""
    return _found(database, Token, sso_token, digest)


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


def _held() -> Select[Any]:
    """Locks a family that is not over: who revokes it comes before, and is seen, or after, and ends what is given
    now."""
    c = sso_grant.c
    mine = and_(c.id == bindparam("held"), c.revoked_at.is_(None), c.ends_at > bindparam("moment"))
    return select(c.id).where(mine).with_for_update()


def _put(ask: Ask, tokens: Sequence[Token]) -> None:
    _insert(ask, sso_token, [values(one, sso_token) | {"audience": list(one.audience)} for one in tokens])


def _insert(ask: Ask, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    def query() -> Any:
        one = {column.name: column.type for column in table.columns}
        return insert(table).values(
            [{name: bindparam(f"{name}_{n}", type_=type_) for name, type_ in one.items()} for n in range(len(rows))]
        )

    if rows:
        named = {f"{name}_{n}": value for n, row in enumerate(rows) for name, value in row.items()}
        ask(("sso_insert", table.name, len(rows)), query, named)


def _sweep(database: Database, ask: Ask, moment: dt.datetime) -> None:
    """Forget some of what ended a day ago: as much as comes anew, and a little more."""

    def over() -> Select[Any]:
        ended = sso_grant.c.ends_at
        return select(sso_grant.c.id).where(ended < bindparam("old")).order_by(ended).limit(4)

    gone = [row["id"] for row in ask(("sso_old",), over, {"old": moment - dt.timedelta(days=1)})]
    for table in (sso_code, sso_service_ticket, sso_token, sso_grant) if gone else ():
        of_them = one_of(database.dialect, table.c.id if table is sso_grant else table.c.family, "gone")
        ask(("sso_sweep", table.name), partial(delete(table).where, of_them), {"gone": gone})
