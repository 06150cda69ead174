"""The second factor of local accounts: codes by time (RFC 6238), keys (``sso.passkeys``), and recovery codes on paper.

The key is sealed by the master key. Of each step of 30 seconds one code is taken, and none of an earlier step: a code
that was read over somebody's shoulder opens nothing. Recovery codes have 80 random bits and are kept as digests.
Wrong codes are counted per account in the store; they can only be tried by who knows the password.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import uuid
from functools import partial
from typing import Final

import pyotp
import segno

from hub.crypto import Cipher
from hub.errors import AuthError
from hub.exchange.ground import Hub
from hub.security import accounts
from hub.security.accounts import Origin, actor_of, digest
from hub.security.actors import Actor
from hub.security.rates import too_many
from hub.store import login_devices, logins, passkeys, seconds
from hub.store.accounts import AccountRow
from hub.store.passkeys import PasskeyRow

WITHIN: Final = dt.timedelta(minutes=10)
"""So long the second factor may take."""
STEP, AROUND = 30, 1
WRONG: Final = 10
WINDOW: Final = dt.timedelta(minutes=15)
CODES: Final = 10
PROVEN: Final = Origin(("pwd", "otp", "mfa"))


def has(hub: Hub, row: AccountRow) -> bool:
    """Whether an account has a second factor."""
    return has_codes(hub, row) or passkeys.has_any(hub.database, row.id)


def has_codes(hub: Hub, row: AccountRow) -> bool:
    """Whether it is codes by time, beside which there may be keys."""
    found = seconds.totp(hub.database, row.id)
    return found is not None and found.confirmed_at is not None


def required(hub: Hub, row: AccountRow) -> bool:
    """Whether it must have one, by ``login.second``."""
    rule = hub.workspace.hub.login.second
    if rule == "all":
        return True
    mine = hub.workspace.roles.actors.get(actor_of(row.name).name, [])
    return bool(set(rule) & set(mine))


def keys(hub: Hub, row: AccountRow) -> list[PasskeyRow]:
    """Its security keys and passkeys."""
    return passkeys.passkeys(hub.database, row.id)


def require_another(hub: Hub, row: AccountRow) -> None:
    """Before its owner takes one away. AuthError ``second.last`` where it must have one and this is the last."""
    if required(hub, row) and has_codes(hub, row) + len(keys(hub, row)) < 2:
        raise AuthError(
            "second.last", "your account must have a second step, and this is the last", hint="set up another one first"
        )


def wanted(hub: Hub, row: AccountRow) -> bool:
    """Whether a right password is not enough."""
    return has(hub, row) or required(hub, row)


# ------------------------------------------------------------ half a log-in


def begin(hub: Hub, row: AccountRow, onward: str) -> str:
    """The password was right; answers the token of what is half done."""
    token, moment = secrets.token_urlsafe(32), hub.clock()
    seconds.begin(hub.database, digest(token), row, onward, moment, moment - WITHIN)
    return token


def halfway(hub: Hub, token: str) -> tuple[AccountRow, str] | None:
    """Whose log-in is half done, and where he wanted to go; nobody where the account is disabled since."""
    found = seconds.current(hub.database, digest(token), hub.clock() - WITHIN) if token else None
    return None if found is None or found[0].disabled_at is not None else found


def whole(hub: Hub, token: str) -> bool:
    """It is done, once."""
    return seconds.end(hub.database, digest(token))


# ------------------------------------------------------------ codes


def proposed(hub: Hub, row: AccountRow, *, again: bool = False) -> str:
    """A new key in base 32, for the owner's app; it counts when he has confirmed it by a code. ``again``: the one that
    was proposed last, where it waits for that."""
    found = seconds.totp(hub.database, row.id) if again else None
    if found is not None and found.confirmed_at is None:
        return _cipher(hub).open(found.sealed, str(row.id)).decode()
    key = pyotp.random_base32()
    seconds.propose(hub.database, row.id, _cipher(hub).seal(key.encode(), str(row.id)), hub.clock())
    return key


def address(row: AccountRow, key: str) -> str:
    """The key as an address that apps open."""
    return pyotp.TOTP(key).provisioning_uri(row.name, "COP Hub")


def parted(key: str) -> str:
    """The key in groups, as people type it."""
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def picture(place: str) -> str:
    """The address as a QR code that cameras of apps read: SVG, without a style or a script in it."""
    made: str = segno.make(place, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None, border=2)
    return made


def confirmed(hub: Hub, row: AccountRow, code: str) -> list[str]:
    """The recovery codes of a key that its owner just confirmed; none where the code is wrong. Retriable
    ``request.many``."""
    found = seconds.totp(hub.database, row.id)
    step = None if found is None or found.confirmed_at else _counted(hub, row, code, found)
    if step is None:
        return []
    shown, kept = papers(row)
    told = partial(_told, actor_of(row.name), "second.added", row)
    return shown if seconds.confirm(hub.database, row.id, step, kept, hub.clock(), told) else []


def papers(row: AccountRow) -> tuple[list[str], list[str]]:
    """New recovery codes: as they are shown, and their digests."""
    made = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(CODES)]
    shown = ["-".join(one[at : at + 4] for at in range(0, 16, 4)) for one in made]
    return shown, [_paper(row, one) for one in made]


def renewed(hub: Hub, row: AccountRow) -> list[str]:
    """Other recovery codes in place of those before; none where there is no second factor."""
    if not has(hub, row):
        return []
    shown, kept = papers(row)
    seconds.renew(hub.database, row.id, kept, partial(_told, actor_of(row.name), "second.renewed", row))
    return shown


def fits(hub: Hub, row: AccountRow, code: str, device: str = "") -> bool:
    """Whether this is the code of now, or a recovery code; it is used up then. ``device`` is the digest of a browser
    that is known. Retriable ``request.many``."""
    text = "".join(code.split()).replace("-", "").lower()
    if len(text) == 16 and has(hub, row):
        trial = _trial(hub, row, device)
        told = partial(_told, actor_of(row.name), "second.recovered", row)
        right = seconds.take_code(hub.database, row.id, _paper(row, text), told)
        if right:
            logins.untry(hub.database, trial)
        return right
    found = seconds.totp(hub.database, row.id)
    if found is None or found.confirmed_at is None:
        return False
    step = _counted(hub, row, text, found, device)
    return step is not None and seconds.take_step(hub.database, row.id, step)


def removed(hub: Hub, actor: Actor, row: AccountRow) -> bool:
    """Take codes, keys and paper away, by who keeps the hub; answers whether there was a second factor."""
    return seconds.remove(hub.database, row.id, partial(_told, actor, "second.removed", row))


def dropped(hub: Hub, row: AccountRow) -> bool:
    """Take the codes by time away, by their owner, who may keep keys; answers whether there were some."""
    told = partial(_told, actor_of(row.name), "second.dropped", row)
    return seconds.remove(hub.database, row.id, told, all_=False)


def _counted(hub: Hub, row: AccountRow, code: str, found: seconds.Totp, device: str = "") -> int | None:
    """The step that a code is of; a wrong one is counted."""
    trial = _trial(hub, row, device)
    now = int(hub.clock().timestamp()) // STEP
    clock = pyotp.TOTP(_cipher(hub).open(found.sealed, str(row.id)).decode())
    given = "".join(code.split()).encode()
    step = None
    for one in range(now - AROUND, now + AROUND + 1):
        if hmac.compare_digest(clock.at(one * STEP).encode(), given):
            step = one
    if step is not None and step > found.step:
        logins.untry(hub.database, trial)
        return step
    return None


def _trial(hub: Hub, row: AccountRow, device: str) -> uuid.UUID:
    known = device and login_devices.whose(hub.database, device) == row.id
    whose = hashlib.sha256(f"second\0{row.id}\0{'device' if known else ''}".encode()).hexdigest()
    moment = hub.clock()
    trial = logins.try_once(hub.database, whose, WRONG, moment - WINDOW, moment)
    if trial is None:
        raise too_many(WINDOW.total_seconds())
    return trial


def _paper(row: AccountRow, code: str) -> str:
    return hashlib.sha256(f"{row.id}\0{code}".encode()).hexdigest()


def _cipher(hub: Hub) -> Cipher:
    return Cipher(hub.signer.opened(), "second")


def _told(actor: Actor, action: str, row: AccountRow, connection: object) -> None:
    accounts.audited(actor, connection, action, row.name, {})
