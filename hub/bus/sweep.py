"""Keeping outbox and inbox small: what was handed over long ago is forgotten."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hub.exchange.ground import Hub
from hub.store import changes, inbox, notices, outbox, signs
from hub.store.database import now
from hub.workspace.strict import seconds

EVERY = 600.0


@dataclass(slots=True)
class Sweep:
    """A duty of every worker; deleting twice does no harm."""

    hub: Hub
    due: dt.datetime | None = None

    def turn(self) -> bool:
        """At most every ten minutes; answers whether there may be more."""
        if self.due is not None and self.due > now():
            return False
        database = self.hub.database
        before = now() - dt.timedelta(seconds=seconds(self.hub.workspace.hub.keep_events))
        gone = sum(one.sweep(database, before) for one in (outbox, inbox, changes, notices, signs))
        self.due = now() + dt.timedelta(seconds=0 if gone else EVERY)
        return bool(gone)
