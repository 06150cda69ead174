"""What SCIM clients need of the hub's own file."""

from __future__ import annotations

from typing import Final

from hub.workspace.address import WRITE
from hub.workspace.build import Built
from hub.workspace.scope import Scope

SCIM_CLIENT: Final = "scim_client"
"""The connector of systems that write to the hub by SCIM."""


def check_scim(scope: Scope, built: Built) -> None:
    """A SCIM client is told addresses of the hub, which nobody but its file knows."""
    system = built.systems.get(scope.name)
    if system is None or system.spec.name != SCIM_CLIENT or built.hub is None or built.hub.address:
        return
    message = "connector: a SCIM client is told the hub's address, and config/hub.yaml does not say it"
    scope.error(("connector",), "address.missing", message, WRITE)
