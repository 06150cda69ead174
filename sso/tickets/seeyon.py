"""Seeyon A8: a random ticket goes by /seeyon/login/sso, and Seeyon asks the hub whose it is."""

from __future__ import annotations

from sso.tickets.asked import Asked


class Seeyon:
    """Random, made here, known once; see ``sso.tickets.redeemed.restored`` for the call back."""

    def ticket(self, asked: Asked) -> str:
        return asked.kept()
