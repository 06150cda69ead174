"""Local accounts: who logs in to the portal by a name and a password that the hub keeps itself, and the sessions
that follow.

A session is a random token of 256 bits in a cookie; the store keeps its SHA-256. It ends when it was not used for a
while, when it is old however much it is used, when its owner logs out, and when the account's password is changed or
the account is disabled.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from hub.errors import AuthError, ConfigError, HubError
from hub.security import audit
from hub.security.actors import Actor
from hub.security.passwords import Passwords, require_good
from hub.store import accounts
from hub.store.accounts import AccountRow, SessionRow
from hub.store.database import Database, new_id

NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,62}")
SEEN_EVERY: Final = dt.timedelta(minutes=1)


LONGEST: Final = 200


def normal(name: str) -> str:
    """A name as it is stored: the same in capitals. Of what is too long for one the beginning: to normalize takes the
    square of the length."""
    return unicodedata.normalize("NFKC", name[:LONGEST]).strip().casefold()


def actor_of(name: str) -> Actor:
    """Who an account is in the audit chain."""
    return Actor(f"account:{name}")


def add(
    database: Database, actor: Actor, passwords: Passwords, name: str, person: uuid.UUID, password: str,
    moment: dt.datetime,
) -> AccountRow:  # fmt: skip
    """A new account of a person. ConfigError ``account.name``, ``account.taken``, ``password.short``,
    ``password.long``, ``password.weak``."""
    name = normal(name)
    if NAME.fullmatch(name) is None:
        raise ConfigError(
            "account.name", f"{name!r} is no name of an account", hint="letters, digits, . @ + _ -; at most 63"
        )
    require_good(password, name)
    row = AccountRow(new_id(), name, person, passwords.hash(password), "", moment, actor.name, moment)
    accounts.add(database, row, partial(audited, actor))
    return row


def set_password(
    database: Database, actor: Actor, passwords: Passwords, name: str, password: str, moment: dt.datetime
) -> None:
    """Another password; whoever is logged in by the former one is not any more. ConfigError ``account.unknown``,
    ``account.outer`` and those of ``require_good``."""
    row = accounts.named(database, normal(name))
    if not row.password:
        raise ConfigError(
            "account.outer",
            f"the password of {row.name} is not kept here",
            hint="it is changed where its owner logs in; cophub accounts add makes an account of the hub",
        )
    require_good(password, row.name)
    values = {"password": passwords.hash(password), "changed_at": moment}
    accounts.change(database, row, "account.password", values, partial(audited, actor))


def disable(database: Database, actor: Actor, name: str, moment: dt.datetime) -> None:
    """It opens nothing from now on. ConfigError ``account.unknown``."""
    row = accounts.named(database, normal(name))
    accounts.change(database, row, "account.disabled", {"disabled_at": moment}, partial(audited, actor))


def enable(database: Database, actor: Actor, name: str) -> None:
    """It opens the portal again. ConfigError ``account.unknown``."""
    row = accounts.named(database, normal(name))
    accounts.change(database, row, "account.enabled", {"disabled_at": None}, partial(audited, actor))


def proven(database: Database, passwords: Passwords, model: str, name: str, password: str) -> AccountRow:
    """Whose name and password these are. AuthError ``login.refused``: the same, after the same work, for an unknown
    name, a wrong password, a disabled account and a person who is there no more."""
    row = accounts.find(database, normal(name)[:200])
    fits = passwords.fits((row.password or None) if row else None, password)
    if row is None or not fits or row.disabled_at is not None or accounts.living(database, model, row.person) is None:
        told = row.name if row else ""  # an unknown name may be a password typed into the wrong field
        audit.note(
            database,
            Actor("portal"),
            "session.refused",
            f"account:{told}",
            hashed={"name": normal(name)[:200]},
        )
        raise refused()
    if passwords.is_old(row.password):
        accounts.rehashed(database, row, passwords.hash(password))
    return row


def refused() -> HubError:
    """``login.refused``: the same whatever is wrong."""
    return AuthError(
        "login.refused",
        "the name or the password is wrong",
        hint="type both again; who keeps the hub can set a new password",
    )


# ------------------------------------------------------------ sessions


@dataclass(frozen=True, slots=True)
class Ends:
    """How long a session lasts: without being used, and at the longest."""

    idle: dt.timedelta
    longest: dt.timedelta

    def before(self, moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
        """Those last used, or begun, before these have ended."""
        return moment - self.idle, moment - self.longest


@dataclass(frozen=True, slots=True)
class Origin:
    """By what a session began: the link and the session of whoever proved its owner elsewhere, and the methods of
    RFC 8176. ``before``: he proved it there at some time, at ``proven_at`` where that is known; else just now."""

    methods: tuple[str, ...] = ("pwd",)
    link: uuid.UUID | None = None
    sid: str | None = None
    browser: str = ""
    before: bool = False
    proven_at: dt.datetime | None = None


HERE: Final = Origin()
"""The password of a local account."""


def begin(database: Database, row: AccountRow, ends: Ends, moment: dt.datetime, by: Origin = HERE) -> str:
    """A new session; answers its token, which is stored nowhere."""
    token = secrets.token_urlsafe(32)
    proven_at, words = by.proven_at if by.before else moment, " ".join(by.methods)
    one = SessionRow(digest(token), row.id, moment, moment, by.link, by.sid, words, by.browser, proven_at)
    accounts.begin(database, row, one, ends.before(moment), partial(audited, actor_of(row.name)))
    return token


def visitor(
    database: Database, token: str, ends: Ends, moment: dt.datetime, *, used: bool = True
) -> AccountRow | None:
    """Whose session it is; None where it has ended. ``used`` False looks only: what a page asks by itself keeps no
    session alive."""
    found = accounts.current(database, digest(token))
    if found is None:
        return None
    one, row = found
    idle, oldest = ends.before(moment)
    if row.disabled_at is not None:
        accounts.end(database, one.digest)
        return None
    if one.seen_at < idle or one.begun_at < oldest:
        accounts.expire(database, one.digest, (idle, oldest))
        return None
    if used and moment - one.seen_at >= SEEN_EVERY:
        accounts.seen(database, one.digest, moment)
    return row


def end(database: Database, token: str, row: AccountRow) -> None:
    """Log out."""
    told = partial(
        audit.record, actor=actor_of(row.name), action="session.ended", object=f"account:{row.name}"
    )
    accounts.end(database, digest(token), lambda connection: _nothing(told(connection)))


def digest(token: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(token: str) -> str:
    """What a form must carry that was made for who holds the token (CSRF); it does not lead back to it."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def _nothing(_: object) -> None:
    return None


def audited(actor: Actor, connection: Any, action: str, name: str, details: Mapping[str, Any]) -> None:
    """What happened to an account, in the audit chain, in the transaction that does it."""
    audit.record(connection, actor, action, f"account:{name}", details=dict(details))
