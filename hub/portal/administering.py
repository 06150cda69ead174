"""What all pages of administrators share: whose they are, and the frame around them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from hub.errors import ConfigError
from hub.portal.ground import Ground, Visit, language
from hub.portal.shown import Reader
from hub.security.accounts import actor_of
from hub.security.decisions import administer, require
from hub.workspace.roles import RolesFile

PAGES: Final = {
    "exchanges": "exchanges.read",
    "plans": "exchanges.read",
    "setaside": "exchanges.read",
    "reviews": "reviews.read",
    "deliveries": "exchanges.read",
    "stops": "exchanges.read",
    "drift": "drift.read",
    "reports": "reports.read",
    "mappings": "mappings.read",
    "people": "people.read",
    "clients": "clients.read",
    "systems": "systems.read",
    "audit": "audit.read",
}
"""Page → the act of administration that it is."""
DECIDES: Final = "exchanges.write"
"""What is pressed on the pages of exchanges."""


def pages_of(roles: RolesFile, name: str) -> list[str]:
    """The pages that an account may open."""
    return [page for page, act in PAGES.items() if administer(roles, actor_of(name), act, named=True).allowed]


def required(here: Ground, me: Visit, page: str, act: str = "") -> None:
    """AuthError ``access.refused``, which is recorded. ``act`` is what is pressed on the page."""
    require(here.hub.database, here.hub.workspace.roles, actor_of(me.account.name), act or PAGES[page], named=True)


def place(text: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """Where a list goes on (parts by comma), None at its beginning. ConfigError ``request.malformed``."""
    if not text:
        return None
    try:
        return tuple(kind(part) for kind, part in zip(kinds, text.split(","), strict=True))
    except (ValueError, ConfigError):
        raise ConfigError("request.malformed", "the page's address is cut", hint="begin at the first page") from None


def reader_of(request: Request, here: Ground) -> Reader:
    """For whom it is shown."""
    return Reader(language(request), here.hub.clock(), here.hub.workspace)


def answered(
    request: Request, here: Ground, me: Visit, page: str, template: str, filled: Mapping[str, Any]
) -> Response:
    """The whole page; for htmx its part that changes."""
    reader = reader_of(request, here)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    about: dict[str, Any] = {
        "me": me, "form": me.form, "page": page, "pages": pages_of(here.hub.workspace.roles, me.account.name),
        "time": reader.time, "system": reader.system, "titled": reader.titled, "back": back,
        "fresh": partial(secrets.token_urlsafe, 9),
    }  # fmt: skip
    name = f"{template}_part.html" if "hx-request" in request.headers else f"{template}.html"
    answer = here.pages.page(name, reader.language, about | dict(filled))
    answer.headers["cache-control"] = "no-store"
    return answer
