"""The second factor: asked for after the password, and set up."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import AuthError, HubError
from hub.portal.ground import HOME, Form, Ground, Here, Me, cookie, is_safe, language, require_safe, stranger
from hub.portal.login import entered, known_device, set_cookie
from hub.security.accounts import form_token
from hub.store.accounts import AccountRow
from sso import secondly

router = APIRouter()


def _halfway(request: Request, here: Ground) -> tuple[str, AccountRow, str]:
    token = request.cookies.get(cookie(request, "half"), "")
    found = secondly.halfway(here.hub, token)
    if found is None:
        raise AuthError("login.state", "no log-in is half done here, or it took too long", hint="begin at the log-in")
    return token, *found


def _page(request: Request, here: Ground, template: str, status: int = 200, **filled: Any) -> Response:
    token = stranger(request)
    about = {"form": form_token(token), "me": None, "told": "", "action": "/portal/login/second", "must": False}
    answer = here.pages.page(template, language(request), about | filled, status)
    if "form" not in filled:
        set_cookie(request, answer, "form", token)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.get("/login/second")
def asked(request: Request, here: Here) -> Response:
    """The code, or where there must be one and is none yet, a key for it."""
    require_safe(request)
    _, row, _ = _halfway(request, here)
    if secondly.has(here.hub, row):
        return _page(request, here, "second.html")
    return _enroll(request, here, row, must=True)


def _enroll(request: Request, here: Ground, row: AccountRow, **more: Any) -> Response:
    key = secondly.proposed(here.hub, row)
    parted = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
    return _page(request, here, "enroll.html", key=parted, place=secondly.address(row, key), **more)


@router.post("/login/second")
def given(request: Request, here: Here, given: Form) -> Response:
    """A session, where the code is right; who sets it up sees his recovery codes first."""
    token, row, onward = _halfway(request, here)
    code = given.get("code", "")[:100]
    try:
        if secondly.has(here.hub, row):
            right, codes = secondly.fits(here.hub, row, code, known_device(request)), []
        else:
            codes = secondly.confirmed(here.hub, row, code)
            right = bool(codes)
    except HubError as error:
        if error.code != "request.many":
            raise
        return _page(request, here, "second.html", 429, told="login.many", seconds=900)
    if not right or not secondly.whole(here.hub, token):
        if secondly.has(here.hub, row):
            return _page(request, here, "second.html", 403, told="second.wrong", seconds=0)
        return _page(request, here, "enroll.html", 403, told="second.wrong", key="", place="", must=True)
    answer = entered(request, here, row, secondly.PROVEN, onward)
    if codes:
        page = here.pages.page(
            "recovery.html", language(request), {"form": "", "me": None, "codes": codes, "onward": onward}
        )
        page.raw_headers.extend(one for one in answer.raw_headers if one[0] == b"set-cookie")
        page.headers["cache-control"] = "no-store"
        answer = page
    answer.delete_cookie(cookie(request, "half"), secure=is_safe(request), httponly=True, samesite="lax")
    return answer


@router.post("/log-ins/second")
def add(request: Request, here: Here, me: Me, given: Form) -> Response:
    """Set one up by one's own will: a key first, then the code of it."""
    if not me.account.password or secondly.has(here.hub, me.account):
        return RedirectResponse(f"{HOME}/log-ins", 303)
    own: dict[str, Any] = {"form": me.form, "me": me, "action": f"{HOME}/log-ins/second"}
    if "code" not in given:
        return _enroll(request, here, me.account, **own)
    codes = secondly.confirmed(here.hub, me.account, given["code"][:100])
    if not codes:
        return _page(request, here, "enroll.html", 403, told="second.wrong", key="", place="", **own)
    filled = {"codes": codes, "onward": f"{HOME}/log-ins"} | own
    return _page(request, here, "recovery.html", **filled)
