"""Access tokens as products give them out: for a client, for a time by the product's own clock."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, unquote_plus

from connectors.simulators.tables import Clock
from connectors.simulators.wire import Refused, Request


class Tokens:
    """The tokens of a product. ``life`` in seconds; a token that has more than ``kept`` seconds to live is
    given again instead of a new one."""

    def __init__(self, clock: Clock, life: float, *, prefix: str = "", kept: float | None = None) -> None:
        self._clock = clock
        self.life = life
        self._prefix = prefix
        self._kept = life if kept is None else kept
        self._given: dict[str, tuple[str, datetime]] = {}
        self._count = 0

    def give(self, request: Request, client: str) -> tuple[str, int]:
        """A token and its seconds; the log-in is in the operation log."""
        now = self._clock.now()
        request.record("login", "granted", client)
        for token, (owner, until) in self._given.items():
            left = (until - now).total_seconds()
            if owner == client and left > self._kept:
                return token, int(left)
        self._count += 1
        token = f"{self._prefix}{client}-{self._count:04d}"
        self._given[token] = (client, now + timedelta(seconds=self.life))
        return token, int(self.life)

    def client(self, request: Request, token: str, *, expires: bool = True) -> str | None:
        """Whose token it is, None where it is nobody's or its time is over. The fault ``expire`` ends all, where it
        is meant for access tokens."""
        if expires and request.fault("expire") is not None:
            self._given.clear()
        owner, until = self._given.get(token, ("", self._clock.now()))
        return owner if owner and until > self._clock.now() else None

    def by_client(self, request: Request, clients: Mapping[str, str]) -> tuple[str, int]:
        """A token by the client credentials of OAuth 2.0 (RFC 6749 §4.4), in the form or by Basic. Refused
        ``unsupported_grant_type`` or ``invalid_client``."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, "unsupported_grant_type", "only client_credentials")
        known = clients.get(client)
        if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
            request.record("login", "refused", client)
            raise Refused(401, "invalid_client", "invalid client credentials")
        return self.give(request, client)

    def renew(self, token: str) -> None:
        """Its time begins anew, where a product counts from the last use."""
        owner, _ = self._given[token]
        self._given[token] = (owner, self._clock.now() + timedelta(seconds=self.life))


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, coded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)
