"""The hub's own address: what needs it, and whether it may be http."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import Field

WRITE: Final = "write address: https://hub.example.com in config/hub.yaml"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
ADDRESS: Any = Field(
    None,
    pattern=r"^https?://[^\s/?#@]+$",
    description="Where browsers and other systems reach this hub, without a path; what the hub says of its own "
    "addresses comes from here, never from a request",
    examples=["https://hub.example.com"],
)


def is_plain(address: str) -> bool:
    """Whether it is http beyond this machine: what is sent there can be read on the way."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK
