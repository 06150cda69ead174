"""Redis by its streams: one for each partition of ``in``, one for ``out``, one for ``dead``.

Events are read from a stream's begin on, stored, and only then deleted from it. Whoever reads goes through all that is
before an event first, so that its order holds even where two read at once; a lock only spares them doing it twice. A
fresh reader begins at what the one before had not deleted.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from hub.bus.broker import Arrival, Look, Message, Place, Queue, without_causes
from hub.errors import AuthError, ConfigError, HubError, Retriable
from hub.store.database import now
from hub.store.journal import dead, holder
from hub.workspace.bus import Bus

CONNECT, ANSWER = 2.0, 10.0
HELD, PATIENCE = 10.0, 3.0
"""Seconds after which nobody counts on a reader; and after which one takes a stream that is another one's to read."""
OUT_AT_MOST = 100_000
SINGLY = 2
"""After so many readers that took events and stored none, they are read one by one: one of them may kill its reader."""
RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
GIVE_BACK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
TAKE = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3]) return 1 end "
    "return 0"
)
BLOCKED = ("OOM", "MISCONF", "NOREPLICAS")


class Streams:
    """``address`` is redis://USER:PASSWORD@HOST:PORT/DATABASE; names in Redis begin with cophub.HUB."""

    def __init__(self, hub: str, address: str, password: str | None, settings: Bus) -> None:
        self._prefix, self._settings = f"cophub.{hub}", settings
        self._address, self._password = address, password
        self._client: Any = None
        self._opened = 0
        self._me = f"{holder()}/{id(self)}"
        self._places: dict[int, str] = {}  # stream that is ours to read → what was read of it last
        self._tried: set[int] = set()
        self._single: dict[int, int] = {}
        self._theirs: Collection[int] = ()
        self._free: dict[int, float] = {}

    # -- what a Broker does

    @property
    def partitions(self) -> int:
        """See ``Broker``."""
        return self._settings.partitions

    def publish(self, place: Place, messages: Sequence[Message]) -> None:
        """See ``Broker``. What is tried again after an error may be there twice, under its id."""
        with self._told() as client:
            pipe = client.pipeline(transaction=False)
            for one in messages:
                number = zlib.crc32(one.key.encode()) % self.partitions
                name = self._in(number) if place == "in" else f"{self._prefix}.{place}"
                more = {"maxlen": OUT_AT_MOST, "approximate": True} if place == "out" else {}
                pipe.xadd(name, _fields(one), **more)
            pipe.execute()

    def receive(self, most: int, wait: float) -> list[Arrival]:
        """See ``Broker``."""
        with self._told() as client:
            self._hold(client)
            if not self._places:
                time.sleep(wait)
                return []
            count = min(most, self._settings.prefetch)
            for number in self._places.keys() - self._tried:  # the first look of a reader
                self._single[number] = self._suspicion(client, number)
            count = 1 if any(self._single.values()) else count
            there = {self._in(number): number for number in self._places}
            asked = {self._in(number): last for number, last in self._places.items()}
            found = client.xread(asked, count=count, block=max(1, int(wait * 1000)))
            arrivals = []
            for name, entries in found:
                number = there[name.decode()]
                arrivals += self._taken(client, number, entries)
            return arrivals

    def done(self, arrivals: Sequence[Arrival]) -> None:
        """See ``Broker``."""
        with self._told() as client:
            pipe = client.pipeline(transaction=False)
            for one in arrivals:
                if one.connection == self._opened:
                    pipe.xdel(self._in(one.queue), one.tag)
            for queue in {one.queue for one in arrivals}:
                pipe.delete(f"{self._in(queue)}.tries")
            pipe.execute()

    def listening(self) -> int:
        """See ``Broker``."""
        with self._told():
            return self._opened

    def pass_on(self, queues: Collection[int]) -> None:
        """See ``Broker``."""
        self._theirs = frozenset(queues)
        with self._told() as client:
            for number in self._theirs & self._places.keys():
                self._give_back(client, number)

    def dead(self, most: int) -> list[Message]:
        """See ``Broker``."""
        with self._told() as client:
            return [_message(entry) for _, entry in client.xrange(f"{self._prefix}.dead", count=most)]

    def revive(self, most: int) -> int:
        """See ``Broker``."""
        with self._told() as client:
            entries = client.xrange(f"{self._prefix}.dead", count=most)
        for tag, entry in entries:
            one = _message(entry)
            self.publish("in", [Message(one.key, one.body, one.id, without_causes(one.headers))])
            with self._told() as client:
                client.xdel(f"{self._prefix}.dead", tag)
        return len(entries)

    def look(self) -> Look:
        """See ``Broker``."""
        try:
            with self._told() as client:
                told = client.info()
                names = [self._in(number) for number in range(self.partitions)]
                queues = [Queue(name, client.xlen(name), client.exists(f"{name}.reader")) for name in names]
                queues.append(Queue(f"{self._prefix}.dead", client.xlen(f"{self._prefix}.dead"), 0))
        except HubError as error:
            return Look("Redis", "away", f"{error.message} ({error.code})")
        return Look(f"Redis {told['redis_version']}", *_state(told), tuple(queues))

    def close(self) -> None:
        """What was received and not deleted comes again, to whoever reads next."""
        if self._client is not None:
            with suppress(*_broken()):
                for number in list(self._places):
                    self._give_back(self._client, number)
            self._forget()

    # -- who reads which stream

    def _hold(self, client: Any) -> None:
        """Keep what is ours to read, and take what nobody reads."""
        for number in range(self.partitions):
            lock = f"{self._in(number)}.reader"
            if number in self._places:
                if not client.eval(RENEW, 1, lock, self._me, int(HELD * 1000)):
                    del self._places[number]
            elif self._may_take(client, number, lock):
                self._places[number] = "0-0"
                self._tried.discard(number)
                self._single.pop(number, None)

    def _may_take(self, client: Any, number: int, lock: str) -> bool:
        """Whether it is ours from now on. What is another one's to read is left to it for a while."""
        reader = (client.get(lock) or b"").decode()
        if reader and not dead(reader.rpartition("/")[0]):
            self._free.pop(number, None)
            return False
        if number in self._theirs and time.monotonic() - self._free.setdefault(number, time.monotonic()) < PATIENCE:
            return False
        if reader:
            return bool(_unless_full(lambda: client.eval(TAKE, 1, lock, reader, self._me, int(HELD * 1000)), True))
        return bool(_unless_full(lambda: client.set(lock, self._me, nx=True, px=int(HELD * 1000)), True))

    def _give_back(self, client: Any, number: int) -> None:
        del self._places[number]
        client.eval(GIVE_BACK, 1, f"{self._in(number)}.reader", self._me)

    # -- what kills its readers

    def _suspicion(self, client: Any, number: int) -> int:
        """How many events are to be read one by one: one of the first may have killed those that read before."""
        head = client.xrange(self._in(number), count=1)
        tries = int(client.hget(f"{self._in(number)}.tries", head[0][0]) or 0) if head else 0
        return self._settings.prefetch if tries >= min(SINGLY, self._settings.redeliveries) else 0

    def _taken(self, client: Any, number: int, entries: Sequence[Any]) -> list[Arrival]:
        """What was read. Readers that take the first event and store none are counted; after too many it is a dead
        letter."""
        if number not in self._tried or self._single.get(number):
            self._tried.add(number)
            self._single[number] = max(0, self._single.get(number, 0) - 1)
            tries = f"{self._in(number)}.tries"
            count = _unless_full(lambda: client.hincrby(tries, entries[0][0], 1), 0)
            if count > self._settings.redeliveries + 1:
                self._bury(client, number, *entries[0])
                entries = entries[1:]
        for tag, _ in entries:
            self._places[number] = tag.decode()
        return [Arrival(_message(entry), tag.decode(), self._opened, number) for tag, entry in entries]

    def _bury(self, client: Any, number: int, tag: bytes, entry: Mapping[bytes, bytes]) -> None:
        one = _message(entry)
        why = "every worker that took it died: delivery_limit"
        cause = {"cophub-code": "bus.died", "cophub-message": why, "cophub-at": now().isoformat()}
        self.publish("dead", [Message(one.key, one.body, one.id, dict(one.headers) | cause)])
        client.xdel(self._in(number), tag)
        client.delete(f"{self._in(number)}.tries")
        self._places[number] = tag.decode()

    # -- the connection

    def _in(self, number: int) -> str:
        return f"{self._prefix}.in.{number}"

    def _forget(self) -> None:
        client, self._client = self._client, None
        self._places.clear()
        with suppress(*_broken()):
            client.close()

    @contextmanager
    def _told(self) -> Iterator[Any]:
        """The open connection. An error ends it, and is told as one of ours."""
        broken = _broken()
        try:
            if self._client is None:
                self._client = _client(self._address, self._password, self._settings)
                self._opened += 1
            yield self._client
        except broken as error:
            made = _as_ours(error)
            if made.code != "bus.blocked" and self._client is not None:
                self._forget()
            raise made from error


def _client(address: str, password: str | None, settings: Bus) -> Any:
    import redis  # noqa: PLC0415 # of the extra
    from redis.backoff import NoBackoff  # noqa: PLC0415 # of the extra
    from redis.retry import Retry  # noqa: PLC0415 # of the extra

    parts = urlsplit(address)
    more: dict[str, Any] = {"ssl_ca_certs": settings.ca} if settings.ca and parts.scheme == "rediss" else {}
    if parts.scheme == "rediss":
        more |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    if password is not None:
        more |= {"password": password, "username": unquote(parts.username) if parts.username else None}
    made = redis.Redis.from_url(
        address,
        socket_connect_timeout=CONNECT,
        socket_timeout=ANSWER,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),  # whoever calls tries again
        single_connection_client=True,
        **more,
    )
    return made


def _unless_full(ask: Callable[[], Any], otherwise: Any) -> Any:
    """What Redis answers; where it has no memory left, it is read without locks and counts."""
    import redis  # noqa: PLC0415 # of the extra

    try:
        return ask()
    except redis.exceptions.OutOfMemoryError:
        return otherwise


def _fields(one: Message) -> dict[str, Any]:
    made: dict[str, Any] = {"key": one.key, "body": one.body} | ({"id": one.id} if one.id else {})
    return made | ({"headers": json.dumps(dict(one.headers))} if one.headers else {})


def _message(entry: Mapping[bytes, bytes]) -> Message:
    """What somebody else wrote need not be well formed: it is judged where it is stored."""
    try:
        headers = json.loads(entry.get(b"headers", b"{}"))
    except ValueError:
        headers = {}
    text = {name: entry.get(name.encode(), b"").decode(errors="replace") for name in ("key", "id")}
    return Message(text["key"], entry.get(b"body", b""), text["id"], headers if isinstance(headers, dict) else {})


def _state(told: Mapping[str, Any]) -> tuple[str, str]:
    """Whether it takes events, and whether it keeps them."""
    if told.get("maxmemory") and told["used_memory"] >= told["maxmemory"]:
        return "blocked", "it takes no events: its memory is full"
    if told.get("maxmemory") and str(told.get("maxmemory_policy", "")).startswith("allkeys"):
        return "ok", f"it may throw events away: maxmemory-policy is {told['maxmemory_policy']}, write noeviction"
    if not told.get("aof_enabled"):
        return "ok", "it forgets events when it is killed: write appendonly yes"
    return "ok", ""


def _broken() -> tuple[type[Exception], ...]:
    """What the client raises; ConfigError where there is none."""
    try:
        import redis  # noqa: PLC0415 # of the extra
    except ImportError:
        raise ConfigError("bus.missing", "redis is not installed", hint="pip install 'cophub[bus]'") from None
    return (redis.RedisError, OSError)


def _as_ours(error: Exception) -> HubError:
    import redis  # noqa: PLC0415 # of the extra

    words = str(error)[:300] or type(error).__name__
    if isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError):
        return AuthError(
            "bus.refused", f"the broker refuses us: {words}",
            hint="mend the user, its password or its rights on cophub.*",
        )  # fmt: skip
    if isinstance(error, redis.exceptions.OutOfMemoryError) or words.startswith(BLOCKED):
        return Retriable(
            "bus.blocked", f"the broker takes no events: {words}",
            hint="give Redis memory and disk; events wait in the outbox",
        )  # fmt: skip
    if isinstance(error, redis.ResponseError) and "WRONGTYPE" in words:
        return ConfigError("bus.declared", f"a key of the broker is no stream: {words}", hint="delete it")
    return Retriable("bus.away", f"the broker does not answer: {words}", hint="is it running, and reachable from here?")
