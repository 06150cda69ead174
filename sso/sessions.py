"""Sessions that end by themselves: by time, and of people who left. Their clients learn of it by the outbox."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from hub.exchange.ground import Hub
from hub.security.accounts import Ends
from hub.store import accounts
from hub.store.database import now
from hub.workspace.strict import seconds

EVERY: Final = dt.timedelta(seconds=20)


@dataclass(slots=True)
class Sessions:
    """A duty of the worker; several do no harm."""

    hub: Hub
    due: dt.datetime | None = None

    def turn(self) -> bool:
        """At most every 20 seconds; answers whether anything ended."""
        people, rules = self.hub.workspace.hub.people, self.hub.workspace.hub.portal
        if people is None or (self.due is not None and self.due > now()):
            return False
        self.due = now() + EVERY
        ends = Ends(dt.timedelta(seconds=seconds(rules.idle)), dt.timedelta(seconds=seconds(rules.longest)))
        moment = self.hub.clock()
        return accounts.sweep(self.hub.database, ends.before(moment), people.model, moment) > 0
