"""Which exchanges are late: their last good run, or the oldest thing that waits for them, is older than they allow."""

from __future__ import annotations

import datetime as dt

from hub.exchange.ground import Hub
from hub.store import alerts, inbox, standstills
from hub.store.journal import caught_up
from hub.workspace.shape import MappingFile
from hub.workspace.strict import seconds


def late_since(hub: Hub, mappings: list[MappingFile]) -> dict[str, dt.datetime]:
    """Exchange → since when it is late, of those that are.

    One with ``on_change`` is late where a commit of its model waits too long, one with ``on_event`` where an event
    does, and every other where its last run that ended well began too long ago, or there never was one.
    """
    moment, found = hub.clock(), dict[str, dt.datetime]()
    watched = {one.mapping: seconds(one.fresh_within) for one in mappings if one.fresh_within}
    if not watched:
        return found
    models = {
        one.mapping: one.from_ for one in mappings
        if one.mapping in watched and one.schedule == "on_change" and one.direction == "outbound"
    }  # fmt: skip
    behind = standstills.behind(hub.database, models) if models else {}
    events: dict[str, dt.datetime] = {}
    if any(one.schedule == "on_event" for one in mappings if one.mapping in watched):
        for waits in inbox.pending(hub.database):
            events[waits.exchange] = min(waits.oldest, events.get(waits.exchange, waits.oldest))
    for one in mappings:
        if one.mapping not in watched:
            continue
        name, allowed = one.mapping, dt.timedelta(seconds=watched[one.mapping])
        oldest: dt.datetime | None
        if name in models:
            oldest = alerts.unread_since(hub.database, name, models[name]) if name in behind else None
        elif one.schedule == "on_event":
            oldest = events.get(name)
        else:
            oldest = caught_up(hub.database, name, moment)
            if oldest is None:  # it has never ended well
                found[name] = moment
                continue
        if oldest is not None and oldest + allowed < moment:
            found[name] = oldest + allowed
    return found
