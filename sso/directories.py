"""Log-in by a directory's password: searched, bound once, and led to the person whose account it is.

An account is linked by its key: the person is whom the exchanges linked to that record of that system, and nobody is
found by a name or a mail. However often people try, the directory sees fewer wrong passwords than lock an account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from contextlib import ExitStack
from typing import Any

from hub.contract import Proven
from hub.errors import HubError
from hub.exchange.ground import Hub
from hub.security import accounts, audit
from hub.security.accounts import Origin
from hub.security.actors import Actor
from hub.security.rates import too_many
from hub.store import login_devices, logins
from hub.store.accounts import AccountRow
from hub.workspace.login import Directory
from hub.workspace.strict import seconds
from sso.links import Claimed, opened

PORTAL = Actor("portal")


def proven(hub: Hub, called: str, name: str, password: str, device: str = "") -> tuple[AccountRow, Origin]:
    """The account of who typed this, and how he was proven. ``device`` is the digest of a browser that is known.

    AuthError ``login.refused`` (the same for an unknown name, a wrong password, and an account that is locked or
    disabled), ``login.unlinked``; Retriable ``request.many`` where the directory is not asked for a while; those of
    the connector where it cannot be asked."""
    one = hub.workspace.hub.login.directories[called]
    moment = hub.clock()
    if not password:
        raise _refused(hub, called, name)  # no directory is asked: it would say yes
    with ExitStack() as stack:
        directory = hub.opened(stack, one.system)
        known: Proven | None = directory.account(one.resource, one.by, name)
        whose = _whose(hub, one, name, known, device)
        trial = logins.try_once(
            hub.database, whose, one.wrong, moment - dt.timedelta(seconds=seconds(one.window)), moment
        )
        if trial is None:
            raise too_many(seconds(one.window))
        fits = _tried(hub, directory, one, name, known, password, trial)
    if known is None or not fits:
        raise _refused(hub, called, name)
    logins.forget_trials(hub.database, whose)
    claimed = Claimed(
        f"ldap:{one.system}", known.foreign_id or known.key, f"{called}:{accounts.normal(known.name)}",
        one.system, (known.key, known.foreign_id),
    )  # fmt: skip
    row, link = opened(hub, claimed, follow=True)
    return row, Origin(("pwd",), link.id)


def _tried(
    hub: Hub, directory: Any, one: Directory, name: str, known: Proven | None, password: str, trial: Any
) -> bool:
    try:
        fits: bool = directory.prove(one.resource, one.by, name, known, password)
    except HubError:
        logins.untry(hub.database, trial)  # nobody was asked
        raise
    return fits


def _whose(hub: Hub, one: Directory, name: str, known: Proven | None, device: str) -> str:
    """Under what trials are counted: the account, or the name that nobody has; apart for browsers of its owner."""
    text = f"{one.system}\0{known.key}" if known else f"{one.system}\0?{accounts.normal(name)}"
    if known is not None and device:
        found = logins.linked(hub.database, f"ldap:{one.system}", known.foreign_id or known.key)
        if found is not None and login_devices.whose(hub.database, device) == found[1].id:
            text += "\0device"
    return hashlib.sha256(text.encode()).hexdigest()


def _refused(hub: Hub, called: str, name: str) -> HubError:
    hashed = {"name": accounts.normal(name)}
    audit.note(hub.database, PORTAL, "session.refused", f"login:{called}", hashed=hashed)
    return accounts.refused()
