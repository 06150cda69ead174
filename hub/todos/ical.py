"""To-dos as iCalendar (RFC 5545)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from icalendar import Calendar, Event, Todo

PRIORITIES: Final = {"very_high": 1, "high": 3, "medium": 5, "low": 9}
REFRESH: Final = dt.timedelta(minutes=15)
NOTICE: Final = dt.timedelta(minutes=30)
"""An event ends when the to-do is due."""


def calendar(items: Iterable[Mapping[str, Any]], title: str, *, events: bool) -> bytes:
    """Lines of a person's list (``feed.shown``, in one language) as VTODO; as ``events`` those with a date as VEVENT,
    for apps that show nothing else."""
    found = Calendar()
    found.add("prodid", "-//COP Hub//To-dos//EN")
    found.add("version", "2.0")
    found.add("x-wr-calname", title)
    found.add("refresh-interval", REFRESH, {"VALUE": "DURATION"})
    for item in items:
        if not events:
            found.add_component(_described(Todo(), item))
        elif item["due"] is not None:
            found.add_component(_described(Event(), item))
    return bytes(found.to_ical())


def _described(part: Todo | Event, item: Mapping[str, Any]) -> Todo | Event:
    part.add("uid", f"{item['id']}@cophub")
    part.add("dtstamp", item["changed_at"])
    part.add("last-modified", item["changed_at"])
    part.add("summary", item["title"])
    part.add("categories", [item["system"]])
    part.add("priority", PRIORITIES[item["priority"]])
    if item["text"]:
        part.add("description", item["text"])
    if link := item["links"].get("pc") or item["links"].get("mobile"):
        part.add("url", link)
    if isinstance(part, Todo):
        part.add("status", "NEEDS-ACTION")
        part.add("created", item["since"])
        if item["due"] is not None:
            part.add("due", item["due"])
    else:
        part.add("dtstart", item["due"] - NOTICE)
        part.add("dtend", item["due"])
        part.add("transp", "TRANSPARENT")
    return part
