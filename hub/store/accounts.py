"""Local accounts and their sessions in the store."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Uuid, bindparam, delete, func, insert, or_, select, update

from hub.errors import AuthError, ConfigError
from hub.store import sso_ends
from hub.store.account_tables import account, session
from hub.store.database import Database
from hub.store.login_tables import login_device, login_half
from hub.store.models import entity_table
from hub.store.review_tables import redirect
from hub.store.sso_tables import sso_grant

Audited = Callable[[Connection, str, str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account as it is stored; ``password`` is its Argon2id hash."""

    id: uuid.UUID
    name: str
    person: uuid.UUID
    password: str
    language: str
    made_at: dt.datetime
    made_by: str
    changed_at: dt.datetime
    disabled_at: dt.datetime | None = None
    used_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session; ``digest`` is the SHA-256 of its token. ``link`` and ``sid`` are of whoever proved its owner
    elsewhere, ``methods`` the words of RFC 8176 for how, divided by blanks; ``proven_at`` is when, where that is
    known."""

    digest: str
    account: uuid.UUID
    begun_at: dt.datetime
    seen_at: dt.datetime
    link: uuid.UUID | None = None
    sid: str | None = None
    methods: str | None = None
    browser: str = ""
    proven_at: dt.datetime | None = None


ACCOUNT = [account.c[name] for name in AccountRow.__dataclass_fields__]
SESSION = [session.c[name] for name in SessionRow.__dataclass_fields__]


def add(database: Database, row: AccountRow, audited: Audited) -> None:
    """ConfigError ``account.taken`` where an account of that name is there, disabled or not."""
    with database.begin() as connection:
        if connection.scalar(select(account.c.id).where(account.c.name == row.name)) is not None:
            raise ConfigError(
                "account.taken",
                f"there is an account {row.name!r} already",
                hint="cophub accounts password gives it a new one; or take another name",
            )
        connection.execute(insert(account).values({column.name: getattr(row, column.name) for column in ACCOUNT}))
        audited(connection, "account.made", row.name, {"person": str(row.person)})


def find(database: Database, name: str) -> AccountRow | None:
    """By its name."""
    with database.begin(reading=True) as connection:
        row = connection.execute(select(*ACCOUNT).where(account.c.name == name)).one_or_none()
    return None if row is None else AccountRow(*row)


def named(database: Database, name: str) -> AccountRow:
    """ConfigError ``account.unknown``."""
    row = find(database, name)
    if row is None:
        raise ConfigError("account.unknown", f"there is no account {name!r}", hint="see: cophub accounts")
    return row


def listed(database: Database) -> list[AccountRow]:
    """All accounts by name."""
    with database.begin(reading=True) as connection:
        return [AccountRow(*row) for row in connection.execute(select(*ACCOUNT).order_by(account.c.name))]


def change(database: Database, row: AccountRow, action: str, values: Mapping[str, Any], audited: Audited) -> None:
    """New values of an account; all its sessions end, and log-ins that are half done, and no browser is known any
    more."""
    with database.begin() as connection:
        connection.execute(update(account).where(account.c.id == row.id).values(dict(values)))
        connection.execute(delete(login_half).where(login_half.c.account == row.id))
        ended = connection.execute(delete(session).where(session.c.account == row.id)).rowcount
        connection.execute(delete(login_device).where(login_device.c.account == row.id))
        sso_ends.shut(connection, row.id, action)
        audited(connection, action, row.name, {"sessions": ended})


def keep(database: Database, identity: uuid.UUID, **values: Any) -> None:
    """Note what the account's owner chose (its language)."""
    with database.begin() as connection:
        connection.execute(update(account).where(account.c.id == identity).values(values))


def rehashed(database: Database, row: AccountRow, password: str) -> None:
    """The same password by a hash of newer parameters, if it was not changed meanwhile."""
    same = (account.c.id == row.id, account.c.password == row.password)
    with database.begin() as connection:
        connection.execute(update(account).where(*same).values(password=password))


# ------------------------------------------------------------ sessions


def begin(
    database: Database, row: AccountRow, one: SessionRow, over: tuple[dt.datetime, dt.datetime], audited: Audited
) -> None:
    """A new session. Those seen or begun before ``over`` have ended and are removed, whosever they are. AuthError
    ``login.state`` where the account was disabled, or got another password, since it was proven."""
    with database.begin() as connection:
        require_same(connection, row)
        _swept(connection, over)
        connection.execute(insert(session).values({column.name: getattr(one, column.name) for column in SESSION}))
        connection.execute(update(account).where(account.c.id == row.id).values(used_at=one.begun_at))
        audited(connection, "session.begun", row.name, {"methods": one.methods or "pwd"})


def require_same(connection: Connection, row: AccountRow) -> None:
    """What was proven of an account still holds, and does until the transaction ends. AuthError ``login.state``."""
    same = (account.c.id == row.id, account.c.changed_at == row.changed_at, account.c.disabled_at.is_(None))
    if connection.scalar(select(account.c.id).where(*same).with_for_update()) is None:
        raise AuthError("login.state", "the account was changed meanwhile", hint="begin again at the log-in")


def current(database: Database, digest: str) -> tuple[SessionRow, AccountRow] | None:
    """A session and whose it is."""
    query = select(*SESSION, *ACCOUNT).join_from(session, account, account.c.id == session.c.account)
    with database.begin(reading=True) as connection:
        row = connection.execute(query.where(session.c.digest == digest)).one_or_none()
    if row is None:
        return None
    size = len(SESSION)
    return SessionRow(*row[:size]), AccountRow(*row[size:])


def seen(database: Database, digest: str, moment: dt.datetime) -> None:
    """Note when a session was last used by its owner."""
    with database.begin() as connection:
        connection.execute(update(session).where(session.c.digest == digest).values(seen_at=moment))


def sweep(database: Database, over: tuple[dt.datetime, dt.datetime], model: str, moment: dt.datetime) -> int:
    """End sessions seen or begun before ``over``, and all log-ins of people who are disabled or gone; the clients are
    to be told. Answers how many sessions and log-ins."""
    golden, grant = database.tables[entity_table(model)].c, sso_grant.c
    there = select(golden["_id"]).where(golden["_id"] == func.coalesce(redirect.c.target, account.c.person))
    in_use = or_(
        select(session.c.digest).where(session.c.account == account.c.id).exists(),
        select(grant.id)
        .where(grant.account == account.c.id, grant.revoked_at.is_(None), grant.ends_at > moment)
        .exists(),
    )
    left = (
        select(account.c.id)
        .outerjoin(redirect, redirect.c.entity == account.c.person)
        .where(in_use, ~there.where(golden["_state"] == 0).exists())
    )
    with database.begin() as connection:
        count = len(_swept(connection, over))
        for one in connection.scalars(left).all():
            connection.execute(delete(session).where(session.c.account == one))
            connection.execute(delete(login_half).where(login_half.c.account == one))
            sso_ends.shut(connection, one, "person left")
            count += 1
    return count


def _swept(connection: Connection, over: tuple[dt.datetime, dt.datetime]) -> list[str]:
    """By the session's own times in the statement that ends it: one that was used meanwhile goes on."""
    old = delete(session).where(or_(session.c.seen_at < over[0], session.c.begun_at < over[1]))
    gone = list(connection.scalars(old.returning(session.c.digest)))
    sso_ends.ended(connection, gone, "session ended")
    return gone


def expire(database: Database, digest: str, over: tuple[dt.datetime, dt.datetime]) -> None:
    """One session ends, if it was not used since."""
    with database.begin() as connection:
        late = or_(session.c.seen_at < over[0], session.c.begun_at < over[1])
        gone = delete(session).where(session.c.digest == digest, late).returning(session.c.digest)
        sso_ends.ended(connection, list(connection.scalars(gone)), "session ended")


def end(database: Database, digest: str, audited: Callable[[Connection], None] | None = None) -> None:
    """It opens nothing any more."""
    with database.begin() as connection:
        gone = connection.execute(delete(session).where(session.c.digest == digest)).rowcount
        sso_ends.ended(connection, [digest], "session ended")
        if gone and audited is not None:
            audited(connection)


def living(database: Database, model: str, person: uuid.UUID) -> uuid.UUID | None:
    """Who a person is today: himself, or whom he was merged into; None where that one is disabled or deleted."""

    def query() -> Select[Any]:
        golden, named = database.tables[entity_table(model)].c, bindparam("person", type_=Uuid())
        into = select(redirect.c.target).where(redirect.c.entity == named).scalar_subquery()
        return select(golden["_id"]).where(golden["_id"] == func.coalesce(into, named), golden["_state"] == 0)

    rows = database.rows(("living", model), query, {"person": person})
    return rows[0]["_id"] if rows else None
