"""Lanes to a target: each a thread with a connector of its own, opened, used and closed in that thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from hub import tracing
from hub.contract import Resource, Target
from hub.exchange.delivering.sender import Batch

Work = Callable[[Target, Resource, Batch], Batch]


class Here:
    """The one lane of a target that takes no more: the caller's own thread."""

    def __init__(self, target: Target, resource: Resource, work: Work) -> None:
        self.target, self.resource, self.work = target, resource, work

    def submit(self, batch: Batch) -> Future[Batch]:
        done: Future[Batch] = Future()
        done.set_result(self.work(self.target, self.resource, batch))
        return done

    def close(self) -> None:
        """Who opened the connector closes it."""


@dataclass(slots=True)
class Lane:
    """A thread. Connections of some drivers belong to the thread that opened them."""

    connect: Callable[[], Target]
    place: str
    work: Work
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="deliver")
    )
    opened: tuple[Target, Resource] | None = None

    def submit(self, batch: Batch) -> Future[Batch]:
        return self.pool.submit(tracing.carried(self._run), batch)

    def _run(self, batch: Batch) -> Batch:
        if self.opened is None:
            target = self.connect()
            self.opened = target, target.resource(self.place)
        return self.work(*self.opened, batch)

    def close(self) -> None:
        if self.opened is not None:
            self.pool.submit(self.opened[0].close)
        self.pool.shutdown()


@contextmanager
def lanes(
    number: int, target: Target, resource: Resource, connect: Callable[[], Target], work: Work
) -> Iterator[list[Here | Lane]]:
    """So many lanes; with one, all is done in this thread."""
    if number == 1:
        yield [Here(target, resource, work)]
        return
    made: list[Here | Lane] = [Lane(connect, resource.name, work) for _ in range(number)]
    try:
        yield list(made)
    finally:
        for one in made:
            one.close()
