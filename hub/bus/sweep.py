"""Keeping the store small: what was handed over long ago, and runs that ended long ago, are forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from hub.exchange.documents.retention import sweep as sweep_contents
from hub.exchange.ground import Hub
from hub.store import changes, inbox, notices, outbox, retention, signs
from hub.store.database import now
from hub.workspace.strict import seconds

EVERY = 600.0


@dataclass(slots=True)
class Sweep:
    """A duty of every worker; deleting twice does no harm. Each batch is a transaction of its own, and between two of
    them the worker may end."""

    hub: Hub
    stopping: Callable[[], bool] = lambda: False
    due: dt.datetime | None = None

    def turn(self) -> bool:
        """At most every ten minutes; answers whether there may be more."""
        if self.due is not None and self.due > now():
            return False
        database, hub = self.hub.database, self.hub.workspace.hub
        events, runs = (now() - dt.timedelta(seconds=seconds(keep)) for keep in (hub.keep_events, hub.keep_runs))
        gone = 0
        for before, sweeps in (
            (events, [one.sweep for one in (outbox, inbox, changes, notices, signs)]),
            (runs, [retention.runs, retention.entries]),
        ):
            for sweep in sweeps:
                if self.stopping():
                    return False
                gone += sweep(database, before)
        gone += sweep_contents(database, self.hub.contents, now() - dt.timedelta(seconds=seconds(hub.contents.keep)))
        self.due = now() + dt.timedelta(seconds=0 if gone else EVERY)
        return bool(gone)
