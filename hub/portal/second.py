"""The second factor: asked for after the password, and set up."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import AuthError, HubError
from hub.portal.ground import (
    HOME,
    Form,
    Ground,
    Here,
    Me,
    cookie,
    is_safe,
    language,
    require_fresh,
    require_safe,
    set_cookie,
    stranger,
)
from hub.portal.known import known, unused
from hub.portal.login import entered
from hub.security.accounts import form_token
from hub.store.accounts import AccountRow
from sso import passkeys, secondly

router = APIRouter()
ACCOUNT: Final = f"{HOME}/log-ins"
HALF: Final = f"{HOME}/login/second"


def halfway(request: Request, here: Ground) -> tuple[str, AccountRow, str]:
    """The token of what is half done, whose it is, and where he wanted to go. AuthError ``login.state``."""
    token = request.cookies.get(cookie(request, "half"), "")
    found = secondly.halfway(here.hub, token)
    if found is None:
        raise AuthError("login.state", "no log-in is half done here, or it took too long", hint="begin at the log-in")
    return token, *found


def _page(request: Request, here: Ground, template: str, status: int = 200, **filled: Any) -> Response:
    token = stranger(request)
    about = {"form": form_token(token), "me": None, "told": "", "action": HALF, "must": False, "seconds": 0}
    answer = here.pages.page(template, language(request), about | filled, status)
    if "form" not in filled:
        set_cookie(request, answer, "form", token)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.get("/login/second")
def asked(request: Request, here: Here) -> Response:
    """The code or the key, or where there must be one and is none yet, one to set up."""
    require_safe(request)
    _, row, _ = halfway(request, here)
    return _ask(request, here, row)


def _ask(request: Request, here: Ground, row: AccountRow, told: str = "", status: int = 200, wait: int = 0) -> Response:
    if not secondly.has(here.hub, row):
        return _enroll(request, here, row, status, told=told, must=True)
    about = {"timed": secondly.has_codes(here.hub, row), "keys": bool(secondly.keys(here.hub, row))}
    return _page(request, here, "second.html", status, told=told, seconds=wait, **about)


def _enroll(request: Request, here: Ground, row: AccountRow, status: int = 200, **more: Any) -> Response:
    """A key for codes: a new one, or after a wrong code the same again."""
    key = secondly.proposed(here.hub, row, again=status != 200)
    place = secondly.address(row, key)
    about: dict[str, Any] = {
        "key": secondly.parted(key), "place": place, "picture": secondly.picture(place),
        "keys": "must" in more and passkeys.offered(here.hub),
    }  # fmt: skip
    return _page(request, here, "enroll.html", status, **(about | more))


@router.post("/login/second")
def given(request: Request, here: Here, given: Form) -> Response:
    """A session, where the code or the key is right; who sets it up sees his recovery codes first."""
    token, row, onward = halfway(request, here)
    by, codes, device = secondly.PROVEN, [], ""
    try:
        if "answer" in given:
            by = passkeys.SECOND
            if secondly.has(here.hub, row):
                passkeys.proven(here.hub, row, token, given["answer"])
            else:
                codes = enrolling(here, row, token, given["answer"], given.get("name", ""))
            right = True
        elif secondly.has(here.hub, row):
            device = known(request, row.name)
            right = secondly.fits(here.hub, row, given.get("code", "")[:100], device)
        else:
            codes = secondly.confirmed(here.hub, row, given.get("code", "")[:100])
            right = bool(codes)
    except HubError as error:
        unused(request, device)
        if error.code == "passkey.refused":
            return _ask(request, here, row, "passkey.refused", 403)
        if error.code != "request.many":
            raise
        return _ask(request, here, row, "login.many", 429, 900)
    if not right or not secondly.whole(here.hub, token):
        return _ask(request, here, row, "second.wrong", 403)
    answer = entered(request, here, row, by, onward)
    if codes:
        page = recovery(request, here, {"form": "", "me": None, "codes": codes, "onward": onward})
        page.raw_headers.extend(one for one in answer.raw_headers if one[0] == b"set-cookie")
        answer = page
    answer.delete_cookie(cookie(request, "half"), secure=is_safe(request), httponly=True, samesite="lax")
    return answer


def enrolling(here: Ground, row: AccountRow, holder: str, answer: str, name: str) -> list[str]:
    """One more key of an account; its new recovery codes where it is the first factor."""
    shown, kept = secondly.papers(row)
    return shown if passkeys.added(here.hub, row, holder, answer, name, kept) else []


def recovery(request: Request, here: Ground, filled: dict[str, Any]) -> Response:
    """Recovery codes, shown once."""
    page = here.pages.page("recovery.html", language(request), filled)
    page.headers["cache-control"] = "no-store"
    return page


# ------------------------------------------------------------ by one's own will


@router.post("/log-ins/second")
def add(request: Request, here: Here, me: Me, given: Form) -> Response:
    """Set codes up: a key first, then the code of it."""
    if not me.account.password or secondly.has_codes(here.hub, me.account):
        return RedirectResponse(ACCOUNT, 303)
    require_fresh(here, me)
    own: dict[str, Any] = {"form": me.form, "me": me, "action": f"{ACCOUNT}/second"}
    if "code" not in given:
        return _enroll(request, here, me.account, **own)
    codes = secondly.confirmed(here.hub, me.account, given["code"][:100])
    if not codes:
        return _enroll(request, here, me.account, 403, told="second.wrong", **own)
    return recovery(request, here, {"codes": codes, "onward": ACCOUNT} | own)


@router.post("/log-ins/second/remove")
def remove(here: Here, me: Me, given: Form) -> Response:
    """No codes by time any more, by who has just logged in; the last factor stays where there must be one."""
    require_fresh(here, me)
    secondly.require_another(here.hub, me.account)
    secondly.dropped(here.hub, me.account)
    return RedirectResponse(ACCOUNT, 303)


@router.post("/log-ins/second/codes")
def renew(request: Request, here: Here, me: Me, given: Form) -> Response:
    """Other recovery codes, by who has just logged in."""
    require_fresh(here, me)
    codes = secondly.renewed(here.hub, me.account)
    if not codes:
        return RedirectResponse(ACCOUNT, 303)
    return recovery(request, here, {"codes": codes, "onward": ACCOUNT, "form": me.form, "me": me})
