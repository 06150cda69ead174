"""Access tokens as products give them out: for a client, for a time by the product's own clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.simulators.tables import Clock
from connectors.simulators.wire import Request


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

    def client(self, request: Request, token: str) -> str | None:
        """Whose token it is, None where it is nobody's or its time is over. The fault ``expire`` ends all."""
        if request.fault("expire") is not None:
            self._given.clear()
        owner, until = self._given.get(token, ("", self._clock.now()))
        return owner if owner and until > self._clock.now() else None

    def renew(self, token: str) -> None:
        """Its time begins anew, where a product counts from the last use."""
        owner, _ = self._given[token]
        self._given[token] = (owner, self._clock.now() + timedelta(seconds=self.life))
