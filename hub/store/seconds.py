"""Second factors of local accounts in the store, and log-ins that are half done."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from hub.store.account_tables import account
from hub.store.accounts import ACCOUNT, AccountRow, require_same
from hub.store.database import Database
from hub.store.login_tables import login_half, login_recovery, login_totp
from hub.store.passkey_tables import login_passkey

Told = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Totp:
    """The sealed key of an account; ``step`` is that of the last code that was taken."""

    account: uuid.UUID
    sealed: bytes
    confirmed_at: dt.datetime | None
    step: int


_TOTP = [login_totp.c[name] for name in Totp.__dataclass_fields__]


def totp(database: Database, of: uuid.UUID) -> Totp | None:
    """The key of an account, proposed or confirmed."""
    with database.begin(reading=True) as connection:
        row = connection.execute(select(*_TOTP).where(login_totp.c.account == of)).one_or_none()
    return None if row is None else Totp(*row)


def propose(database: Database, of: uuid.UUID, sealed: bytes, moment: dt.datetime) -> None:
    """A key that its owner is to confirm, in place of one that he did not; a confirmed one stays."""
    with database.begin() as connection:
        mine = login_totp.c.account == of
        connection.execute(delete(login_totp).where(mine, login_totp.c.confirmed_at.is_(None)))
        if connection.scalar(select(login_totp.c.account).where(mine)) is None:
            connection.execute(insert(login_totp).values(account=of, sealed=sealed, made_at=moment, step=0))


def confirm(
    database: Database, of: uuid.UUID, step: int, codes: Collection[str], moment: dt.datetime, told: Told
) -> bool:
    """The proposed key counts from now on, with digests of new recovery codes; False where another was faster."""
    open_ = (login_totp.c.account == of, login_totp.c.confirmed_at.is_(None))
    with database.begin() as connection:
        if not connection.execute(update(login_totp).where(*open_).values(confirmed_at=moment, step=step)).rowcount:
            return False
        connection.execute(delete(login_recovery).where(login_recovery.c.account == of))
        connection.execute(insert(login_recovery), [{"digest": one, "account": of} for one in codes])
        told(connection)
    return True


def take_step(database: Database, of: uuid.UUID, step: int) -> bool:
    """Whether the code of a step is taken now: once, and never one before it."""
    fresh = (login_totp.c.account == of, login_totp.c.confirmed_at.is_not(None), login_totp.c.step < step)
    with database.begin() as connection:
        return bool(connection.execute(update(login_totp).where(*fresh).values(step=step)).rowcount)


def take_code(database: Database, of: uuid.UUID, digest: str, told: Told) -> bool:
    """Whether a recovery code is taken now: once."""
    mine = (login_recovery.c.account == of, login_recovery.c.digest == digest)
    with database.begin() as connection:
        taken = bool(connection.execute(delete(login_recovery).where(*mine)).rowcount)
        if taken:
            told(connection)
    return taken


def renew(database: Database, of: uuid.UUID, codes: Collection[str], told: Told) -> None:
    """Digests of other recovery codes in place of those before."""
    with database.begin() as connection:
        connection.execute(delete(login_recovery).where(login_recovery.c.account == of))
        connection.execute(insert(login_recovery), [{"digest": one, "account": of} for one in codes])
        told(connection)


def remove(database: Database, of: uuid.UUID, told: Told, *, all_: bool = True) -> bool:
    """No codes by time any more, and with ``all_`` no keys; recovery codes go with the last factor. Answers whether
    there was one."""
    keys = login_passkey.c.account == of
    with database.begin() as connection:
        gone = bool(connection.execute(delete(login_totp).where(login_totp.c.account == of)).rowcount)
        if all_ and connection.execute(delete(login_passkey).where(keys)).rowcount:
            gone = True
        if connection.scalar(select(login_passkey.c.id).where(keys).limit(1)) is None:
            connection.execute(delete(login_recovery).where(login_recovery.c.account == of))
        if gone:
            told(connection)
    return gone


def begin(
    database: Database, digest: str, of: AccountRow, onward: str, moment: dt.datetime, over: dt.datetime
) -> None:
    """A log-in that is half done; what began before ``over`` is forgotten. AuthError ``login.state`` where the account
    was changed since its password was proven."""
    with database.begin() as connection:
        require_same(connection, of)
        connection.execute(delete(login_half).where(login_half.c.made_at < over))
        connection.execute(insert(login_half).values(digest=digest, account=of.id, onward=onward, made_at=moment))


def current(database: Database, digest: str, over: dt.datetime) -> tuple[AccountRow, str] | None:
    """Whose log-in is half done, and where he wanted to go."""
    query = select(login_half.c.onward, *ACCOUNT).join_from(login_half, account, account.c.id == login_half.c.account)
    with database.begin(reading=True) as connection:
        row = connection.execute(
            query.where(login_half.c.digest == digest, login_half.c.made_at >= over)
        ).one_or_none()
    return None if row is None else (AccountRow(*row[1:]), str(row[0]))


def end(database: Database, digest: str) -> bool:
    """It is whole, once: False where it was already."""
    with database.begin() as connection:
        return bool(connection.execute(delete(login_half).where(login_half.c.digest == digest)).rowcount)
