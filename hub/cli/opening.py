"""Opening the hub for a command: apart from ``say``, so that commands which only read files start fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hub.bootstrap import Opened, open_hub
from hub.cli.say import Say


@contextmanager
def opened_hub(say: Say, *, schema: bool = True) -> Iterator[Opened]:
    """The hub over the workspace; from now on its secrets are masked in what is said."""
    with open_hub(say.folder, say.environment, schema=schema) as opened:
        say.options.redactor = opened.redactor
        yield opened
