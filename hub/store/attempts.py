"""Log-ins under way at a provider, and what providers end again, in the store."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from hub.store import sso_ends
from hub.store.account_tables import session
from hub.store.database import Database
from hub.store.login_tables import login_attempt, login_link, login_replay


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log-in under way; ``digest`` is the SHA-256 of its state, ``browser`` that of what the browser's cookie
    holds. ``oldest``: so many seconds before it he may have proved who he is there; None: however long ago."""

    digest: str
    provider: str
    nonce: str
    verifier: str
    onward: str
    browser: str
    account: uuid.UUID | None
    made_at: dt.datetime
    oldest: int | None = None


_ATTEMPT = [login_attempt.c[name] for name in Attempt.__dataclass_fields__]


def begin(database: Database, one: Attempt, over: dt.datetime) -> None:
    """Keep it; what began before ``over`` is forgotten."""
    with database.begin() as connection:
        connection.execute(delete(login_attempt).where(login_attempt.c.made_at < over))
        connection.execute(insert(login_attempt).values({each.name: getattr(one, each.name) for each in _ATTEMPT}))


def take(database: Database, digest: str, over: dt.datetime) -> Attempt | None:
    """The attempt of a state, once: whoever asks again gets nothing."""
    with database.begin() as connection:
        gone = delete(login_attempt).where(login_attempt.c.digest == digest, login_attempt.c.made_at >= over)
        row = connection.execute(gone.returning(*_ATTEMPT)).one_or_none()
    return None if row is None else Attempt(*row)


def once(database: Database, digest: str, until: dt.datetime, moment: dt.datetime) -> bool:
    """Whether a token was not taken before; it counts as taken from now on."""
    try:
        with database.begin() as connection:
            connection.execute(delete(login_replay).where(login_replay.c.until < moment))
            connection.execute(insert(login_replay).values(digest=digest, until=until))
    except IntegrityError:
        return False
    return True


def end(
    database: Database, issuer: str, subject: str, sid: str, audited: Callable[[Connection, int], None]
) -> int:
    """End the sessions that began by an issuer: of a subject, or of one session there, or of both. Answers how many."""
    of = select(login_link.c.id).where(login_link.c.issuer == issuer)
    if subject:
        of = of.where(login_link.c.subject == subject)
    gone = delete(session).where(session.c.link.in_(of))
    with database.begin() as connection:
        which = gone.where(session.c.sid == sid) if sid else gone
        ended = list(connection.scalars(which.returning(session.c.digest)))
        sso_ends.ended(connection, ended, "ended by the issuer")
        audited(connection, len(ended))
    return len(ended)
