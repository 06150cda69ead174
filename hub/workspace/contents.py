"""Where what documents hold is kept."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from hub.workspace.strict import Duration, Shape

_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
Bytes = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,6}(KB|MB|GB)$")]


class ContentStore(Shape):
    """``contents:`` of ``config/hub.yaml``."""

    folder: str = Field(
        ".cophub/contents",
        description="Folder or fsspec URL of the content store: all processes of the hub see the same",
        examples=["/srv/cophub/contents", "s3://cophub-contents/prod"],
    )
    options: dict[str, str | int | bool] = Field(
        {},
        description="Options of the fsspec file system of a URL; secrets are secret:// references",
        examples=[{"key": "HUB", "secret": "secret://contents/key"}],
    )
    largest: Bytes = Field("4GB", description="A document that holds more is set aside", examples=["500MB"])
    keep: Duration = Field(
        "30d",
        description="How long a content is kept that no golden record, no earlier version and no system holds any more",
        examples=["90d"],
    )

    @property
    def largest_bytes(self) -> int:
        """The same as a number."""
        number, unit = re.findall(r"\d+|[A-Z]+", self.largest)
        return int(number) * _UNITS[unit]


CONTENTS: Any = Field(
    ContentStore(), description="Where what documents hold is kept", examples=[{"folder": "/srv/contents"}]
)
