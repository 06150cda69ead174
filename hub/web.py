"""The web application: the API, later the portal beside it, behind one guard."""

from __future__ import annotations

from starlette.types import ASGIApp

from hub.api import app
from hub.api.limits import Guarded
from hub.bootstrap import Opened


def application(opened: Opened) -> ASGIApp:
    """Everything that ``cophub serve`` serves."""
    return Guarded(app.made(opened), **app.limits(opened))
