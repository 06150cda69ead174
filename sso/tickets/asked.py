"""What a dialect is given to make a ticket of, and what it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hub.errors import RecordRejected
from hub.workspace.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Asked:
    """Who goes where. ``values`` fill in templates; ``call`` posts a form to the system and answers its text; ``kept``
    makes a random ticket that the hub will know once; ``signed`` one of the hub's own."""

    rule: Tickets
    account: str
    values: Mapping[str, str]
    moment: dt.datetime
    secret: Callable[[], str]
    call: Callable[[str, Mapping[str, str]], str]
    kept: Callable[[], str]
    signed: Callable[[], str]


class Dialect(Protocol):
    """Makes tickets as one product knows them."""

    def ticket(self, asked: Asked) -> str:
        """A ticket for the account. RecordRejected ``ticket.refused`` where the system gives none."""
        ...


def refused(asked: Asked) -> RecordRejected:
    """What the system said is not repeated: it may hold what it was sent."""
    return RecordRejected(
        "ticket.refused",
        f"{asked.rule.dialect} gave no ticket for your account",
        hint="who keeps the system compares tickets in config/clients with it: app, secret, the hub's address",
    )
