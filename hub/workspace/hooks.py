"""The shape of what comes in and goes out by HTTP without being asked for: webhooks, pushes, drop-ins."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

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


WEBHOOKS: Any = Field(
    {},
    description="Who outside is told of changes, by name",
    examples=[{"bi": {"url": "https://bi.example.com/hooks", "secret": "secret://hooks/bi"}}],
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


class Dropin(Shape):
    """A system that pushes its to-dos to an OA goes on doing so in the OA's own protocol: only the host changes."""

    speaks: Literal["seeyon", "weaver", "feishu"] = Field(
        description="seeyon: thirdpartyPending of its REST interface; weaver: rest/ofs of e-cology and its SOAP twin; "
        "feishu: external_instances of its approvals"
    )
    code: str = Field(
        min_length=1,
        max_length=100,
        description="What the system calls itself: registerCode, syscode, app_id",
        examples=["3001"],
    )
    receiver: Literal["account", "login", "code", "phone", "mail"] = Field(
        "account", description="What its receivers are called by, where the protocol does not say"
    )
    from_: list[str] = Field(
        [],
        alias="from",
        description="Addresses that need no key: the protocol of Weaver has none",
        examples=[["10.20.0.7", "10.21.0.0/16"]],
    )
    pc: str = Field("", description="What stands before links of its pages", examples=["https://oa.example.com"])
    mobile: str = Field("", description="The same for phones", examples=["https://m.oa.example.com"])

    @field_validator("from_")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        for one in value:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(f"{one!r} is no address and no network (10.21.0.0/16)") from None
        return value


class Api(Shape):
    """The API of ``cophub serve``."""

    rate: float = Field(50.0, gt=0, description="Requests a second that one key may send, on the average")
    burst: int = Field(100, ge=1, description="Requests that one key may send at once")
    largest: int = Field(1 << 20, ge=1024, description="Most bytes of one request")
    slowest: Duration = Field("20s", description="Longest time a request's body may take to arrive")
    runs: int = Field(2, ge=1, le=64, description="Runs at once that were started through the API")
    listeners: int = Field(200, ge=0, le=1000, description="Streams of to-dos that one key may have open at once")
    rotation: Duration = Field("1d", description="How long a key's former secret holds after a change")
    cors: list[str] = Field(
        [],
        description="Origins whose pages may ask the API from a browser, each as it is: no pattern, no path",
        examples=[["https://dash.example.com"]],
    )

    @field_validator("cors")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for one in value:
            if re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", one) is None:
                raise ValueError(f"{one!r} is no origin: write https://dash.example.com, small and without a path")
        return value
