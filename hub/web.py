"""The web application: the API and the portal beside it, behind one guard."""

from __future__ import annotations

import threading

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api import app as api
from hub.api.limits import Guarded
from hub.api.problems import status_of
from hub.bootstrap import Opened
from hub.portal import app as portal


class Web:
    """Each request to its part: ``/`` and ``/portal`` to the portal, the rest, and the process's life, to the API."""

    def __init__(self, api: ASGIApp, portal: ASGIApp) -> None:
        self.api, self.portal = api, portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By its path."""
        path = scope.get("path", "")
        pages = scope["type"] == "http" and (path in ("/", "/portal") or path.startswith("/portal/"))
        await (self.portal if pages else self.api)(scope, receive, send)


def application(opened: Opened, ending: threading.Event | None = None) -> ASGIApp:
    """Everything that ``cophub serve`` serves; streams end with ``ending``, which comes before the shutdown."""
    served = api.made(opened, ending)
    ground = served.state.ground
    whole = Web(served, portal.made(opened, status_of, ground.live, ground.performing))
    return Guarded(whole, **api.limits(opened))
