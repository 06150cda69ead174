"""SIGTERM during a run: it ends between two batches, and says that it goes on with the next one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any, Self

from hub.errors import Waits
from hub.exchange.ground import Progress


class Ending:
    """While the context lasts, the first SIGTERM asks for the end, and a second one ends at once. Only the main thread
    hears signals: elsewhere nothing is changed."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def require_going_on(self) -> None:
        """Waits ``run.ended`` where the end was asked for."""
        if self.asked:
            raise Waits(
                "run.ended", "the run was asked to end (SIGTERM)", hint="run it again: it goes on from where it stopped"
            )

    def watch(self, told: Progress) -> Progress:
        """Progress that ends the run between two batches."""

        def watched(stage: str, counts: Mapping[str, int]) -> None:
            told(stage, counts)
            self.require_going_on()

        return watched
