"""What becomes of log-ins at clients when a session of the portal ends: in the same transaction they are over, and
the clients are to be told. The session's own row goes first: what is being given to it at that moment is then either
there and ends, or is not given (``sso_grants.require_session``)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from hub import tracing
from hub.store import wake
from hub.store.database import Database, new_id, now
from hub.store.review_tables import redirect
from hub.store.sso_grants import revoked
from hub.store.sso_tables import sso_grant, sso_service_ticket, sso_subject
from hub.store.tables import outbox

SUBJECT: Final = "sso:"
"""Of events that tell one client; its name follows."""
SERVICE: Final = "cas:"
"""Of events that tell a service that logged in by CAS; the client's name follows."""


def ended(connection: Connection, sessions: Sequence[str], why: str) -> None:
    """Sessions (their digests) end. What a person let a client keep beyond (offline_access) goes on."""
    if sessions:
        _end(connection, sso_grant.c.session.in_(list(sessions)), why, everything=False)


def shut(connection: Connection, account: uuid.UUID, why: str) -> None:
    """An account opens nothing any more: all its log-ins everywhere are over."""
    _end(connection, sso_grant.c.account == account, why, everything=True)


def apart(connection: Connection, entities: Sequence[uuid.UUID], why: str) -> int:
    """Entities that were one are several again: the log-ins of one under the sub of another are over. Answers how
    many."""
    whose, told, into, of = sso_grant.c.person, sso_subject.c.person, redirect.alias("into"), redirect.alias("of")
    query = (
        select(sso_grant.c.id)
        .join(sso_subject, sso_subject.c.sub == sso_grant.c.sub)
        .outerjoin(into, into.c.entity == told)
        .outerjoin(of, of.c.entity == whose)
        .where(whose.in_(list(entities)), sso_grant.c.revoked_at.is_(None))
        .where(func.coalesce(into.c.target, told) != func.coalesce(of.c.target, whose))
    )
    found = list(connection.scalars(query))
    if found:
        _end(connection, sso_grant.c.id.in_(found), why, everything=True)
    return len(found)


def moved(database: Database, before: str, after: str) -> None:
    """The same person proved who he is once more: his log-ins belong to the newer session."""
    with database.begin() as connection:
        connection.execute(update(sso_grant).where(sso_grant.c.session == before).values(session=after))


def _end(connection: Connection, which: ColumnElement[bool], why: str, *, everything: bool) -> None:
    moment = now()
    ticket = sso_service_ticket
    query = (
        select(sso_grant.c.client, sso_grant.c.sub, sso_grant.c.sid, ticket.c.digest)
        .outerjoin(ticket, ticket.c.family == sso_grant.c.id)
        .where(which, sso_grant.c.session.is_not(None))
    )
    found = connection.execute(query).tuples().all()
    told = sorted({(client, sub, sid) for client, sub, sid, digest in found if digest is None})
    rows = [_event(f"{SUBJECT}{client}", {"sub": sub, "sid": sid}, moment) for client, sub, sid in told]
    # all tickets, used or not: one may be used at this very moment
    tickets = sorted((client, digest) for client, _, _, digest in found if digest is not None)
    rows += [_event(f"{SERVICE}{client}", {"ticket": digest}, moment) for client, digest in tickets]
    if rows:
        connection.execute(insert(outbox), rows)
        wake.call(connection)
    revoked(connection, which if everything else which & sso_grant.c.offline.is_(False), why, moment)
    connection.execute(update(sso_grant).where(which, sso_grant.c.session.is_not(None)).values(session=None))


def _event(subject: str, body: Mapping[str, str], moment: dt.datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "type": "session.ended",
        "subject": subject,
        "body": dict(body),
        "created_at": moment,
        "seq": 0,
        "trace": tracing.current(),
    }
