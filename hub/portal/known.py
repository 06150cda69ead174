"""Browsers that somebody logged in from before: strangers who try his name do not lock him out there.

The cookie counts for the name that was typed when it was made, and for no other. It is worth some tries in a row, over
all processes; then it is forgotten, and who holds it is a stranger.
"""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import Request
from starlette.responses import Response

from hub.portal.ground import cookie, ground, set_cookie
from hub.security import accounts
from hub.store import login_devices
from hub.store.accounts import AccountRow
from sso.realms import HERE

YEAR: Final = 365 * 24 * 3600


def called(where: str, name: str) -> str:
    """What somebody typed, as his browser is known by it: the name of a local account is that itself."""
    text = accounts.normal(name)
    return text if where == HERE else f"{where}:{text}"


def known(request: Request, name: str) -> str:
    """The digest of a browser that the owner of a name logged in from; empty for strangers. It takes a try of it."""
    found = _digest(request, name)
    return found if found and login_devices.use(ground(request).hub.database, found) is not None else ""


def unused(request: Request, digest: str) -> None:
    """Give the try back."""
    if digest:
        login_devices.unuse(ground(request).hub.database, digest)


def remembered(request: Request, answer: Response, row: AccountRow, name: str) -> None:
    """The owner of an account logged in here by a name."""
    hub, found = ground(request).hub, _digest(request, name)
    if not found or not login_devices.right(hub.database, found, row.id):
        token = secrets.token_urlsafe(32)
        login_devices.add(hub.database, _bound(token, name), row.id, hub.clock())
        set_cookie(request, answer, "device", token, YEAR)


def _digest(request: Request, name: str) -> str:
    token = request.cookies.get(cookie(request, "device"), "")
    return _bound(token, name) if token else ""


def _bound(token: str, name: str) -> str:
    return accounts.digest(f"{token}\0{name}")
