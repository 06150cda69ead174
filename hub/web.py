"""The web application: the API and the portal beside it, behind one guard."""

from __future__ import annotations

import threading

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api import app as api
from hub.api.limits import Guarded
from hub.api.problems import status_of
from hub.bootstrap import Opened
from hub.portal import app as portal
from sso import app as sso
from sso.ground import provider as ground_of

SSO = ("/sso/", "/.well-known/oauth-authorization-server/sso")


class Web:
    """Each request to its part: ``/`` and ``/portal`` to the portal, ``/sso`` to the provider where the hub is one,
    the rest, and the process's life, to the API."""

    def __init__(self, api: ASGIApp, portal: ASGIApp, sso: ASGIApp | None) -> None:
        self.api, self.portal, self.sso = api, portal, sso

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By its path."""
        path, app = scope.get("path", ""), self.api
        if scope["type"] == "http" and (path in ("/", "/portal") or path.startswith("/portal/")):
            app = self.portal
        elif scope["type"] == "http" and self.sso is not None and path.startswith(SSO):
            app = self.sso
        await app(scope, receive, send)


def application(opened: Opened, ending: threading.Event | None = None) -> ASGIApp:
    """Everything that ``cophub serve`` serves; streams end with ``ending``, which comes before the shutdown."""
    served = api.made(opened, ending)
    ground = served.state.ground
    provider = ground_of(opened.hub, opened.cipher)
    pages = portal.made(opened, status_of, ground.live, ground.performing, ground.starter, provider)
    whole = Web(served, pages, None if provider is None else sso.made(provider))
    return Guarded(whole, **api.limits(opened))
