"""The shape of webhooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from hub.workspace.strict import FieldName, Shape

SecretReference = Annotated[str, StringConstraints(pattern="^secret://")]


class Webhook(Shape):
    """An address outside that is told what changed: signed CloudEvents (Standard Webhooks)."""

    url: str = Field(
        pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$",
        description="Address the events are sent to by POST",
        examples=["https://bi.example.com/hooks/cophub"],
    )
    secret: SecretReference | list[SecretReference] = Field(
        description="Key that signs (whsec_…), or several while it is being changed",
        examples=["secret://hooks/bi"],
    )
    models: list[FieldName] = Field(
        [], description="Models whose changes are told; without them all", examples=[["supplier"]]
    )
