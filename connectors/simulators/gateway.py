"""What guards every service of SAP Gateway: Basic log-in, and a CSRF token that is bound to a session."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie

from connectors.simulators.wire import Refused, Request

_SESSION = "SAP_SESSIONID_SIM_100"


def basic(request: Request) -> tuple[str, str]:
    """User and password of the Authorization header, both empty where it holds none."""
    kind, _, coded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    return (user, password) if kind.lower() == "basic" else ("", "")


class Gateway:
    """``users`` name → password, in capitals."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._sessions: dict[str, str] = {}

    def authenticate(self, request: Request) -> str:
        """The user; 401 where nobody is let in."""
        user, password = basic(request)
        known = self._users.get(user.upper())
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            request.record("login", "refused", user)
            headers = {"WWW-Authenticate": 'Basic realm="SAP NetWeaver Application Server [SIM/100]"'}
            raise Refused(401, "401", "Logon failed", headers=headers)
        return user.upper()

    def csrf(self, request: Request) -> dict[str, str]:
        """The headers of a token that was asked for; 403 for a change without one."""
        cookie = SimpleCookie(request.headers.get("Cookie", "")).get(_SESSION)
        session = cookie.value if cookie else ""
        given = request.headers.get("X-CSRF-Token", "")
        if request.method in ("GET", "HEAD"):
            if given.lower() != "fetch":
                return {}
            if session not in self._sessions:
                session = secrets.token_hex(16)
                self._sessions[session] = secrets.token_urlsafe(24)
            cookie_text = f"{_SESSION}={session}; path=/; HttpOnly"
            return {"X-CSRF-Token": self._sessions[session], "Set-Cookie": cookie_text}
        if request.fault("expire") is not None:
            self._sessions.pop(session, None)
        if not session or self._sessions.get(session) != given:
            headers = {"X-CSRF-Token": "Required"}
            raise Refused(403, "/IWFND/CM_GWCOR/005", "CSRF token validation failed", headers=headers)
        return {}
