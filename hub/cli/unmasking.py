"""``--unmask --reason TEXT``: the same options for every command that shows values of records."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.exchange.ground import Hub
from hub.security import clearance
from hub.security.masking import NOBODY, Sight

Unmask = Annotated[
    bool,
    typer.Option("--unmask", help="Show classified values in the clear, as your roles allow; it is recorded"),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="With --unmask: why")]


def sight(hub: Hub, *, unmask: bool, reason: str, models: set[str], object: str) -> Sight:
    """What the caller may see; recorded before anything is shown."""
    if not unmask:
        return NOBODY
    return clearance.unmask(hub.database, hub.workspace.roles, hub.actor, models, object, reason)
