"""The web application: the API, later the portal beside it, behind one guard."""

from __future__ import annotations

import threading

from starlette.types import ASGIApp

from hub.api import app
from hub.api.limits import Guarded
from hub.bootstrap import Opened


def application(opened: Opened, ending: threading.Event | None = None) -> ASGIApp:
    """Everything that ``cophub serve`` serves; streams end with ``ending``, which comes before the shutdown."""
    return Guarded(app.made(opened, ending), **app.limits(opened))
