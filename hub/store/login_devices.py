"""Browsers that somebody logged in from, in the store: each for one account and the name that he typed."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final

from sqlalchemy import case, delete, insert, select, update

from hub.store.database import Database
from hub.store.login_tables import login_device

WRONG: Final = 10
"""So many wrong answers in a row, then a browser is a stranger's."""
MOST: Final = 10
"""Browsers of one account; the oldest are forgotten."""


def whose(database: Database, digest: str) -> uuid.UUID | None:
    """The account whose owner used this browser."""
    with database.begin(reading=True) as connection:
        return connection.scalar(select(login_device.c.account).where(login_device.c.digest == digest))


def use(database: Database, digest: str) -> uuid.UUID | None:
    """Take one of its tries, before it is known whether it is right; answers the account. None where it is not known,
    and where it was wrong too often: then it is forgotten. Of several at once none too many gets through."""
    mine = login_device.c.digest == digest
    more = update(login_device).where(mine).values(wrong=login_device.c.wrong + 1)
    with database.begin() as connection:
        row = connection.execute(more.returning(login_device.c.account, login_device.c.wrong)).one_or_none()
        if row is not None and row.wrong > WRONG:
            connection.execute(delete(login_device).where(mine))
            return None
    return None if row is None else row.account


def unuse(database: Database, digest: str) -> None:
    """Give a try back: what was tried was right so far, or could not be tried."""
    less = case((login_device.c.wrong > 0, login_device.c.wrong - 1), else_=0)
    with database.begin() as connection:
        connection.execute(update(login_device).where(login_device.c.digest == digest).values(wrong=less))


def right(database: Database, digest: str, of: uuid.UUID) -> bool:
    """Its owner logged in, and it counts anew; False where it is not known to be his."""
    mine = (login_device.c.digest == digest, login_device.c.account == of)
    with database.begin() as connection:
        return connection.execute(update(login_device).where(*mine).values(wrong=0)).rowcount > 0


def add(database: Database, digest: str, of: uuid.UUID, moment: dt.datetime) -> None:
    """Know a browser from now on."""
    mine = login_device.c.account == of
    with database.begin() as connection:
        kept = select(login_device.c.digest).where(mine).order_by(login_device.c.made_at.desc()).limit(MOST - 1)
        recent = list(connection.scalars(kept))
        connection.execute(delete(login_device).where(mine, login_device.c.digest.not_in(recent)))
        connection.execute(insert(login_device).values(digest=digest, account=of, made_at=moment, wrong=0))
