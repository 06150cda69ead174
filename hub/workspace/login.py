"""How people log in, in ``config/hub.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from hub.workspace.strict import TITLE, Duration, FieldName, Name, Shape, Title

Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
DOMAINS: Any = Field(
    [],
    description="Who types a name that ends in @ and one of these logs in here, whatever he chose",
    examples=[["example.com"]],
)


class Directory(Shape):
    """A directory in which people have passwords: the hub asks it, and keeps none of them."""

    title: Title = TITLE
    system: FieldName = Field(description="The system, of the connector ldap", examples=["corp"])
    resource: str = Field(
        description="Its resource whose entries are accounts: its base, filter and key count", examples=["person"]
    )
    by: list[str] = Field(
        min_length=1,
        description="Attributes that hold what people type as their name",
        examples=[["uid", "mail"], ["sAMAccountName", "userPrincipalName"]],
    )
    domains: list[Domain] = DOMAINS
    wrong: int = Field(
        3,
        ge=1,
        le=100,
        description="So many wrong passwords of one account are passed on within the window, and as many of browsers "
        "that its owner used before; keep twice as many below the threshold of the directory's own lock-out",
        examples=[4],
    )
    window: Duration = Field("30m", description="As long as the directory counts wrong passwords", examples=["1h"])


class Login(Shape):
    """``login`` of ``config/hub.yaml``: by what people may log in besides the hub's own accounts."""

    directories: dict[Name, Directory] = Field(
        {},
        description="Directories, by name; the first is offered first",
        examples=[{"corp": {"system": "corp", "resource": "person", "by": ["uid"]}}],
    )


def domain_of(name: str) -> str:
    """What stands behind the last @ of a name, in small letters.

    >>> domain_of("Li.Na@Example.com"), domain_of("li.na")
    ('example.com', '')
    """
    return re.sub(r"\s", "", name.rpartition("@")[2]).lower() if "@" in name else ""
