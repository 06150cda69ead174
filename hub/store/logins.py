"""Log-ins by what others prove, in the store: links to accounts, and trials of passwords."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.errors import ConfigError
from hub.store import persons, sso_ends
from hub.store.account_tables import account, session
from hub.store.accounts import ACCOUNT, AccountRow, Audited
from hub.store.database import Database, new_id
from hub.store.login_tables import login_link, login_trial


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Who somebody is elsewhere, and the account that he opens here."""

    id: uuid.UUID
    issuer: str
    subject: str
    account: uuid.UUID
    made_at: dt.datetime
    made_by: str
    used_at: dt.datetime | None = None


_LINK = [login_link.c[name] for name in LinkRow.__dataclass_fields__]


def linked(database: Database, issuer: str, subject: str) -> tuple[LinkRow, AccountRow] | None:
    """The account that a subject of an issuer opens."""
    query = select(*_LINK, *ACCOUNT).join_from(login_link, account, account.c.id == login_link.c.account)
    with database.begin(reading=True) as connection:
        row = connection.execute(
            query.where(login_link.c.issuer == issuer, login_link.c.subject == subject)
        ).one_or_none()
    return None if row is None else (LinkRow(*row[: len(_LINK)]), AccountRow(*row[len(_LINK) :]))


def links(database: Database, of: uuid.UUID | None = None) -> list[LinkRow]:
    """All links, or those of one account."""
    query = select(*_LINK).order_by(login_link.c.issuer, login_link.c.subject)
    with database.begin(reading=True) as connection:
        rows = connection.execute(query if of is None else query.where(login_link.c.account == of))
        return [LinkRow(*row) for row in rows]


def link(database: Database, row: LinkRow, opened: AccountRow, audited: Audited, *, new: bool) -> AccountRow:
    """Link a subject to an account, which is made in the same transaction where it is ``new``. Its name gets a number
    where another account has it. Nobody's link is replaced: ConfigError ``login.taken``."""
    try:
        return _linked(database, row, opened, audited, new=new)
    except IntegrityError:
        raise ConfigError(
            "login.taken", "this is linked to an account already", hint="cophub accounts links shows to which one"
        ) from None


def _linked(database: Database, row: LinkRow, opened: AccountRow, audited: Audited, *, new: bool) -> AccountRow:
    with database.begin() as connection:
        if new:
            opened = _named_once(connection, opened)
            connection.execute(insert(account).values({one.name: getattr(opened, one.name) for one in ACCOUNT}))
        connection.execute(insert(login_link).values({one.name: getattr(row, one.name) for one in _LINK}))
        audited(connection, "login.linked", opened.name, _told(row) | {"person": str(opened.person)})
    return opened


def _named_once(connection: Connection, row: AccountRow) -> AccountRow:
    names = [row.name, *(f"{row.name}#{number}" for number in range(2, 100))]
    taken = set(connection.scalars(select(account.c.name).where(account.c.name.in_(names))))
    return replace(row, name=next((name for name in names if name not in taken), f"{row.name}#{row.id}"))


def unlink(database: Database, row: LinkRow, name: str, audited: Audited, *, last: bool = True) -> None:
    """The subject opens nothing from now on; sessions that began by it end. ConfigError ``login.last`` where it is the
    last one of its account, and ``last`` is not to go: of two that go at once one stays."""
    with database.begin() as connection:
        if not last:
            owner = update(account).where(account.c.id == row.account)
            connection.execute(owner.values(name=account.c.name))  # one at a time
            mine = select(func.count()).select_from(login_link).where(login_link.c.account == row.account)
            if (connection.scalar(mine) or 0) < 2:
                raise ConfigError(
                    "login.last", "nobody could log in to this account any more", hint="link another one first"
                )
        connection.execute(delete(login_link).where(login_link.c.id == row.id))
        gone = delete(session).where(session.c.link == row.id).returning(session.c.digest)
        ended = list(connection.scalars(gone))
        sso_ends.ended(connection, ended, "login.unlinked")
        audited(connection, "login.unlinked", name, _told(row) | {"sessions": len(ended)})


def moved(database: Database, row: AccountRow, person: uuid.UUID, audited: Audited) -> None:
    """The account of the directory belongs to another person now; who is logged in by it is not any more."""
    with database.begin() as connection:
        connection.execute(update(account).where(account.c.id == row.id).values(person=person))
        ended = connection.execute(delete(session).where(session.c.account == row.id)).rowcount
        sso_ends.shut(connection, row.id, "account.moved")
        audited(
            connection, "account.moved", row.name,
            {"from": str(row.person), "to": str(person), "sessions": ended},
        )  # fmt: skip


def used(database: Database, row: LinkRow, moment: dt.datetime) -> None:
    """Note when somebody last logged in by it."""
    with database.begin() as connection:
        connection.execute(update(login_link).where(login_link.c.id == row.id).values(used_at=moment))


def _told(row: LinkRow) -> dict[str, str]:
    return {"issuer": row.issuer, "subject": row.subject}


def owners(database: Database, model: str, system: str, keys: Iterable[str]) -> dict[uuid.UUID, uuid.UUID]:
    """Whose a record of a system is: the persons linked to one of its keys, as they would be without merges, each with
    who he is today."""
    with database.begin(reading=True) as connection:
        found = persons.by_account(connection, model, system, [key for key in keys if key], apart=True)
        every = {one for ids in found.values() for one in ids}
        return persons.by_id(connection, database, model, every)


# ------------------------------------------------------------ trials of passwords


def try_once(database: Database, whose: str, most: int, since: dt.datetime, moment: dt.datetime) -> uuid.UUID | None:
    """Take one of the ``most`` trials since a moment; None where they are used up. Of several at once none too many
    gets through: each counts after its own is stored."""
    one, old = new_id(), moment - dt.timedelta(days=1)
    with database.begin() as connection:
        connection.execute(delete(login_trial).where(login_trial.c.tried_at < min(since, old)))
        connection.execute(insert(login_trial).values(id=one, whose=whose, tried_at=moment))
    with database.begin() as connection:
        recent = (login_trial.c.whose == whose, login_trial.c.tried_at > since)
        count = connection.scalar(select(func.count()).select_from(login_trial).where(*recent)) or 0
        if count > most:
            connection.execute(delete(login_trial).where(login_trial.c.id == one))
            return None
    return one


def untry(database: Database, one: uuid.UUID) -> None:
    """The trial was right, or was not made: it does not count."""
    with database.begin() as connection:
        connection.execute(delete(login_trial).where(login_trial.c.id == one))


def forget_trials(database: Database, whose: str) -> None:
    """All of somebody: he logged in, and the directory counts anew."""
    with database.begin() as connection:
        connection.execute(delete(login_trial).where(login_trial.c.whose == whose))
