"""Opening the hub for a command: apart from ``say``, so that commands which only read files start fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hub.bootstrap import Opened, open_hub
from hub.cli.say import Say
from hub.security.decisions import require


@contextmanager
def opened_hub(say: Say, *, schema: bool = True, action: str = "") -> Iterator[Opened]:
    """The hub over the workspace; from now on its secrets are masked in what is said. ``action`` is the act of
    administration that it is opened for: AuthError ``access.refused``."""
    with open_hub(say.folder, say.environment, schema=schema) as opened:
        say.options.redactor = opened.redactor
        if action:
            hub = opened.hub
            require(hub.database, hub.workspace.roles, hub.actor, action)
        yield opened
