"""RabbitMQ by kombu: quorum queues, publisher confirms, one active consumer for each queue.

``in`` is a topic exchange. With one partition its only queue gets everything; with more, an exchange that hashes the
routing key stands between, so that all events of a key lie in one queue. A queue has one active consumer: its events
are stored in their order, and another worker goes on where one has died. Each is listened to on a channel of its own:
it can be passed on without the others.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from hub.bus.broker import Arrival, Look, Message, Place, Queue, without_causes
from hub.errors import AuthError, ConfigError, HubError, Retriable
from hub.store.journal import holder
from hub.workspace.bus import Bus

CONNECT, CONFIRM, ANSWER, PROBE, HASTE = 5.0, 10.0, 20.0, 0.3, 2.0
KEPT_AT_MOST = 1_000_000
"""How often a dead letter may be looked at: servers from 4.0 on drop what was returned 20 times."""


class Rabbit:
    """``address`` is amqp://USER:PASSWORD@HOST:PORT/VHOST; names on the broker begin with cophub.HUB."""

    def __init__(self, hub: str, address: str, password: str | None, settings: Bus) -> None:
        self._prefix, self._settings = f"cophub.{hub}", settings
        self._parts = urlsplit(address)
        self._password = password if password is not None else unquote(self._parts.password or "")
        self._connection: Any = None
        self._wire: Any = None
        self._channel: Any = None
        self._heard: dict[int, Any] = {}  # queue → the channel that it is listened to by
        self._opened = self._sent = 0
        self._arrived: deque[Arrival] = deque()
        self._waits: dict[int, str] = {}  # tag → name of what is not confirmed yet
        self._late: set[str] = set()  # names that were confirmed after their call had given up
        self._refused: set[str] = set()
        self._blocked = ""

    # -- what a Broker does

    @property
    def partitions(self) -> int:
        """See ``Broker``."""
        return self._settings.partitions

    def publish(self, place: Place, messages: Sequence[Message]) -> None:
        """See ``Broker``."""
        named = {one.id or hashlib.sha256(one.body).hexdigest(): one for one in messages}
        wanted = set(named)
        with self._told():
            self._open()
            self._hear(0)
            self._require_unblocked()
            known = self._late.union(self._waits.values())
            for name, one in named.items():
                if name not in known:
                    self._send(f"{self._prefix}.{place}", one, name)
            end = time.monotonic() + CONFIRM
            while wanted & set(self._waits.values()):
                self._hear(max(0.0, end - time.monotonic()))
                self._require_unblocked()
                if time.monotonic() > end:
                    raise OSError(f"no confirmation within {CONFIRM:g} s")
            self._late -= wanted
            if wanted & self._refused:
                self._refused -= wanted
                raise Retriable("bus.nacked", "the broker did not take an event", hint="look at the broker's log")

    def receive(self, most: int, wait: float) -> list[Arrival]:
        """See ``Broker``."""
        with self._told():
            self._listen()
            end = time.monotonic() + wait
            while not self._arrived and (left := end - time.monotonic()) > 0:
                self._hear(left)
            while self._arrived and len(self._arrived) < most and self._hear(0):
                pass
            return [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]

    def done(self, arrivals: Sequence[Arrival]) -> None:
        """See ``Broker``."""
        last = {one.queue: one.tag for one in arrivals if one.connection == self._opened}
        with self._told():
            for queue, tag in last.items():
                if queue in self._heard:
                    self._heard[queue].basic_ack(tag, multiple=True)

    def listening(self) -> int:
        """See ``Broker``."""
        with self._told():
            self._listen()
        return self._opened

    def pass_on(self, queues: Collection[int]) -> None:
        """See ``Broker``."""
        with self._told():
            for queue in queues:
                if (channel := self._heard.pop(queue, None)) is not None:
                    channel.close()  # unlike a cancellation this gives back what is not acknowledged, in its order
            self._arrived = deque(one for one in self._arrived if one.queue in self._heard)
            self._listen()

    def dead(self, most: int) -> list[Message]:
        """See ``Broker``."""
        found: list[Message] = []
        with self._told():
            self._open()
            while len(found) < most and (got := self._channel.basic_get(f"{self._prefix}.dead")) is not None:
                found.append(_message(got))
        self.close()  # gives them back, in their order
        return found

    def revive(self, most: int) -> int:
        """See ``Broker``."""
        with self._told():
            self._open()
            there = self._channel.queue_declare(f"{self._prefix}.dead", passive=True).message_count
        count = 0
        while count < min(most, there):
            with self._told():
                got = self._channel.basic_get(f"{self._prefix}.dead")
            if got is None:
                break
            one = _message(got)
            self.publish("in", [Message(one.key, one.body, one.id, without_causes(one.headers))])
            with self._told():
                self._channel.basic_ack(got.delivery_tag)
            count += 1
        return count

    def look(self) -> Look:
        """See ``Broker``."""
        try:
            with self._told():
                self._open(HASTE, HASTE)  # who looks is waited for
                version = f"RabbitMQ {self._wire.server_properties.get('version', '')}".strip()
                names = [*self._queues(), f"{self._prefix}.dead"]
                told = [self._channel.queue_declare(name, passive=True) for name in names]
                # Only who publishes is told of an alarm: this message has no queue, and is dropped.
                self._send("", Message(f"{self._prefix}.probe", b""), "probe")
                end = time.monotonic() + PROBE
                while self._waits and not self._blocked and (left := end - time.monotonic()) > 0:
                    self._hear(left)
        except HubError as error:
            return Look("RabbitMQ", "away", f"{error.message} ({error.code})")
        queues = tuple(Queue(one.queue, one.message_count, one.consumer_count) for one in told)
        return Look(version, "blocked" if self._blocked else "ok", self._blocked, queues)

    def close(self) -> None:
        """What was received and not acknowledged comes again, to whoever listens."""
        if (connection := self._forgotten()) is not None:
            with suppress(*_broken()):
                self._wire.transport.sock.settimeout(CONNECT)
                connection.release()

    # -- the connection

    def _forgotten(self) -> Any:
        """The connection, with all that belonged to it no longer known."""
        connection, self._connection, self._channel = self._connection, None, None
        self._blocked = ""
        self._heard.clear()
        self._arrived.clear()
        self._waits.clear()
        self._late.clear()
        self._refused.clear()
        return connection

    def _open(self, connect: float = CONNECT, answer: float = ANSWER) -> None:
        if self._connection is not None:
            return
        options: dict[str, Any] = {"on_blocked": self._on_blocked, "on_unblocked": self._on_unblocked}
        options |= {"read_timeout": answer, "write_timeout": CONFIRM}
        # Heartbeats would need somebody who sends them while a batch is stored; keep-alive of TCP finds a dead peer.
        made = _kombu().Connection(
            self._url(), ssl=self._tls(), connect_timeout=connect, heartbeat=0, transport_options=options
        )
        made.connect()
        self._connection, self._wire = made, made.connection  # of kombu's, which would connect anew by itself
        self._channel = made.channel()
        self._opened, self._sent = self._opened + 1, 0
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.confirm_select()
        self._declare()

    def _url(self) -> str:
        parts = self._parts
        login = f"{quote(unquote(parts.username or 'guest'), safe='')}:{quote(self._password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))

    def _tls(self) -> Any:
        if self._parts.scheme != "amqps":
            return False
        checks = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": self._parts.hostname}
        return checks | ({"ca_certs": self._settings.ca} if self._settings.ca else {})

    def _queues(self) -> list[str]:
        return [f"{self._prefix}.in.{number}" for number in range(self.partitions)]

    def _declare(self) -> None:
        """What the hub needs on the broker; again and again it changes nothing."""
        channel, prefix, many = self._channel, self._prefix, self.partitions > 1
        kept = {"durable": True, "auto_delete": False}
        for name in ("in", "out", "dead"):
            channel.exchange_declare(f"{prefix}.{name}", "topic", **kept)
        dead = {"x-queue-type": "quorum", "x-delivery-limit": KEPT_AT_MOST}
        channel.queue_declare(f"{prefix}.dead", **kept, arguments=dead)
        channel.queue_bind(f"{prefix}.dead", f"{prefix}.dead", "#")
        parted = f"{prefix}.in.parts"
        if many:
            channel.exchange_declare(parted, "x-consistent-hash", **kept)
            channel.exchange_bind(parted, f"{prefix}.in", "#")
        for name in self._queues():
            channel.queue_declare(name, **kept, arguments=self._arguments())
            channel.queue_bind(name, parted if many else f"{prefix}.in", "1" if many else "#")
        if many:  # there may have been one before
            channel.queue_unbind(f"{prefix}.in.0", f"{prefix}.in", "#")

    def _arguments(self) -> Mapping[str, Any]:
        return {
            "x-queue-type": "quorum",
            "x-single-active-consumer": True,
            "x-delivery-limit": self._settings.redeliveries,
            "x-dead-letter-exchange": f"{self._prefix}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # which that strategy asks for
        }

    def _listen(self) -> None:
        self._open()
        for queue, name in enumerate(self._queues()):
            if queue not in self._heard:
                channel = self._connection.channel()
                channel.basic_qos(0, self._settings.prefetch, False)
                channel.basic_consume(name, callback=partial(self._on_message, queue), consumer_tag=holder())
                self._heard[queue] = channel

    # -- what is said and heard

    def _send(self, exchange: str, one: Message, name: str) -> None:
        made = self._channel.prepare_message(
            one.body,
            content_type="application/cloudevents+json",
            headers=dict(one.headers),
            properties={"delivery_mode": 2} | ({"message_id": one.id} if one.id else {}),
        )
        self._sent += 1
        self._waits[self._sent] = name
        self._channel.basic_publish(made, exchange, one.key, timeout=CONFIRM)

    def _hear(self, seconds: float) -> bool:
        """Wait for one thing that the broker says; whether there was any."""
        try:
            self._wire.drain_events(timeout=seconds)
        except TimeoutError:
            return False
        return True

    def _on_message(self, queue: int, raw: Any) -> None:
        self._arrived.append(Arrival(_message(raw), raw.delivery_tag, self._opened, queue))

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for one in self._answered(tag, multiple):
            self._late.add(one)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused.update(self._answered(tag, multiple))

    def _answered(self, tag: int, multiple: bool) -> list[str]:
        tags = [one for one in self._waits if one <= tag] if multiple else [tag]
        return [self._waits.pop(one) for one in tags if one in self._waits]

    def _on_blocked(self, reason: str) -> None:
        self._blocked = "it takes no events: memory or disk is low"

    def _on_unblocked(self) -> None:
        self._blocked = ""

    def _require_unblocked(self) -> None:
        if self._blocked:
            raise Retriable(
                "bus.blocked",
                "the broker takes no events: memory or disk is low",
                hint="rabbitmq-diagnostics alarms says which; events wait in the outbox",
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The client's errors as the hub's; after one of them the connection is opened anew."""
        try:
            yield
        except _broken() as error:
            if (connection := self._forgotten()) is not None:
                connection.collect(CONNECT)
            raise _as_ours(error) from error


def _message(raw: Any) -> Message:
    properties = raw.properties
    headers = properties.get("application_headers") or {}
    body = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body)
    key = raw.delivery_info["routing_key"]
    return Message(key, body, str(properties.get("message_id") or ""), headers)


def _broken() -> tuple[type[Exception], ...]:
    """What the client raises; AttributeError where it found its connection gone."""
    import amqp  # noqa: PLC0415 # of the extra
    import kombu.exceptions  # noqa: PLC0415 # of the extra

    return (OSError, amqp.AMQPError, kombu.exceptions.KombuError, AttributeError)


def _as_ours(error: Exception) -> HubError:
    import amqp  # noqa: PLC0415 # of the extra

    words = str(error)[:300] or type(error).__name__
    if isinstance(error, amqp.AccessRefused | amqp.NotAllowed):
        return AuthError(
            "bus.refused",
            f"the broker refuses us: {words}",
            hint="mend the user, its password, its virtual host or its rights on cophub.*",
        )
    if isinstance(error, amqp.PreconditionFailed):
        return ConfigError(
            "bus.declared",
            f"a queue or exchange of the broker is another one: {words}",
            hint="it was declared with other settings: let it run empty and delete it, or write the old settings",
        )
    if isinstance(error, amqp.InvalidCommand) and "x-consistent-hash" in words:
        return ConfigError(
            "bus.plugin",
            "the broker cannot spread events over partitions",
            hint="rabbitmq-plugins enable rabbitmq_consistent_hash_exchange, or write partitions: 1",
        )
    return Retriable("bus.away", f"the broker does not answer: {words}", hint="is it running, and reachable from here?")


def _kombu() -> Any:
    try:
        import kombu  # noqa: PLC0415 # of the extra
    except ImportError:
        raise ConfigError("bus.missing", "kombu is not installed", hint="pip install 'cophub[bus]'") from None
    return kombu

