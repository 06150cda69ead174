"""Who is told when an exchange failed, is late or is held, and by which channel."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hub.workspace.hooks import SecretReference
from hub.workspace.strict import Name, Shape

Kind = Literal["failed", "late", "held"]
ROBOTS: Final = ("dingtalk", "wecom", "feishu")


class Alert(Shape):
    """One channel: a webhook, a robot of DingTalk, WeCom or Feishu, or mail by a system that sends some."""

    channel: Literal["webhook", "dingtalk", "wecom", "feishu", "mail"] = Field(description="What is at the other end")
    url: Annotated[str, StringConstraints(pattern=r"^(https?://|secret://)\S+$")] | None = Field(
        None,
        description="Address; of a robot a secret:// reference to it, for it holds the robot's key",
        examples=["secret://alerts/dingtalk"],
    )
    secret: SecretReference | None = Field(
        None, description="What signs: whsec_… of a webhook; the robot's own secret of DingTalk and Feishu"
    )
    via: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]*\.[^.\s]+$",
        description="With mail: system.resource that sends messages",
        examples=["mailbox.messages"],
    )
    to: list[str] = Field([], description="With mail: recipients", examples=[["ops@example.com"]])
    on: list[Kind] = Field(["failed", "late", "held"], min_length=1, description="What is told")
    exchanges: list[Name] = Field([], description="Of which exchanges; default: all", examples=[["s4-suppliers"]])
    language: Literal["en", "zh"] = Field("en", description="Language of the text")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.channel == "mail":
            if not self.via or not self.to:
                raise ValueError("a channel of mail needs via: system.resource and to: [addresses]")
            return self
        if not self.url or self.via or self.to:
            raise ValueError(f"a channel of {self.channel} needs url:, and neither via nor to")
        if self.channel in ROBOTS and not self.url.startswith("secret://"):
            raise ValueError("the address of a robot holds its key: write url: secret://SYSTEM/NAME")
        if (self.channel == "webhook") > (self.secret is not None):
            raise ValueError("a webhook needs secret: it is signed")
        if self.channel == "wecom" and self.secret is not None:
            raise ValueError("robots of WeCom take no signature: leave secret out")
        return self


ALERTS: Any = Field(
    {},
    description="Who is told when an exchange failed, is late (fresh_within) or is held by a guard, by name",
    examples=[{"ops": {"channel": "dingtalk", "url": "secret://alerts/robot", "secret": "secret://alerts/sign"}}],
)
