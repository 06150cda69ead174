"""Security keys and passkeys in the store, and the challenges that they sign."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.store.account_tables import account
from hub.store.accounts import ACCOUNT, AccountRow
from hub.store.database import Database
from hub.store.login_tables import login_recovery, login_totp
from hub.store.passkey_tables import login_challenge, login_passkey
from hub.store.seconds import Told


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """One key; ``credential`` is its id in base64url, ``count`` the signatures that it says it has made."""

    id: uuid.UUID
    credential: str
    account: uuid.UUID
    public: bytes
    count: int
    name: str
    transports: str
    made_at: dt.datetime
    used_at: dt.datetime | None = None


_PASSKEY = [login_passkey.c[name] for name in PasskeyRow.__dataclass_fields__]


def passkeys(database: Database, of: uuid.UUID) -> list[PasskeyRow]:
    """The keys of an account, the oldest first."""
    query = select(*_PASSKEY).where(login_passkey.c.account == of).order_by(login_passkey.c.made_at, login_passkey.c.id)
    with database.begin(reading=True) as connection:
        return [PasskeyRow(*row) for row in connection.execute(query)]


def has_any(database: Database, of: uuid.UUID) -> bool:
    """Whether an account has a key."""
    query = select(login_passkey.c.id).where(login_passkey.c.account == of).limit(1)
    with database.begin(reading=True) as connection:
        return connection.scalar(query) is not None


def found(database: Database, credential: str) -> tuple[PasskeyRow, AccountRow] | None:
    """A key and whose it is."""
    query = select(*_PASSKEY, *ACCOUNT).join_from(login_passkey, account, account.c.id == login_passkey.c.account)
    with database.begin(reading=True) as connection:
        row = connection.execute(query.where(login_passkey.c.credential == credential)).one_or_none()
    size = len(_PASSKEY)
    return None if row is None else (PasskeyRow(*row[:size]), AccountRow(*row[size:]))


def add(database: Database, row: PasskeyRow, most: int, codes: Collection[str], told: Told) -> bool | None:
    """One more key. True where the digests of recovery codes that go with the first factor were kept as well; None
    where there are ``most`` already, or somebody has it."""
    mine = login_passkey.c.account == row.account
    try:
        with database.begin() as connection:
            if (connection.scalar(select(func.count()).select_from(login_passkey).where(mine)) or 0) >= most:
                return None
            connection.execute(insert(login_passkey).values({one.name: getattr(row, one.name) for one in _PASSKEY}))
            kept = select(login_recovery.c.digest).where(login_recovery.c.account == row.account).limit(1)
            first = connection.scalar(kept) is None
            if first:
                connection.execute(insert(login_recovery), [{"digest": one, "account": row.account} for one in codes])
            told(connection)
    except IntegrityError:
        return None
    return first


def count(database: Database, row: PasskeyRow, signed: int, moment: dt.datetime) -> bool:
    """Note a use. False where the key has counted as far already: there are two of it."""
    further = login_passkey.c.count < signed if signed else login_passkey.c.count == 0
    query = update(login_passkey).where(login_passkey.c.id == row.id, further)
    with database.begin() as connection:
        return bool(connection.execute(query.values(count=signed, used_at=moment)).rowcount)


def remove(database: Database, of: uuid.UUID, identity: uuid.UUID, told: Told) -> bool:
    """One key of an account less; recovery codes go with the last factor. Answers whether there was one."""
    mine = (login_passkey.c.account == of, login_passkey.c.id == identity)
    with database.begin() as connection:
        gone = bool(connection.execute(delete(login_passkey).where(*mine)).rowcount)
        if gone:
            other = select(login_passkey.c.id).where(login_passkey.c.account == of).limit(1)
            codes = (login_totp.c.account == of, login_totp.c.confirmed_at.is_not(None))
            timed = select(login_totp.c.account).where(*codes)
            if connection.scalar(other) is None and connection.scalar(timed) is None:
                connection.execute(delete(login_recovery).where(login_recovery.c.account == of))
            told(connection)
    return gone


# ------------------------------------------------------------ challenges


def challenge(
    database: Database, digest: str, holder: str, what: str, moment: dt.datetime, over: dt.datetime
) -> None:
    """Keep one; those made before ``over`` are forgotten."""
    with database.begin() as connection:
        connection.execute(delete(login_challenge).where(login_challenge.c.made_at < over))
        connection.execute(insert(login_challenge).values(digest=digest, holder=holder, what=what, made_at=moment))


def take(database: Database, digest: str, holder: str, what: str, over: dt.datetime) -> bool:
    """Whether it was made for this, and is taken now: once."""
    one = login_challenge.c
    query = delete(login_challenge).where(one.digest == digest, one.holder == holder, one.what == what)
    with database.begin() as connection:
        return bool(connection.execute(query.where(one.made_at >= over)).rowcount)
