"""The portal in ``config/hub.yaml``."""

from __future__ import annotations

from pydantic import Field

from hub.workspace.strict import Duration, Shape


class Portal(Shape):
    """``portal`` of ``config/hub.yaml``: how long somebody stays logged in."""

    idle: Duration = Field("30m", description="Ends a session that its owner did not use for so long")
    longest: Duration = Field("12h", description="Ends a session however much it is used")
