"""Security keys and passkeys: log in by one, add one, take one away. ``static/passkeys.js`` asks browsers for them."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import AuthError, HubError
from hub.portal.ground import (
    Form,
    Ground,
    Here,
    Me,
    Visit,
    cookie,
    language,
    require_fresh,
    require_safe,
)
from hub.portal.login import begun_with, entered
from hub.portal.second import ACCOUNT, enrolling, halfway, recovery
from hub.security.accounts import actor_of
from hub.security.rates import network
from sso import passkeys, secondly

router = APIRouter()


def _asked(options: str) -> Response:
    return Response(options, media_type="application/json", headers={"cache-control": "no-store"})


# ------------------------------------------------------------ log in


@router.post("/login/passkey/options")
def entering(request: Request, here: Here, given: Form) -> Response:
    """What a browser is asked by where nobody said who he is. Each costs a row for some minutes: so many an address."""
    require_safe(request)
    wait = here.addresses.take(network(request.client))
    if wait:
        return Response(status_code=429, headers={"retry-after": str(int(wait) + 1)})
    return _asked(passkeys.request(here.hub, None, _browser(request)))


@router.post("/login/passkey")
def enter(request: Request, here: Here, given: Form) -> Response:
    """A session, by a key that knew its owner."""
    require_safe(request)
    next_ = given.get("next", "")
    try:
        row = passkeys.entered(here.hub, _browser(request), given.get("answer", ""))
    except HubError as error:
        if error.code != "passkey.refused":
            raise
        return begun_with(request, here, next_, "passkey.refused", 403)
    here.addresses.refund(network(request.client))
    return entered(request, here, row, passkeys.ENTERED, next_)


def _browser(request: Request) -> str:
    token = request.cookies.get(cookie(request, "form"), "")
    if not token:
        raise AuthError("login.state", "no log-in is begun in this browser", hint="begin at the log-in")
    return token


@router.post("/login/second/options")
def half(request: Request, here: Here, given: Form) -> Response:
    """What a browser is asked by after the password: for a key of the account, or a new one where there must be one."""
    token, row, _ = halfway(request, here)
    asked = passkeys.request if secondly.has(here.hub, row) else passkeys.creation
    return _asked(asked(here.hub, row, token))


# ------------------------------------------------------------ one's own keys


@router.post("/log-ins/keys/options")
def adding(here: Here, me: Me, given: Form) -> Response:
    """What a browser is asked by for a new key."""
    _require_own(here, me)
    return _asked(passkeys.creation(here.hub, me.account, me.token))


@router.post("/log-ins/keys")
def add(request: Request, here: Here, me: Me, given: Form) -> Response:
    """One more key; with the first factor come recovery codes."""
    _require_own(here, me)
    answer, name = given.get("answer", ""), given.get("name", "")
    shown = enrolling(here, me.account, me.token, answer, name or called(request, here, me))
    filled: dict[str, Any] = {"codes": shown, "onward": ACCOUNT, "form": me.form, "me": me}
    return recovery(request, here, filled) if shown else RedirectResponse(ACCOUNT, 303)


@router.post("/log-ins/keys/remove")
def remove(here: Here, me: Me, given: Form) -> Response:
    """One key less, by who has just logged in; the last factor stays where there must be one."""
    _require_own(here, me)
    try:
        identity = uuid.UUID(given.get("id", ""))
    except ValueError:
        return RedirectResponse(ACCOUNT, 303)
    secondly.require_another(here.hub, me.account)
    passkeys.removed(here.hub, actor_of(me.account.name), me.account, identity)
    return RedirectResponse(ACCOUNT, 303)


def called(request: Request, here: Ground, me: Visit) -> str:
    """A name for who gave none."""
    number = len(secondly.keys(here.hub, me.account)) + 1
    return f"密钥 {number}" if language(request).startswith("zh") else f"Key {number}"


def _require_own(here: Ground, me: Visit) -> None:
    """Keys are for accounts whose password is kept here: others are known by who keeps theirs."""
    require_fresh(here, me)
    if not me.account.password:
        raise AuthError(
            "account.outer",
            f"the password of {me.account.name} is not kept here",
            hint="set up a second step where you log in",
        )
