"""What YAML may say about a calendar server and about one of its collections of to-dos."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from hub.contract import Settings
from hub.http import HttpSettings
from hub.http.records import check_fields
from hub.http.settings import Names


def _keyed(names: list[str]) -> list[str]:
    if names not in (["uid"], ["href"]):
        raise ValueError("the key is uid or href")
    return names


class CalendarSettings(HttpSettings):
    """A CalDAV server. ``url`` is the address that paths of collections are appended to."""

    page_size: int = Field(default=100, ge=1, le=1000, description="To-dos per request", examples=[200])


class CalendarResource(Settings):
    """A collection of to-dos (VTODO)."""

    path: str = Field(description="Path of the collection below url", examples=["/calendars/alice/tasks/"])
    title: str = Field(default="", description="Title")
    key: Annotated[Names, AfterValidator(_keyed)] = Field(
        default=["uid"], description="What identifies a to-do: uid, or href (the last part of its address)"
    )
    sync: bool = Field(
        default=True,
        description="Go on from the last read and see deletions (RFC 6578); false for servers without it",
    )
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={},
        description="Further fields: X- properties, named x_…",
        examples=[{"x_cost_center": "text"}],
    )
