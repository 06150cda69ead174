"""Security keys and passkeys of local accounts: whose they are, and what they prove.

Origin and relying party are those of the hub's own ``address``, never of a request. A challenge is a row, for one
browser and one purpose, taken before its answer is looked at.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.util
import ipaddress
import secrets
import uuid
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hub.errors import AuthError, ConfigError, HubError
from hub.exchange.ground import Hub
from hub.security import accounts, audit
from hub.security.accounts import Origin, actor_of, digest
from hub.security.actors import Actor
from hub.store import passkeys
from hub.store.accounts import AccountRow, living
from hub.store.database import new_id
from hub.store.passkeys import PasskeyRow

if TYPE_CHECKING:
    from types import ModuleType

    from sso.ceremony import Party

WITHIN: Final = dt.timedelta(minutes=5)
"""So long an answer may take."""
MOST: Final = 20
"""Keys of one account."""
NAME: Final = 60
SECOND: Final = Origin(("pwd", "pop", "mfa"))
ENTERED: Final = Origin(("pop", "mfa"))
"""By a key that knew its owner by his finger, his face or a PIN: possession, and one thing more."""
PORTAL: Final = Actor("portal")


def offered(hub: Hub) -> bool:
    """Whether people may use keys here: browsers want TLS (but for localhost) and a host of letters, and the hub its
    extra."""
    parts = urlsplit(hub.workspace.hub.address or "")
    host = parts.hostname or ""
    safe = parts.scheme == "https" or host == "localhost"
    return bool(host) and safe and not _is_digits(host) and importlib.util.find_spec("webauthn") is not None


def _is_digits(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# ------------------------------------------------------------ a new key


def creation(hub: Hub, row: AccountRow, holder: str) -> str:
    """What a browser is asked for a new key by, as JSON. ``holder`` is the token in its cookie."""
    ceremony, own = _ground(hub)
    known = _known(passkeys.passkeys(hub.database, row.id))
    # the id of an account tells nothing of its person
    made: str = ceremony.creation(own, row.name, row.id.bytes, _challenge(hub, holder, "add"), known, _timeout())
    return made


def added(hub: Hub, row: AccountRow, holder: str, answer: str, name: str, codes: Sequence[str]) -> bool:
    """Keep the key that an answer is of; True where it is the first factor, so that the digests ``codes`` of recovery
    codes were kept with it. AuthError ``passkey.refused``, ConfigError ``passkey.many``."""
    ceremony, own = _ground(hub)
    try:
        made = ceremony.made(own, *_taken(hub, holder, "add", answer))
    except ceremony.Refused as error:
        raise _refused(str(error)) from None
    called = " ".join(name.split())[:NAME] or "Key"
    one = PasskeyRow(
        new_id(), made.credential, row.id, made.public, made.count, called, made.transports, hub.clock()
    )
    told = partial(_told, actor_of(row.name), "passkey.added", row, one)
    kept = passkeys.add(hub.database, one, MOST, codes, told)
    if kept is None:
        raise ConfigError(
            "passkey.many",
            f"this key is known here already, or the account has {MOST}",
            hint="take another key, or remove one first",
        )
    return kept


def removed(hub: Hub, actor: Actor, row: AccountRow, identity: uuid.UUID) -> bool:
    """Take a key away; answers whether the account had it."""
    mine = {one.id: one for one in passkeys.passkeys(hub.database, row.id)}
    if identity not in mine:
        return False
    told = partial(_told, actor, "passkey.removed", row, mine[identity])
    return passkeys.remove(hub.database, row.id, identity, told)


# ------------------------------------------------------------ proving


def request(hub: Hub, row: AccountRow | None, holder: str) -> str:
    """What a browser is asked by, as JSON: for the keys of an account, or where nobody said who he is, for whichever
    key it knows; that one must know its owner."""
    ceremony, own = _ground(hub)
    known = [] if row is None else _known(passkeys.passkeys(hub.database, row.id))
    challenge = _challenge(hub, holder, "enter" if row is None else "prove")
    asked: str = ceremony.request(own, challenge, known, _timeout(), verify=row is None)
    return asked


def proven(hub: Hub, row: AccountRow, holder: str, answer: str) -> None:
    """The second factor: by a key of this account. AuthError ``passkey.refused``."""
    _signed(hub, holder, "prove", answer, row.id)


def entered(hub: Hub, holder: str, answer: str) -> AccountRow:
    """Whose key this is, that knew its owner. AuthError ``passkey.refused``: also for a key that nobody has, a disabled
    account and a person who is there no more."""
    row = _signed(hub, holder, "enter", answer, None)
    people = hub.workspace.hub.people
    if row.disabled_at is not None or living(hub.database, people.model if people else "", row.person) is None:
        audit.note(hub.database, PORTAL, "session.refused", f"account:{row.name}")
        raise _refused("it opens no account any more")
    return row


def _signed(hub: Hub, holder: str, what: str, answer: str, of: uuid.UUID | None) -> AccountRow:
    ceremony, own = _ground(hub)
    told, challenge = _taken(hub, holder, what, answer)
    found = passkeys.found(hub.database, str(told["id"])[:2000])
    if found is None or of not in (None, found[1].id):
        raise _refused("it belongs to another account, or to nobody")
    one, row = found
    handle = told["response"].get("userHandle")
    if (handle or of is None) and handle != ceremony.encoded(row.id.bytes):
        raise _refused("it says that it is another account's")
    try:
        count = ceremony.signed(own, told, challenge, one.public, verify=of is None)
    except ceremony.Refused as error:
        raise _refused(str(error)) from None
    if not passkeys.count(hub.database, one, count, hub.clock()):
        details = {"passkey": str(one.id), "count": count, "known": one.count}
        audit.note(hub.database, PORTAL, "passkey.cloned", f"account:{row.name}", details=details)
        raise _refused("it has counted further before: there are two of this key")
    return row


# ------------------------------------------------------------ shared


def _ground(hub: Hub) -> tuple[ModuleType, Party]:
    """The library's side, and the hub as browsers know it. ConfigError ``passkey.off``."""
    if not offered(hub):
        raise ConfigError(
            "passkey.off",
            "security keys and passkeys cannot be used here",
            where="config/hub.yaml",
            hint="write address: https://hub.example.com (a name, not digits), and install cophub[webauthn]",
        )
    from sso import ceremony  # noqa: PLC0415 # an extra

    parts = urlsplit(hub.workspace.hub.address or "")
    port = parts.port if parts.port != {"https": 443, "http": 80}[parts.scheme] else None
    host = parts.hostname or ""
    return ceremony, ceremony.Party(f"{parts.scheme}://{host}{f':{port}' if port else ''}", host)


def _challenge(hub: Hub, holder: str, what: str) -> bytes:
    made, moment = secrets.token_bytes(32), hub.clock()
    passkeys.challenge(hub.database, _digest(made), digest(holder), what, moment, moment - WITHIN)
    return made


def _taken(hub: Hub, holder: str, what: str, answer: str) -> tuple[dict[str, Any], bytes]:
    """An answer as JSON, and the challenge, which is used up now."""
    ceremony, _ = _ground(hub)
    try:
        told, challenge = ceremony.read(answer)
    except ceremony.Refused as error:
        raise _refused(str(error)) from None
    if not passkeys.take(hub.database, _digest(challenge), digest(holder), what, hub.clock() - WITHIN):
        raise _refused("it answers what was asked elsewhere, before, or too long ago")
    return told, challenge


def _refused(why: str) -> HubError:
    return AuthError(
        "passkey.refused", f"the answer of the key is not taken: {why}", hint="try again, or take another way to log in"
    )


def _known(rows: Sequence[PasskeyRow]) -> list[tuple[str, str]]:
    return [(one.credential, one.transports) for one in rows]


def _told(actor: Actor, action: str, row: AccountRow, one: PasskeyRow, connection: object) -> None:
    accounts.audited(actor, connection, action, row.name, {"passkey": str(one.id), "name": one.name})


def _timeout() -> int:
    return int(WITHIN.total_seconds() * 1000)


def _digest(challenge: bytes) -> str:
    return hashlib.sha256(challenge).hexdigest()
