"""The hub's own tickets: a JWT signed by EdDSA over Ed25519 (by its name of RFC 9864), redeemed at the hub."""

from __future__ import annotations

from sso.tickets.asked import Asked


class Own:
    """Single use, a minute at most, for one client and one registered target."""

    def ticket(self, asked: Asked) -> str:
        return asked.signed()
