"""To-dos as the pages show them: words in the reader's language, times of the hub's zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from hub.portal.words import WORDS, say
from hub.store.substitutes import Whose
from hub.todos import feed
from hub.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Time:
    """An instant: for machines, for people, and how far it is."""

    iso: str
    text: str
    near: str


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom it is shown: ``language`` with its region (zh-CN), the hub's clock and zone."""

    language: str
    moment: dt.datetime
    workspace: Workspace

    @property
    def spoken(self) -> str:
        """The language of the portal's own words."""
        return "zh" if self.language.partition("-")[0].lower() == "zh" else "en"

    def time(self, moment: dt.datetime | None, *, due: bool = False) -> Time | None:
        """``due``: what lies before now is overdue."""
        if moment is None:
            return None
        local = moment.astimezone(ZoneInfo(self.workspace.hub.zone))
        if self.spoken == "zh":
            text = f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
        else:
            text = f"{local.day} {local:%b %Y, %H:%M}"
        return Time(local.isoformat(timespec="seconds"), text, self._near(moment, due=due))

    def _near(self, moment: dt.datetime, *, due: bool) -> str:
        minutes = round((moment - self.moment).total_seconds() / 60)
        kind = "in" if minutes > 0 else "over" if due else "ago"
        far = abs(minutes)
        if far < 1:
            return say(self.spoken, "now")
        unit, size = ("minutes", 1) if far < 60 else ("hours", 60) if far < 60 * 36 else ("days", 60 * 24)
        return say(self.spoken, f"{kind}.{unit}", count=round(far / size))

    def system(self, name: str) -> str:
        """A system's title."""
        known = self.workspace.systems.get(name)
        return self.titled(known.title if known is not None else "") or name

    def titled(self, title: Any) -> str:
        """A title that is a text or one per language."""
        return str(feed.titled(title, self.language)) if isinstance(title, Mapping) else str(title or "")


def line(row: Mapping[str, Any], reader: Reader, whose: Whose) -> Mapping[str, Any]:
    """A to-do of a list, and the head of its page."""
    one = feed.shown(row, reader.language, whose)
    due = one["due"]
    return {
        **one,
        "title": one["title"] or one["source_id"],
        "system_title": reader.system(one["system"]),
        "since": reader.time(one["since"]),
        "changed": reader.time(one["changed_at"]),
        "due": reader.time(due, due=True),
        "overdue": due is not None and due < reader.moment and one["box"] == "to_do",
        "links": {kind: one["links"].get(kind, "") for kind in ("pc", "mobile", "app")},
        "responses": [_operation(found, reader) for found in one["responses"]],
        "actions": [_operation(found, reader) for found in one["actions"]],
        "attributes": [_attribute(name, found, reader) for name, found in one["attributes"].items()],
    }


def _operation(found: Mapping[str, Any], reader: Reader) -> Mapping[str, Any]:
    return {
        "code": found["code"],
        "title": reader.titled(found.get("title")) or found["code"],
        "nature": found.get("nature", "neutral"),
        "comment": found.get("comment", "optional"),
        "reasons": found.get("reasons", []),
    }


def _attribute(name: str, found: Mapping[str, Any], reader: Reader) -> tuple[str, str]:
    value = str(found["value"])
    if found.get("type") == "boolean" and f"boolean.{value.lower()}" in WORDS:
        value = say(reader.spoken, f"boolean.{value.lower()}")
    return reader.titled(found.get("title")) or name, value


def initiator(content: Mapping[str, Any] | None) -> str:
    """Who began it, without what is personal; nothing where only the hub's own id of him is known."""
    name = str((content or {}).get("initiator", ""))
    return "" if not name or name.startswith("person:") else feed.masked(name).partition(":")[2]


def history(lines: Iterable[Mapping[str, Any]], reader: Reader) -> Sequence[Mapping[str, Any]]:
    """What was reported, the newest first."""
    return [
        {
            "time": reader.time(one["told_at"] or one["received_at"]),
            "by": _by(one["by"], reader.spoken),
            "parts": _parts(one["said"], reader.spoken),
            "ignored": ", ".join(sorted({code for _, code in one["ignored"]})),
        }
        for one in lines
    ]


def _by(name: str, language: str) -> str:
    """Who reported it; an answer that the hub gave is called so, not by its id."""
    return say(language, "history.answer") if name.startswith("act:") else name


def _parts(said: Mapping[str, Any], language: str) -> str:
    t, found = partial(say, language), []
    if said.get("content"):
        found.append(t("history.content"))
    if status := said.get("status"):
        found.append(t("history.status", status=t(f"status.{status}")))
    if count := said.get("assignees"):
        found.append(t("history.assignees.one") if count == 1 else t("history.assignees", count=count))
    return ("，" if language == "zh" else ", ").join(found)
