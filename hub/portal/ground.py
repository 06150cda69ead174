"""What the pages stand on: the hub, who looks at them, and forms that nobody else can send for him."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.responses import Response

from hub.errors import AuthError, ConfigError, HubError
from hub.exchange.ground import Hub
from hub.identity.trees import Trees
from hub.portal.pages import Pages
from hub.portal.words import LANGUAGES, chosen
from hub.security import accounts
from hub.security.accounts import Ends, form_token
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.store.accounts import AccountRow, current, living
from hub.todos.live import Live
from hub.todos.settling import Performing
from sso.ground import Provider
from sso.tickets.broker import Broker
from sso.upstream.flow import Providers

HOME: Final = "/portal"
FIELDS: Final = 30
FRESH: Final = dt.timedelta(minutes=10)
"""So long ago a log-in may be for what asks for a fresh one."""
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Starter(Protocol):
    """What begins runs."""

    def start(self, run_key: str, exchange: str, work: Callable[[], object]) -> None:
        """Once per key, however often it is asked for."""
        ...

    def refused(self, run_key: str) -> HubError | None:
        """Why a run did not begin, or did not end well; None also where that is not known any more."""
        ...


@dataclass(slots=True)
class Ground:
    """Made once per process by ``hub.portal.app``. ``status`` tells the HTTP status of an error."""

    hub: Hub
    pages: Pages
    passwords: Passwords
    ends: Ends
    names: Buckets
    addresses: Buckets
    status: Callable[[HubError], int]
    live: Live
    performing: Performing
    starter: Starter
    providers: Providers
    trees: Trees
    sso: Provider | None = None
    broker: Broker | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page: the account, its person as he is today, and what his forms carry."""

    account: AccountRow
    person: uuid.UUID
    token: str

    @property
    def form(self) -> str:
        """What every form of his carries."""
        return form_token(self.token)


def ground(request: Request) -> Ground:
    """What the application was made with."""
    found: Ground = request.app.state.ground
    return found


Here = Annotated[Ground, Depends(ground)]


# ------------------------------------------------------------ cookies


def is_safe(request: Request) -> bool:
    """Whether the browser speaks TLS with us, or with the proxy before us that is believed."""
    return request.url.scheme == "https"


def require_safe(request: Request) -> None:
    """Passwords come over TLS, or from this machine itself. AuthError ``portal.plain``."""
    if not is_safe(request) and request.url.hostname not in LOOPBACK:
        raise AuthError(
            "portal.plain",
            "the portal takes passwords over https only",
            hint="put a proxy with TLS before the hub and name it: cophub serve --behind ADDRESS",
        )


def cookie(request: Request, name: str) -> str:
    """A cookie's name: over TLS one that no other host and no plain page can set (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-cophub-{name}" if is_safe(request) else f"cophub-{name}"


def set_cookie(request: Request, answer: Response, name: str, token: str, life: int | None = None) -> None:
    """A cookie that scripts do not see."""
    answer.set_cookie(
        cookie(request, name), token, life, secure=is_safe(request), httponly=True, samesite="lax", path="/"
    )


# ------------------------------------------------------------ who looks


def visit(request: Request) -> Visit:
    """Whose session it is. AuthError ``login.needed``."""
    found = visitor(request)
    if found is None:
        raise AuthError("login.needed", "nobody is logged in here, or the session has ended", hint="log in")
    return found


def visitor(request: Request) -> Visit | None:
    """The same, or nobody; asked of the store once per request."""
    if not hasattr(request.state, "visit"):
        request.state.visit = visited(request)
    found: Visit | None = request.state.visit
    return found


def visited(request: Request) -> Visit | None:
    """The same, asked of the store anew."""
    here, token = ground(request), request.cookies.get(cookie(request, "session"), "")
    people = here.hub.workspace.hub.people
    if not token or people is None:
        return None
    used = "live" not in request.query_params  # what a page asks by itself is no use of it
    row = accounts.visitor(here.hub.database, token, here.ends, here.hub.clock(), used=used)
    person = None if row is None else living(here.hub.database, people.model, row.person)
    return None if row is None or person is None else Visit(row, person, token)


Me = Annotated[Visit, Depends(visit)]


def require_fresh(here: Ground, me: Visit) -> None:
    """Who changes by what he logs in has just logged in: a session that somebody left open, or that was taken, opens no
    lasting way. AuthError ``login.again``."""
    found = current(here.hub.database, accounts.digest(me.token))
    proven_at = found[0].proven_at if found is not None else None
    if proven_at is None or here.hub.clock() - proven_at > FRESH:
        raise AuthError("login.again", "this asks for a log-in of the last minutes", hint="log in once more")


def language(request: Request) -> str:
    """The reader's language with its region: as he chose it, else as his browser says."""
    said = chosen(request.headers.get("accept-language", ""))
    found = getattr(request.state, "visit", None)
    kept = (found.account.language if found else "") or request.cookies.get("cophub-language", "")
    if kept not in LANGUAGES or kept == said.partition("-")[0].lower():
        return said
    return kept


# ------------------------------------------------------------ forms


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a form that was made for who sends it: it comes from a page of this origin, and carries what
    only that page knew. AuthError ``form.forged``."""
    own = f"{request.url.scheme}://{request.url.netloc}"
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin" or (origin or own) != own:
        raise _forged()
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS))
    except ValueError:
        raise ConfigError("request.malformed", "the form has too many fields") from None
    known = (request.cookies.get(cookie(request, name), "") for name in ("session", "form"))
    given = fields.pop("token", "").encode()
    if not any(token and hmac.compare_digest(form_token(token).encode(), given) for token in known):
        raise _forged()
    return {name: value.replace("\0", "") for name, value in fields.items()}


def _forged() -> HubError:
    return AuthError(
        "form.forged", "the form was not made for this session", hint="load the page again and send it once more"
    )


Form = Annotated[Mapping[str, str], Depends(form)]


def stranger(request: Request) -> str:
    """The token behind the forms of who is not logged in."""
    known = request.cookies.get(cookie(request, "form"), "")
    return known if len(known) == 43 else secrets.token_urlsafe(32)


def onward(place: str) -> str:
    """Where to go after log-in: a page of the portal, and nowhere else."""
    try:
        parts = urlsplit(place)
    except ValueError:
        return f"{HOME}/todos"
    inside = place.startswith(f"{HOME}/") and not parts.scheme and not parts.netloc
    plain = all(33 <= ord(letter) < 127 and letter != "\\" for letter in place)
    return place if inside and plain else f"{HOME}/todos"
