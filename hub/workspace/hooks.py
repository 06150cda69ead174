"""The shape of webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hub.workspace.strict import Duration, FieldName, Shape

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


class Push(Shape):
    """How events that a system sends to the hub prove that they are its own."""

    scheme: Literal["standard", "hmac", "token"] = Field(
        "standard",
        description="standard: Standard Webhooks; hmac: a header holds the HMAC of the body; "
        "token: a header holds the secret itself",
    )
    secret: SecretReference | list[SecretReference] = Field(
        description="The shared secret, or several while it is being changed", examples=["secret://crm/push"]
    )
    header: str = Field(
        "x-hub-signature-256",
        pattern=r"^[a-z0-9-]+$",
        description="With hmac and token: the header, in small letters",
        examples=["x-gitlab-token"],
    )
    prefix: str = Field("", description="With hmac: what stands before the value", examples=["sha256="])
    hash: Literal["sha256", "sha512", "sha1"] = Field("sha256", description="With hmac: its hash")
    encoding: Literal["hex", "base64"] = Field("hex", description="With hmac: how it is written")
    id_header: str = Field(
        "",
        pattern=r"^[a-z0-9-]*$",
        description="With hmac and token: the header with the event's id; the same id is counted once. "
        "Without it the body itself is the id",
        examples=["x-github-delivery"],
    )

    @property
    def references(self) -> list[str]:
        """The secrets, one or several."""
        return [self.secret] if isinstance(self.secret, str) else list(self.secret)


class Api(Shape):
    """The API of ``cophub serve``."""

    rate: float = Field(50.0, gt=0, description="Requests a second that one key may send, on the average")
    burst: int = Field(100, ge=1, description="Requests that one key may send at once")
    largest: int = Field(1 << 20, ge=1024, description="Most bytes of one request")
    slowest: Duration = Field("20s", description="Longest time a request's body may take to arrive")
    runs: int = Field(2, ge=1, le=64, description="Runs at once that were started through the API")
    rotation: Duration = Field("1d", description="How long a key's former secret holds after a change")
