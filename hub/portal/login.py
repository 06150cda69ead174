"""Log in and out, and choose the language."""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import AuthError
from hub.portal.ground import (
    HOME,
    Form,
    Ground,
    Here,
    cookie,
    is_safe,
    language,
    onward,
    require_safe,
    stranger,
    visitor,
)
from hub.portal.words import LANGUAGES
from hub.security import accounts
from hub.security.accounts import form_token
from hub.store.accounts import keep

router = APIRouter()
YEAR = 365 * 24 * 3600


@router.get("/login")
def asked(
    request: Request, here: Here, next: Annotated[str, Query(max_length=2000)] = "", ended: str = "", out: str = ""
) -> Response:
    """The form; who is logged in goes on at once."""
    if visitor(request) is not None:
        return RedirectResponse(onward(next), 303)
    require_safe(request)
    return _page(request, here, next, "login.ended" if ended else "logout.done" if out else "")


def _page(
    request: Request, here: Ground, onward_: str, told: str = "", status: int = 200, **filled: Any
) -> Response:
    token, spoken = stranger(request), language(request)
    about = {
        "form": form_token(token), "next": onward(onward_), "told": told, "wrong": status != 200, "name": "",
        "seconds": 0, "me": None,
    }  # fmt: skip
    answer = here.pages.page("login.html", spoken, about | filled, status)
    _set(request, answer, "form", token)
    return answer


@router.post("/login")
def login(request: Request, here: Here, given: Form) -> Response:
    """A session of its own for every log-in. Wrong answers are counted by name and by address; names that nobody
    has as well."""
    require_safe(request)
    name, next_ = given.get("name", ""), given.get("next", "")
    address = request.client.host if request.client else ""
    called = hashlib.sha256(accounts.normal(name).encode()).hexdigest()
    wait = here.addresses.take(address) or here.names.take(called)  # a refused address takes nothing of a name
    if wait:
        seconds = math.ceil(wait)
        answer = _page(request, here, next_, "login.many", 429, name=name[:100], seconds=seconds)
        answer.headers["retry-after"] = str(seconds)
        return answer
    people = here.hub.workspace.hub.people
    database = here.hub.database
    try:
        row = accounts.proven(
            database, here.passwords, people.model if people else "", name, given.get("password", "")
        )
    except AuthError as error:
        if error.code != "login.refused":
            raise
        return _page(request, here, next_, "login.refused", 403, name=name[:100])
    here.addresses.refund(address)  # only what is wrong counts
    here.names.refund(called)
    former = visitor(request)
    if former is not None:
        accounts.end(database, former.token, former.account)
    token = accounts.begin(database, row, here.ends, here.hub.clock())
    answer = RedirectResponse(onward(next_), 303)
    _set(request, answer, "session", token)
    answer.delete_cookie(cookie(request, "form"), secure=is_safe(request), httponly=True, samesite="lax")
    return answer


@router.post("/logout")
def logout(request: Request, here: Here, given: Form) -> Response:
    """The session ends here and in the store."""
    found = visitor(request)
    if found is not None:
        accounts.end(here.hub.database, found.token, found.account)
    answer = RedirectResponse(f"{HOME}/login?out=1", 303)
    answer.delete_cookie(cookie(request, "session"), secure=is_safe(request), httponly=True, samesite="lax")
    return answer


@router.post("/language")
def choose(request: Request, here: Here, given: Form) -> Response:
    """Kept with the account, and in a cookie for the page before log-in."""
    answer = RedirectResponse(_back(given.get("back", "")), 303)
    wanted = given.get("language", "")
    if wanted in LANGUAGES:
        found = visitor(request)
        if found is not None:
            keep(here.hub.database, found.account.id, language=wanted)
        answer.set_cookie(
            "cophub-language", wanted, YEAR, path=HOME, secure=is_safe(request), httponly=True, samesite="lax"
        )
    return answer


def _back(place: str) -> str:
    return place if place == f"{HOME}/login" else onward(place)


def _set(request: Request, answer: Response, name: str, token: str) -> None:
    answer.set_cookie(
        cookie(request, name), token, secure=is_safe(request), httponly=True, samesite="lax", path="/"
    )
