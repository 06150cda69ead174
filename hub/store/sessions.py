"""Sessions of one account, as its owner and operators see them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import delete, select

from hub.store import sso_ends
from hub.store.account_tables import session
from hub.store.accounts import SESSION, Audited, SessionRow
from hub.store.database import Database
from hub.store.login_tables import login_half


def of(database: Database, account: uuid.UUID, over: tuple[dt.datetime, dt.datetime]) -> list[SessionRow]:
    """The newest first, without those seen or begun before ``over``: they have ended."""
    mine = (session.c.account == account, session.c.seen_at >= over[0], session.c.begun_at >= over[1])
    query = select(*SESSION).where(*mine).order_by(session.c.begun_at.desc(), session.c.digest)
    with database.begin(reading=True) as connection:
        return [SessionRow(*row) for row in connection.execute(query)]


def end(
    database: Database, account: uuid.UUID, name: str, digests: Sequence[str], audited: Audited, *, halves: bool
) -> int:
    """Some of an account's sessions end, with the log-ins at clients that came of them, and with ``halves`` what is
    half done; answers how many."""
    mine = (session.c.account == account, session.c.digest.in_(list(digests)))
    with database.begin() as connection:
        gone = list(connection.scalars(delete(session).where(*mine).returning(session.c.digest)))
        sso_ends.ended(connection, gone, "session ended")
        if halves:
            connection.execute(delete(login_half).where(login_half.c.account == account))
        if gone:
            audited(connection, "session.ended", name, {"sessions": len(gone)})
    return len(gone)
