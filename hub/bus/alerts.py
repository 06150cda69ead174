"""Watching exchanges, and telling people once when one failed, is late or is held, and once when that is over.

What holds is compared with what people were told; the difference goes into the outbox, one event for each channel. So a
channel that is dead is tried again later, and no run knows of it. No text holds a value of a record: it names the
exchange, a code, and where to look.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.bus.channels import tell
from hub.bus.transport import Carrier
from hub.contract import Secret
from hub.errors import ConfigError, Retriable
from hub.exchange.gates import gates
from hub.exchange.ground import Hub
from hub.exchange.late import late_since
from hub.store import alerts, journal
from hub.store.alerts import SUBJECT, Alarm
from hub.store.listing import last_runs
from hub.store.reports import lost_runs
from hub.workspace.alerting import Alert

EVERY: Final = 15.0
LEASE: Final = "alerts"
CODE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


@dataclass(slots=True)
class Watching:
    """A duty of the worker; where nobody is to be told it does nothing."""

    hub: Hub
    due: dt.datetime | None = None

    def turn(self) -> bool:
        """At most every 15 seconds; answers whether anybody is told something."""
        moment = self.hub.clock()
        if not self.hub.workspace.hub.alerts or (self.due is not None and self.due > moment):
            return False
        self.due = moment + dt.timedelta(seconds=EVERY)
        return watch(self.hub)


def watch(hub: Hub) -> bool:
    """Compare what holds with what was told, and store what is to be told; False where there is nothing, or somebody
    else is at it."""
    try:
        with journal.leases(hub.database, [LEASE]) as held:
            known, holds = alerts.standing(hub.database), holding(hub)
            raised = [one for key, one in holds.items() if one is not None and key not in known]
            over = [one for key, one in known.items() if key not in holds]
            told = [
                (channel, body(hub, one, state))
                for state, some in (("raised", raised), ("over", over))
                for one in some
                for channel, rule in hub.workspace.hub.alerts.items()
                if one.kind in rule.on and (not rule.exchanges or one.exchange in rule.exchanges)
            ]
            if raised or over:
                alerts.change(hub.database, held, raised, over, told, hub.clock())
            return bool(told)
    except Retriable as error:
        if error.code != "run.busy":
            raise
        return False


def holding(hub: Hub) -> dict[tuple[str, str], Alarm | None]:
    """What holds now, by exchange and kind; None where nothing can be said, and what was told goes on to hold."""
    mappings = [one for _, one in sorted(hub.workspace.mappings.items()) if one.enabled]
    names = [one.mapping for one in mappings]
    found: dict[tuple[str, str], Alarm | None] = {}
    lost, newest = lost_runs(hub.database), last_runs(hub.database, names)
    for name, run in alerts.decided(hub.database, names).items():
        if run.state in ("failed", "held"):
            code = str((run.error or {}).get("code", ""))
            found[name, run.state] = Alarm(name, run.state, _code(code), run.ended_at or hub.clock())
    for name, run in newest.items():
        if run.id in lost:
            found[name, "failed"] = Alarm(name, "failed", "run.lost", run.started_at or hub.clock())
    now = gates(hub)
    by_name = {one.mapping: one for one in mappings}
    for name, since in late_since(hub, mappings).items():
        waits = now.exchange(by_name[name])  # that it waits is known: nobody is told that it is late, too
        found[name, "late"] = None if waits is not None else Alarm(name, "late", "exchange.late", since)
    return found


def body(hub: Hub, one: Alarm, state: str) -> dict[str, Any]:
    """What an event of the outbox says."""
    return {
        "exchange": one.exchange,
        "kind": one.kind,
        "state": state,
        "code": one.code,
        "since": one.since.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _code(text: str) -> str:
    """A code of the hub; what is none is not repeated to people."""
    return text if CODE.fullmatch(text) else "internal"


class Alarms:
    """A bus with channels of alerts: a subject ``alert:NAME`` is one of them, everything else goes its way."""

    def __init__(self, inner: Carrier, hub: Hub, resolve: Callable[[str], Secret]) -> None:
        self._inner, self._hub, self._resolve = inner, hub, resolve

    def subscribers(self, subject: str) -> list[str]:
        """The channel, while it is declared."""
        if not subject.startswith(SUBJECT):
            return self._inner.subscribers(subject)
        return [subject] if subject.removeprefix(SUBJECT) in self._hub.workspace.hub.alerts else []

    def send(self, subscriber: str, event: Mapping[str, Any]) -> None:
        """Returns when the channel has taken it, and raises what it says where it has not."""
        if not subscriber.startswith(SUBJECT):
            self._inner.send(subscriber, event)
            return
        rule: Alert | None = self._hub.workspace.hub.alerts.get(subscriber.removeprefix(SUBJECT))
        if rule is None:
            message = f"{subscriber} is not declared any more"
            raise ConfigError("alert.channel", message, where="config/hub.yaml: alerts")
        tell(self._hub, rule, event, self._resolve)

    def wake(self, subject: str) -> None:
        if not subject.startswith(SUBJECT):
            self._inner.wake(subject)

    def close(self) -> None:
        self._inner.close()
