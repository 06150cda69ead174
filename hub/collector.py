"""How often Python looks for garbage that counting references does not find.

Its defaults are for small programs: the hub makes many objects that live as long as a request, few of them in cycles,
and looking for those cost a third of the processor of a report pushed to the inbox and a twelfth of a run
(``python -m bench todos``, measured with both settings in one run).
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (50_000, 20, 100)
"""Objects made and not yet gone between two looks at the young, and looks between those at the older and the old."""


def relax() -> None:
    """For a process that is the hub's own: look less often."""
    gc.set_threshold(*THRESHOLDS)


def keep() -> None:
    """What is there now stays until the process ends, so that nobody looks through it again: called once, when a
    server or a worker has loaded its workspace."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # libraries that count what is left at the end would call it leaked


@contextmanager
def paused() -> Iterator[None]:
    """While something is built whose objects all stay, nobody looks."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
