"""Who acts: written into plans, approvals, reviews and the audit chain."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass

ACTOR = "COPHUB_ACTOR"
ON_BEHALF = "COPHUB_ON_BEHALF"


@dataclass(frozen=True, slots=True)
class Actor:
    """``name`` acts; ``on_behalf`` is whoever asked for it, empty where that is the same."""

    name: str
    on_behalf: str = ""

    @property
    def people(self) -> list[str]:
        """Everybody who has a part in it."""
        return [self.name, self.on_behalf] if self.on_behalf else [self.name]


def actor_of(environment: Mapping[str, str]) -> Actor:
    """COPHUB_ACTOR, else the user of the operating system."""
    name = environment.get(ACTOR, "").strip()
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # no entry for the user id, as in some containers
            name = "unknown"
    return Actor(name, environment.get(ON_BEHALF, "").strip())
