"""Changes of lists as they happen: one watcher per process wakes everybody who listens.

A listener keeps a cursor and nothing else. When it is woken it reads what changed, as anybody does who asks for
changes; so a slow one costs a page of memory, holds nobody up, and misses nothing.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from hub.errors import HubError, Retriable
from hub.store import changes as stored
from hub.store.database import Database
from hub.store.wake import Listener as Wakeups
from hub.todos.changes import Cursor, Page, View, page

MOST: Final = 1000
"""Listeners of one process."""
BEAT: Final = 15.0
GAP: Final = 0.02
"""Seconds between two looks: what comes together is told together."""
AGAIN: Final = 1.0
AT_ONCE: Final = 50
SLOWEST: Final = 60.0
"""Seconds after which a reader that takes nothing is let go."""


@dataclass(slots=True, eq=False)
class Bell:
    """One listener, woken from the watcher's thread."""

    key: str
    persons: frozenset[uuid.UUID] | None
    loop: asyncio.AbstractEventLoop
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.rung.set)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return


class Live:
    """Made once per process. The watcher lives as long as somebody listens; ``ending`` tells that the server ends."""

    def __init__(self, database: Database, each: int, ending: threading.Event) -> None:
        self._database, self._each, self.ending = database, each, ending
        self.beat = BEAT
        self._bells: set[Bell] = set()
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="live")

    def close(self) -> None:
        """Everybody who listens is let go."""
        self.ending.set()
        with self._lock:
            watcher = self._watcher
        if watcher is not None:
            watcher.join()
        self._readers.shutdown(wait=True, cancel_futures=True)

    def count(self) -> int:
        """How many listen."""
        with self._lock:
            return len(self._bells)

    @contextmanager
    def listening(self, key: str, view: View) -> Iterator[Bell]:
        """A bell that rings when the list that is viewed may have changed, within the coroutine's loop.
        Retriable ``stream.many`` where the key, or the process, has too many."""
        persons = None if view.person is None else frozenset(view.his.persons)
        bell = Bell(key, persons, asyncio.get_running_loop())
        with self._lock:
            if sum(one.key == key for one in self._bells) >= self._each or len(self._bells) >= MOST:
                raise Retriable(
                    "stream.many",
                    "too many streams are open",
                    hint="close some, or raise api.listeners in config/hub.yaml; or ask /v1/todos/changes",
                    wait=BEAT,
                )
            self._bells.add(bell)
            if self._watcher is None and not self.ending.is_set():
                self._watcher = threading.Thread(target=self._watch, name="live-watcher", daemon=True)
                self._watcher.start()
        try:
            yield bell
        finally:
            with self._lock:
                self._bells.discard(bell)

    async def told(
        self, bell: Bell, view: View, cursor: Cursor, still: Callable[[], None]
    ) -> AsyncIterator[tuple[Cursor, Page | None]]:
        """What changes from the cursor on, page by page, and None at each heartbeat, until the server ends.
        ``still`` raises where the listener may not go on; the errors are those of ``changes.page`` too."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while not self.ending.is_set():
            bell.rung.clear()
            found = await loop.run_in_executor(self._readers, page, self._database, view, cursor, AT_ONCE)
            if not found.empty or loop.time() - asked >= self.beat:  # who may not see it any more is told nothing of it
                await loop.run_in_executor(self._readers, still)
                asked = loop.time()
            cursor = found.next
            if not found.empty:
                yield cursor, found
            if found.more:
                continue
            try:
                await asyncio.wait_for(bell.rung.wait(), self.beat)
            except TimeoutError:
                await loop.run_in_executor(self._readers, still)
                asked = loop.time()
                yield cursor, None

    # -------------------------------------------------------- the watcher's thread

    def _watch(self) -> None:
        wakeups = Wakeups(self._database)
        try:
            seq: int | None = None
            while self._needed():
                seq = self._look(wakeups, seq)
        finally:
            wakeups.close()
            with self._lock:
                if self._watcher is threading.current_thread():
                    self._watcher = None  # it ended by an error: who comes next starts another one
            self._ring(None)

    def _needed(self) -> bool:
        with self._lock:
            if self._bells and not self.ending.is_set():
                return True
            self._watcher = None  # under the lock: whoever comes now starts another one
            return False

    def _look(self, wakeups: Wakeups, seq: int | None) -> int | None:
        """Wait for a call, ring whom it concerns; answers up to where that is."""
        try:
            wakeups.wait(AGAIN, self.ending)
            if seq is None:  # it begins, or the database was away: nobody knows what was missed
                seq = stored.latest(self._database)
                self._ring(None)
                return seq
            upto, who = stored.concerned(self._database, seq)
            if upto != seq:
                self._ring(who)
            self.ending.wait(GAP)
            return upto
        except HubError:
            self.ending.wait(AGAIN)
            return None

    def _ring(self, who: set[uuid.UUID] | None) -> None:
        with self._lock:
            for bell in self._bells:
                if who is None or bell.persons is None or not bell.persons.isdisjoint(who):
                    bell.ring()


def event(cursor: str, name: str = "", data: bytes = b"") -> bytes:
    """A server-sent event (HTML, 9.2). Without data it only moves the reader's cursor, and keeps the line open."""
    head = f"event: {name}\n" if name else ""
    told = b"data: " + data + b"\n" if name else b""
    return f"{head}id: {cursor}\n".encode() + told + b"\n"


def content(found: Page) -> Mapping[str, Any]:
    """The data of an event."""
    return {"items": found.items, "removed": found.removed}


class Events(StreamingResponse):
    """Server-sent events; whoever takes none for a minute is cut off."""

    def __init__(self, events: AsyncIterator[bytes], left: ExitStack) -> None:
        super().__init__(events, headers={"x-accel-buffering": "no"}, media_type="text/event-stream")
        self._left = left

    async def stream_response(self, send: Send) -> None:
        async def sending(message: Message) -> None:
            await asyncio.wait_for(send(message), SLOWEST)

        await super().stream_response(sending)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._left:
            await super().__call__(scope, receive, send)
