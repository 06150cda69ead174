"""Log in and out, and choose the language."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import AuthError, HubError, Retriable
from hub.metrics import LOG_INS
from hub.portal import known
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
    set_cookie,
    stranger,
    visitor,
)
from hub.portal.words import LANGUAGES
from hub.security import accounts
from hub.security.accounts import Origin, form_token
from hub.security.rates import network
from hub.security.sessions import called
from hub.store.accounts import AccountRow, keep
from hub.store.sso_ends import moved
from hub.todos import feed
from hub.workspace.strict import Title
from sso import directories, passkeys, secondly
from sso.realms import HERE, realm

log = logging.getLogger("hub.portal")
router = APIRouter()
Seconds = Annotated[str, Query(pattern="^[0-9]{0,9}$")]


@router.get("/login")
def asked(
    request: Request, here: Here, next: Annotated[str, Query(max_length=2000)] = "", ended: str = "", out: str = "",
    again: str = "", hint: Annotated[str, Query(max_length=100)] = "", oldest: Seconds = "",
) -> Response:  # fmt: skip
    """The form; who is logged in goes on at once, unless he is to prove ``again`` who he is. ``oldest``: a provider may
    have seen him so many seconds ago."""
    if visitor(request) is not None and not again:
        return RedirectResponse(onward(next), 303)
    require_safe(request)
    told = "login.ended" if ended else "logout.done" if out else "login.again" if again else ""
    return begun_with(request, here, next, told, name=hint, oldest="0" if again else oldest)


def begun_with(
    request: Request, here: Ground, onward_: str, told: str = "", status: int = 200, **filled: Any
) -> Response:
    """The form, and what is told above it."""
    token, spoken = stranger(request), language(request)
    about = {
        "form": form_token(token), "next": onward(onward_), "told": told, "wrong": status != 200, "name": "",
        "seconds": 0, "me": None, "where": "", "directories": directory_titles(here, spoken),
        "providers": buttons(here, spoken), "keys": passkeys.offered(here.hub), "oldest": "",
    }  # fmt: skip
    answer = here.pages.page("login.html", spoken, about | filled, status)
    set_cookie(request, answer, "form", token)
    return answer


def directory_titles(here: Ground, spoken: str) -> dict[str, str]:
    """Directories by name, in the reader's language: their titles, else those of their systems."""
    workspace = here.hub.workspace
    return {
        name: _titled(one.title or workspace.system(one.system).title, spoken) or name
        for name, one in workspace.hub.login.directories.items()
    }


def buttons(here: Ground, spoken: str) -> dict[str, str]:
    """Providers by name, in the reader's language."""
    known = here.hub.workspace.hub.login.providers
    return {name: _titled(one.title, spoken) or name for name, one in known.items()}


def leading(request: Request, here: Ground, place: str, title: str) -> Response:
    """A page that goes on elsewhere by itself: the answer to a form may not, by our policy of content."""
    filled = {"form": "", "me": None, "place": place, "title": title}
    answer = here.pages.page("leading.html", language(request), filled)
    answer.headers["cache-control"] = "no-store"
    return answer


def _titled(title: Title, spoken: str) -> str:
    return str(feed.titled(title, spoken)) if isinstance(title, Mapping) else title


@router.post("/login")
def login(request: Request, here: Here, given: Form) -> Response:
    """A session of its own for every log-in. Wrong answers are counted by name and by address; names that nobody
    has as well. A browser that somebody logged in from before is counted apart: strangers do not lock him out there."""
    require_safe(request)
    name, next_, chosen, oldest = (given.get(one, "") for one in ("name", "next", "where", "oldest"))
    login = here.hub.workspace.hub.login
    where = realm(login, name, chosen)
    if where in login.providers:
        more = {"next": onward(next_), "hint": name[:200]} | ({"oldest": oldest} if oldest else {})
        place = f"{HOME}/login/with/{where}?{urlencode(more)}"
        return leading(request, here, place, buttons(here, language(request))[where])
    address, typed = network(request.client), known.called(where, name)
    again = partial(begun_with, request, here, next_, name=name[:100], where=chosen, oldest=oldest[:9])
    wait = here.addresses.take(address)  # a refused address takes nothing of a name, and no try of a browser
    if wait:
        return _slow(again, wait)
    device = known.known(request, typed)
    bucket = hashlib.sha256(f"{typed}\0{device}".encode()).hexdigest()
    if wait := here.names.take(bucket):
        known.unused(request, device)
        return _slow(again, wait)
    try:
        row, by = _proven(here, where, name, given, device)
    except HubError as error:
        if error.code != "login.refused":
            known.unused(request, device)
        if error.code == "request.many":
            return _slow(again, error.wait if isinstance(error, Retriable) and error.wait else 60)
        LOG_INS.labels("refused" if error.code == "login.refused" else "failed").inc()
        if error.code == "login.refused":
            return again("login.refused", 403)
        if isinstance(error, AuthError) and error.code in ("login.unlinked", "store.schema"):
            raise
        log.warning("log-in by %s: %s", chosen or "hub", error.code)
        return again("login.down", 503)
    here.addresses.refund(address)  # only what is wrong counts
    here.names.refund(bucket)
    known.unused(request, device)
    if where == HERE and secondly.wanted(here.hub, row):
        return half(request, here, row, onward(next_))
    return entered(request, here, row, by, next_, typed)


def half(request: Request, here: Ground, row: AccountRow, next_: str) -> Response:
    """The password was right; what follows is the second factor."""
    token = secondly.begin(here.hub, row, next_)
    answer = RedirectResponse(f"{HOME}/login/second", 303)
    set_cookie(request, answer, "half", token, int(secondly.WITHIN.total_seconds()))
    return answer


def _proven(
    here: Ground, where: str, name: str, given: Mapping[str, str], device: str
) -> tuple[AccountRow, Origin]:
    password = given.get("password", "")
    if where != HERE:
        with here.providers.turns.of(where):
            return directories.proven(here.hub, where, name, password, device)
    people = here.hub.workspace.hub.people
    model = people.model if people else ""
    return accounts.proven(here.hub.database, here.passwords, model, name, password), accounts.HERE


def _slow(again: Callable[..., Response], wait: float) -> Response:
    answer = again("login.many", 429, seconds=math.ceil(wait))
    answer.headers["retry-after"] = str(math.ceil(wait))
    return answer


def entered(
    request: Request, here: Ground, row: AccountRow, by: Origin, next_: str, typed: str = ""
) -> Response:
    """A new session for who was proven, in place of the one that this browser had, and onward. ``typed`` is by what
    name, where it is not that of the account."""
    former = visitor(request)
    by = replace(by, browser=called(request.headers.get("user-agent", "")))
    token = accounts.begin(here.hub.database, row, here.ends, here.hub.clock(), by)
    LOG_INS.labels("entered").inc()
    if former is not None:
        if former.account.id == row.id:  # he goes on where he is logged in
            moved(here.hub.database, accounts.digest(former.token), accounts.digest(token))
        accounts.end(here.hub.database, former.token, former.account)
    answer = RedirectResponse(onward(next_), 303)
    set_cookie(request, answer, "session", token)
    answer.delete_cookie(cookie(request, "form"), secure=is_safe(request), httponly=True, samesite="lax")
    known.remembered(request, answer, row, typed or row.name)
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
            "cophub-language", wanted, known.YEAR, path=HOME, secure=is_safe(request), httponly=True, samesite="lax"
        )
    return answer


def _back(place: str) -> str:
    return place if place == f"{HOME}/login" else onward(place)
