"""My account: by what its owner logs in, and how he takes it away."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.portal.ground import Form, Here, Me, language, require_fresh
from hub.portal.login import buttons, directory_titles
from hub.portal.second import ACCOUNT
from hub.portal.shown import Reader
from hub.security.accounts import actor_of
from hub.store import logins
from sso import passkeys, secondly
from sso.links import unlinked_by

router = APIRouter()


@router.get("/log-ins")
def mine(request: Request, here: Here, me: Me) -> Response:
    """Second steps, keys, and what is linked."""
    hub, spoken = here.hub, language(request)
    reader, titles = Reader(spoken, hub.clock(), hub.workspace), buttons(here, spoken)
    issuers = {one.issuer: name for name, one in hub.workspace.hub.login.providers.items()}
    directories = directory_titles(here, spoken)
    issued = {issuer: titles[name] for issuer, name in issuers.items()}
    issued |= {f"ldap:{one.system}": directories[name] for name, one in hub.workspace.hub.login.directories.items()}
    links = logins.links(hub.database, me.account.id)
    held = {one.issuer for one in links}
    own = bool(me.account.password)
    keys = secondly.keys(hub, me.account) if own else []
    timed = own and secondly.has_codes(hub, me.account)
    filled: dict[str, Any] = {
        "me": me, "form": me.form, "time": reader.time, "own": own, "keys": keys, "timed": timed,
        "links": [(one, issued.get(one.issuer, one.issuer)) for one in links],
        "may_unlink": own or len(links) > 1,
        "may_drop": not secondly.required(hub, me.account) or timed + len(keys) > 1,
        "providers": {name: title for name, title in titles.items()
                      if hub.workspace.hub.login.providers[name].issuer not in held},
        "offered": passkeys.offered(hub),
    }  # fmt: skip
    answer = here.pages.page("account.html", spoken, filled)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.post("/log-ins/unlink")
def unlink(here: Here, me: Me, given: Form) -> Response:
    """No more by this one, by who has just logged in. Who has no password here keeps the last."""
    require_fresh(here, me)
    for one in logins.links(here.hub.database, me.account.id):
        if str(one.id) == given.get("id"):
            unlinked_by(here.hub, one, me.account, actor_of(me.account.name), last=bool(me.account.password))
    return RedirectResponse(ACCOUNT, 303)
