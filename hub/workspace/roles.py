"""The shape of ``config/roles.yaml``: who may see classified values, of which organizations, and administer what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal, get_args

from pydantic import Field

from hub.workspace.model import Level
from hub.workspace.strict import Name, Shape

Administration = Literal["system", "security", "audit"]
ADMINISTRATIONS: Final[tuple[Administration, ...]] = get_args(Administration)


class Role(Shape):
    """What a role may see, when it asks for it and says why, or what it administers."""

    sees: Level = Field("L2", description="Values up to this level may be shown in the clear", examples=["L4"])
    models: list[str] = Field(
        [], description="Only of these models; without it of all", examples=[["employee"]]
    )
    within: list[str] = Field(
        [],
        description="Only of people in these organizations, by key, and in all below them",
        examples=[["plant"]],
    )
    administers: Administration | None = Field(
        None,
        description="It does this part of administration, and no data role can be it besides; where one role says so, "
        "all three parts need theirs, and nobody may have two",
        examples=["security"],
    )


class RolesFile(Shape):
    """``config/roles.yaml``: roles, and who has them. Nobody else sees classified values."""

    roles: dict[Name, Role] = Field(
        {}, description="Roles by name", examples=[{"payroll": {"sees": "L4", "models": ["employee"]}}]
    )
    actors: dict[str, list[str]] = Field(
        {}, description="Who acts (COPHUB_ACTOR) → roles", examples=[{"anna": ["payroll"]}]
    )

    def of(self, actor: str) -> dict[str, Role]:
        """The roles of an actor that are declared."""
        return {name: self.roles[name] for name in self.actors.get(actor, ()) if name in self.roles}

    @property
    def separated(self) -> bool:
        """Whether administration is divided: before any role administers, whoever has the command line does."""
        return any(role.administers for role in self.roles.values())


Problem = tuple[tuple[str | int, ...], str, str, str, Collection[str]]
"""Where, the finding's code, its message, and the wrong name with those that could have been meant."""


def problems(roles: RolesFile, models: Collection[str]) -> Iterator[Problem]:
    """What does not fit together: names that are not there, and administrators who are not separate."""
    for role, one in roles.roles.items():
        for number, name in enumerate(one.models):
            if name not in models:
                message = f'roles.{role}.models: there is no model "{name}"'
                yield ("roles", role, "models", number), "reference.model", message, name, models
        if one.administers and (one.sees > "L2" or one.models or one.within):
            message = f"roles.{role}: who administers has no other power by the same role"
            yield ("roles", role, "administers"), "roles.administrator", message, "", ()
    for actor, names in roles.actors.items():
        for number, name in enumerate(names):
            if name not in roles.roles:
                message = f'actors.{actor}: there is no role "{name}"'
                yield ("actors", actor, number), "reference.role", message, name, roles.roles
        parts = sorted({part for one in roles.of(actor).values() if (part := one.administers)})
        if len(parts) > 1:
            message = f"actors.{actor}: nobody administers {' and '.join(parts)} at once"
            yield ("actors", actor), "roles.separation", message, "", ()
    if roles.separated:
        for part in ADMINISTRATIONS:
            if not _held(roles.actors, {name for name, one in roles.roles.items() if one.administers == part}):
                message = f"nobody administers {part}"
                yield ("roles",), "roles.separation", message, "", ()


def _held(actors: Mapping[str, list[str]], roles: Collection[str]) -> bool:
    return any(name in roles for names in actors.values() for name in names)
