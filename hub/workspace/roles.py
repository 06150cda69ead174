"""The shape of ``config/roles.yaml``: who may see classified values in the clear."""

from __future__ import annotations

from pydantic import Field

from hub.workspace.model import Level
from hub.workspace.strict import Name, Shape


class Role(Shape):
    """What a role may see, when it asks for it and says why."""

    sees: Level = Field(description="Values up to this level may be shown in the clear", examples=["L4"])
    models: list[str] = Field(
        [], description="Only of these models; without it of all", examples=[["employee"]]
    )


class RolesFile(Shape):
    """``config/roles.yaml``: roles, and who has them. Nobody else sees classified values."""

    roles: dict[Name, Role] = Field(
        {}, description="Roles by name", examples=[{"payroll": {"sees": "L4", "models": ["employee"]}}]
    )
    actors: dict[str, list[str]] = Field(
        {}, description="Who acts (COPHUB_ACTOR) → roles", examples=[{"anna": ["payroll"]}]
    )
