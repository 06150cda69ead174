"""Taking events from a broker: stored in the inbox first, acknowledged then.

What comes again, because somebody died between the two, is known by its source and id and has no second effect. What
cannot be taken becomes a dead letter with its cause; those behind it go on. While the hub's database is away nothing is
taken, so that events wait on the broker.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec

from hub.bus.accept import Door
from hub.bus.broker import Arrival, Broker, Message
from hub.bus.cloudevents import is_envelope, parse
from hub.bus.shares import Shares
from hub.errors import ConfigError, HubError, RecordRejected
from hub.failpoints import reach
from hub.store.database import now

BATCH = 500
QUIET = 0.5
FIRST, LONGEST = 0.5, 15.0
BINARY = ("cloudEvents_", "cloudEvents:")
ATTRIBUTES = ("id", "source", "specversion", "type", "subject", "time", "traceparent")


@dataclass(slots=True)
class Intake:
    """``turn`` stores what has arrived and answers whether there was anything. With ``waits`` it listens until
    something arrives, ``stopping`` says so, or the broker is away: then ``due`` is when it is tried again."""

    door: Door
    broker: Broker
    tell: Callable[[str], None]
    stopping: Callable[[], bool]
    waits: bool = True
    due: dt.datetime | None = None
    _shares: Shares | None = None
    _held: Sequence[Arrival] = ()
    _failures: int = 0
    _told: str = ""
    _counts: dict[str, int] = field(default_factory=lambda: {"new": 0, "repeated": 0, "dead": 0})

    def __post_init__(self) -> None:
        if self.waits:
            self._shares = Shares(self.door.hub.database, self.broker)

    @property
    def done(self) -> dict[str, int]:
        """How many events were ``new``, ``repeated``, or ``dead`` letters."""
        return dict(self._counts)

    def turn(self) -> bool:
        """One batch, at most 500 events."""
        if self.due is not None and self.due > now():
            return False
        try:
            worked = self._batch()
        except HubError as error:
            if not error.code.startswith("bus."):  # the store: what is at hand is tried again
                raise
            if error.code != "bus.blocked":  # its connection is gone: all of it comes again
                self.close()
            self._failures += 1
            self.due = now() + dt.timedelta(seconds=min(FIRST * 2 ** min(self._failures, 8), LONGEST))
            if not self.waits:
                raise
            self._say(str(error))
            return False
        self.due, self._failures = None, 0
        self._say("")
        return worked

    def close(self) -> None:
        """What is at hand and not stored comes again, to whoever listens."""
        self._held = ()
        self.broker.close()
        if self._shares is not None:
            self._shares.end()

    def _batch(self) -> bool:
        self._held = self._held or self._listen()
        if not self._held:
            return False
        for place, some in groupby(self._held, lambda one: one.message.key.partition("/")[0]):
            self._store(place, [one.message for one in some])
        reach("before_acknowledge")
        self.broker.done(self._held)
        self._held = ()
        return True

    def _listen(self) -> Sequence[Arrival]:
        while True:
            if self._shares is not None:
                self._shares.settle()
            if (found := self.broker.receive(BATCH, QUIET)) or not self.waits or self.stopping():
                return found

    def _store(self, place: str, messages: Sequence[Message]) -> None:
        """All at once; where one of them cannot be taken, by halves until it is alone."""
        try:
            accepted = self.door.accept(place, [shaped(place, one) for one in messages])
        except (RecordRejected, ConfigError) as error:
            if len(messages) > 1:
                middle = len(messages) // 2
                self._store(place, messages[:middle])
                self._store(place, messages[middle:])
                return
            self._bury(messages[0], error)
            return
        self._counts["new"] += accepted.new
        self._counts["repeated"] += accepted.repeated

    def _bury(self, one: Message, error: HubError) -> None:
        cause = {"cophub-code": error.code, "cophub-message": error.message[:500], "cophub-at": now().isoformat()}
        self.broker.publish("dead", [Message(one.key, one.body, one.id, dict(one.headers) | cause)])
        self._counts["dead"] += 1
        self.tell(f"intake: an event of {one.key} is a dead letter: {error}")

    def _say(self, words: str) -> None:
        """Once for each change: a broker that is away is no news every few seconds."""
        if words != self._told:
            self.tell(f"intake: {words or 'the broker is back'}")
            self._told = words


def shaped(place: str, one: Message) -> bytes:
    """A message as a CloudEvent in structured JSON. In binary mode its attributes are headers; a bare record is known
    by its message-id. RecordRejected ``event.malformed``, ``event.identity``."""
    value = parse(one.body)
    binary = _attributes(one)
    if is_envelope(value) and not binary:
        return one.body
    if binary:
        said = binary
    elif one.id:
        said = {"specversion": "1.0", "id": one.id, "source": f"bus:{place}", "type": "record"}
    else:
        raise RecordRejected(
            "event.identity",
            "the message is no CloudEvent, and has no message-id by which a repetition would be known",
            hint="send CloudEvents, or set the property message-id",
        )
    return msgspec.json.encode(said | {"data": msgspec.Raw(one.body)})


def _attributes(one: Message) -> dict[str, Any]:
    """The attributes of a CloudEvent in binary mode."""
    return {
        name: one.headers[prefix + name]
        for prefix in BINARY
        for name in ATTRIBUTES
        if prefix + name in one.headers
    }
