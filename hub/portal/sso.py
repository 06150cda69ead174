"""Pages between a client and the provider: going on after log-in, which account, consent, log-out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.portal.ground import (
    HOME,
    Form,
    Ground,
    Here,
    Me,
    Visit,
    cookie,
    is_safe,
    language,
    stranger,
    visitor,
)
from hub.portal.pages import POLICY
from hub.portal.words import WORDS, say, sentence
from hub.security import accounts
from hub.security.accounts import digest, form_token
from hub.security.rates import network
from hub.store.accounts import AccountRow, SessionRow, current
from hub.store.sso_clients import Ask, forget
from hub.workspace.services import parsed
from hub.workspace.sso import ClientFile
from sso import answer, devices
from sso.answer import Choose, Consent, Go, Login, Step
from sso.authorize import waiting
from sso.ground import Provider
from sso.logout import is_his

router = APIRouter()
Id = Annotated[str, Query(max_length=100)]
Code = Annotated[str, Query(max_length=100)]


@router.get("/ask")
def asked(request: Request, here: Here, id: Id, go: str = "") -> Response:
    """The next step of a request: the log-in, a question, or back to the client. ``go`` is set where a form led here:
    a policy of the browser may then forbid that the answer leads elsewhere, so that a page does."""
    ask = _of_login(waiting(_provider(here), id))
    return _step(request, here, ask, id, form=bool(go))


@router.post("/ask")
def answered(request: Request, here: Here, given: Form) -> Response:
    """What the person chose, or whether he agrees to what he was shown."""
    sso, text = _provider(here), given.get("id", "")
    ask, known = _of_login(waiting(sso, text)), _session(request, here)
    step: Step | None = None
    if known is not None and "account" in given:
        step = answer.choose(sso, ask, known[1], known[0], given["account"])
    elif known is not None and "agree" in given:
        step = answer.agree(sso, ask, known[1], known[0], given.get("shown", ""), given["agree"] == "yes")
    return _step(request, here, ask, text, form=True, step=step)


def _session(request: Request, here: Ground) -> tuple[SessionRow, AccountRow] | None:
    found = visitor(request)
    return current(here.hub.database, digest(found.token)) if found is not None else None


def _step(
    request: Request, here: Ground, ask: Ask, text: str, *, form: bool, step: Step | None = None
) -> Response:
    if step is None:
        session, account = _session(request, here) or (None, None)
        step = answer.decide(_provider(here), ask, account, session)
    if isinstance(step, Go) and "device" not in ask.asked:  # of a device it was the device that asked
        _provider(here).strangers.refund(network(request.client))  # the row is gone
    if isinstance(step, Go) and step.fields:
        return _leave(request, here, ask, step.address, step.fields)
    if isinstance(step, Go):
        return _leave(request, here, ask, step.address) if form and "device" not in ask.asked else _away(step.address)
    if isinstance(step, Login):
        asked_ = {"next": f"{HOME}/sso/ask?{urlencode({'id': text, 'go': '1'})}", "again": "1" if step.again else ""}
        asked_ |= {"hint": step.hint, "oldest": "" if step.oldest is None else str(step.oldest)}
        return _away(f"{HOME}/login?{urlencode({name: value for name, value in asked_.items() if value})}")
    about: dict[str, Any] = {"id": text, "accounts": [], "claims": [], "code": ask.asked.get("user_code", "")}
    if isinstance(step, Choose):
        about["accounts"] = step.accounts
    if isinstance(step, Consent):
        about |= {"claims": list(_learned(step, language(request))), "shown": step.shown}
    return _page(request, here, "sso_ask.html", visitor(request), about | {"client": _title(request, here, ask)})


@router.get("/refused")
def refused(request: Request, here: Here, error: Code = "") -> Response:
    """A request whose client, or whose address of the client, is unknown: it goes nowhere. ``error`` is the cause, as
    ``Refused`` has it."""
    told = ConfigError(
        "sso.request",
        "an application asked for a log-in, or a log-out, in a way that the hub does not know of it",
        hint="go back to the application; who keeps it compares its settings with config/clients",
    )
    found, cause = visitor(request), f"sso.request.{error}"
    spoken = "zh" if language(request).partition("-")[0].lower() == "zh" else "en"
    words = say(spoken, cause) if cause in WORDS else sentence(spoken, told.code)
    about = {"sentence": words, "error": told, "request": str(getattr(request.state, "request", ""))}
    answer_ = _page(request, here, "error.html", found, about)
    answer_.status_code = here.status(told)
    return answer_


@router.get("/logout")
def leave(request: Request, here: Here, id: Id) -> Response:
    """Ends the session at once where the client showed whose it is; else he is asked."""
    sso, found = _provider(here), visitor(request)
    ask = _of_logout(waiting(sso, id))
    if found is None or is_his(sso, ask, found.account.person):
        return _ended(request, here, ask, found, form=False)
    return _page(request, here, "sso_logout.html", found, {"id": id})


@router.post("/logout")
def left(request: Request, here: Here, given: Form) -> Response:
    """He was asked, and wants it."""
    ask = _of_logout(waiting(_provider(here), given.get("id", "")))
    return _ended(request, here, ask, visitor(request), form=True)


def _ended(request: Request, here: Ground, ask: Ask, found: Visit | None, *, form: bool) -> Response:
    if found is not None:
        accounts.end(here.hub.database, found.token, found.account)
    forget(here.hub.database, ask.digest)
    _provider(here).strangers.refund(network(request.client))
    request.state.visit = None
    place = ask.asked["to"] or f"{HOME}/login?out=1"
    answer_ = _leave(request, here, ask, place) if form and ask.asked["to"] else _away(place)
    answer_.delete_cookie(cookie(request, "session"), secure=is_safe(request), httponly=True, samesite="lax")
    return answer_


# ------------------------------------------------------------ devices


@router.get("/device")
def device(request: Request, here: Here, me: Me, user_code: Code = "", done: str = "", error: Code = "") -> Response:
    """Where somebody types the code of a device, and what became of it."""
    _provider(here)
    told = "sso.device.done" if done else "sso.device.not" if error else ""
    return _device(request, here, me, user_code, told)


@router.post("/device")
def typed(request: Request, here: Here, me: Me, given: Form) -> Response:
    """A code leads to the question; wrong ones are counted as wrong passwords are."""
    code, address = given.get("user_code", ""), network(request.client)
    called = f"device {me.account.id}"
    wait = here.addresses.take(address) or here.names.take(called)
    if wait:
        answer_ = _device(request, here, me, code, "login.many", 429, math.ceil(wait))
        answer_.headers["retry-after"] = str(math.ceil(wait))
        return answer_
    try:
        text = devices.typed(_provider(here), code, digest(me.token))
    except ConfigError:
        return _device(request, here, me, code, "sso.device.unknown", 404)
    here.addresses.refund(address)  # only what is wrong counts
    here.names.refund(called)
    return _away(f"{HOME}/sso/ask?{urlencode({'id': text, 'go': '1'})}")


def _device(
    request: Request, here: Ground, me: Visit, code: str, told: str, status: int = 200, wait: int = 0
) -> Response:
    about = {"user_code": code[:20], "told": told, "seconds": wait, "wrong": status != 200}
    answer_ = _page(request, here, "sso_device.html", me, about)
    answer_.status_code = status
    return answer_


# ------------------------------------------------------------ shared


def _provider(here: Ground) -> Provider:
    assert here.sso is not None  # the pages are there where the hub is a provider
    return here.sso


def _of_login(ask: Ask) -> Ask:
    return ask if "logout" not in ask.asked else _other()


def _of_logout(ask: Ask) -> Ask:
    return ask if "logout" in ask.asked else _other()


def _other() -> Ask:
    raise ConfigError("sso.ask", "this is another request", hint="begin again in the application")


def _away(place: str) -> Response:
    return RedirectResponse(place, 303, {"cache-control": "no-store"})


def _leave(request: Request, here: Ground, ask: Ask, place: str, fields: Mapping[str, str] | None = None) -> Response:
    return onward(request, here, _title(request, here, ask), place, fields or {})


def onward(request: Request, here: Ground, title: str, place: str, fields: Mapping[str, str]) -> Response:
    """A page that leads to an application, by a form where there are ``fields``; it alone may post there."""
    about = {"place": place, "fields": fields, "client": title}
    answer_ = _page(request, here, "sso_post.html" if fields else "sso_leave.html", visitor(request), about)
    found = parsed(place)
    if fields and found is not None:
        policy = POLICY.replace("form-action 'self'", f"form-action 'self' {found.origin}")
        answer_.headers["content-security-policy"] = policy
    return answer_


def _page(request: Request, here: Ground, name: str, found: Visit | None, about: dict[str, Any]) -> Response:
    token = found.token if found is not None else stranger(request)
    filled = {"me": found, "form": form_token(token) if found is not None else ""}
    answer_ = here.pages.page(name, language(request), filled | about)
    answer_.headers["cache-control"] = "no-store"
    return answer_


def _title(request: Request, here: Ground, ask: Ask) -> str:
    file: ClientFile | None = here.hub.workspace.clients.get(ask.client)
    title = file.title if file is not None else ""
    if isinstance(title, str):
        return title or ask.client
    spoken = "zh" if language(request).partition("-")[0].lower() == "zh" else "en"
    return title.get(spoken) or title.get("en") or ask.client


def _learned(step: Consent, language_: str) -> Iterator[str]:
    """What the client learns, in words for people where there are some."""
    spoken = "zh" if language_.partition("-")[0].lower() == "zh" else "en"
    yield say(spoken, "sso.claim.sub")
    for name in dict.fromkeys(name.partition(".")[0] for name in step.claims):
        yield say(spoken, f"sso.claim.{name}") if f"sso.claim.{name}" in WORDS else name
    yield from (say(spoken, f"sso.scope.{name}") for name in step.scopes if f"sso.scope.{name}" in WORDS)
