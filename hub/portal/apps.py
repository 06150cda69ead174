"""The applications that a person may open, logged in."""

from __future__ import annotations

import re
import zlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.portal.ground import Ground, Here, Me, Visit, language
from hub.portal.sso import onward
from hub.portal.todos import reader_of
from sso import launch
from sso.launch import App
from sso.tickets.broker import Broker
from sso.tickets.broker import Visit as Going

router = APIRouter(prefix="/apps")
HUES: Final = 8
WORD: Final = re.compile(r"[^\W_]+")
CHINESE: Final = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


@router.get("")
def listed(request: Request, here: Here, me: Me, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Those with all words of ``q`` in a title or a name; for htmx the list alone."""
    told = [_shown(request, here, one) for one in _mine(here, me)]
    words = q.casefold().split()
    found = [one for one in told if all(word in one["text"] for word in words)]
    filled = {"apps": sorted(found, key=lambda one: str(one["title"]).casefold()), "q": q.strip(), "any": bool(told)}
    if "hx-request" in request.headers:
        return here.pages.page("apps_part.html", language(request), filled)
    return here.pages.page("apps.html", language(request), filled | {"me": me, "form": me.form})


@router.get("/{name}")
def opened(
    request: Request, here: Here, me: Me, name: str, account: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """On to an application: with a ticket where one opens it (``account`` tells for which), else to where it begins; it
    logs in at the hub then. ConfigError ``app.unknown`` for what he may not open."""
    found = next((one for one in _mine(here, me) if one.file.client == name), None)
    if found is None:
        raise ConfigError("app.unknown", "there is no such application for you", hint="go back to the applications")
    if found.by_ticket:
        place, fields = _broker(here).begin(
            found.file, Going(me.account.person, me.account.id, me.account.name, found.file.system or "", account)
        )
        answer = onward(request, here, _title(request, here, found), place, fields)
    else:
        answer = RedirectResponse(launch.beginning(_broker(here).here, found.file), 303, {"cache-control": "no-store"})
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


def _mine(here: Ground, me: Visit) -> list[App]:
    return list(launch.apps(_broker(here).here, me.person))


def _broker(here: Ground) -> Broker:
    assert here.broker is not None  # the pages are there where the hub is a provider
    return here.broker


def _title(request: Request, here: Ground, one: App) -> str:
    return reader_of(request, here).titled(one.file.title) or one.file.client


def _shown(request: Request, here: Ground, one: App) -> dict[str, Any]:
    """``text`` is what is searched: the titles in all languages."""
    file, title = one.file, _title(request, here, one)
    titles = file.title.values() if isinstance(file.title, dict) else [file.title]
    return {
        "name": file.client,
        "title": title,
        "initials": initials(title),
        "hue": zlib.crc32(file.client.encode()) % HUES,
        "accounts": one.accounts if one.by_ticket and len(one.accounts) > 1 else [],
        "text": " ".join([file.client, *titles]).casefold(),
    }


def initials(title: str) -> str:
    """What stands for an icon.

    >>> [initials(one) for one in ("SAP S/4HANA", "crm", "协同办公", "  ", "OA 系统")]
    ['SS', 'CR', '协', '•', '系']
    """
    chinese = CHINESE.search(title)
    if chinese is not None:
        return chinese[0]
    words = WORD.findall(title)
    return ("".join(word[0] for word in words[:2]) if len(words) > 1 else "".join(words)[:2]).upper() or "•"
