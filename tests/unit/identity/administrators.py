"""A served hub whose first persons have accounts of the portal."""

from __future__ import annotations

from hub.security import accounts
from hub.security.passwords import Passwords
from hub.todos.people import person
from tests.unit.identity.conftest import Registry
from tests.unit.portal.conftest import CHEAP, PASSWORD, ground


def serve(made: Registry, *names: str) -> None:
    """Serve it anew; the persons 1, 2, … log in by these names."""
    made.serve()
    hub, passwords = made.open_hub.hub, Passwords(CHEAP)
    ground(made).passwords = passwords  # type: ignore[arg-type] # any served world
    for number, name in enumerate(names, 1):
        accounts.add(hub.database, hub.actor, passwords, name, person(hub, str(number)), PASSWORD, hub.clock())
