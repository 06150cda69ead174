"""To-dos as people and programs are shown them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hub.literals import instant, integer
from hub.store.substitutes import Whose
from hub.store.todos import BOXES, Stored
from hub.todos.received import LEVELS

NAMES: Final = {number: name for name, number in LEVELS.items()}
PLAIN: Final = ("account", "person", "group")
"""Receivers that are shown whole; the others hold what is somebody's own: his number, his address."""


def priority(name: str | None) -> int | None:
    """The number of a priority."""
    return None if name is None else LEVELS[name]


def masked(receiver: str) -> str:
    """A receiver without what is personal."""
    kind, _, value = receiver.partition(":")
    if kind == "member":  # it is shown beside the person
        return value.partition(":")[2]
    if kind in PLAIN:
        return receiver
    return f"{kind}:{value[:1]}…{value[-1:]}" if len(value) > 4 else f"{kind}:…"


def titled(titles: Mapping[str, str], language: str) -> Any:
    """A title in a language: that one, its base, English, or the first; without a language all of them, and a
    title that has none as it is."""
    if list(titles) == [""]:
        return titles[""]
    if not language:
        return titles
    for wanted in (language, language.partition("-")[0], "en"):
        if wanted in titles:
            return titles[wanted]
    return next(iter(titles.values()), "")


def shown(
    row: Mapping[str, Any], language: str, whose: Whose
) -> Mapping[str, Any]:
    """One line of the list of a person, and of those for whom he stands in."""
    content = row["content"] or {}
    return {
        "id": row["id"],
        "system": row["system"],
        "tenant": row["tenant"],
        "source_id": row["source_id"],
        "title": titled(content.get("title", {}), language),
        "text": content.get("text", ""),
        "status": row["status"],
        "box": row["box"],
        "for": whose.mark(row["person"]),
        "outcome": row["outcome"],
        "read": row["read"],
        "urges": row["urges"],
        "priority": NAMES[row["priority"]],
        "due": row["due_at"],
        "since": row["since"],
        "changed_at": row["changed_at"],
        **{name: content.get(name, "") for name in ("definition", "process", "node")},
        **{name: content.get(name, {}) for name in ("links", "attributes")},
        **{name: content.get(name, []) for name in ("responses", "actions")},
    }


def counted(rows: Iterable[tuple[str, str, int, bool, int]]) -> Mapping[str, Any]:
    """Counts by box: how many, how many of them unread, by system and by priority."""
    found: dict[str, dict[str, Any]] = {
        box: {"count": 0, "unread": 0, "systems": {}, "priorities": {}}
        for box in BOXES
    }
    for box, system, level, read, count in rows:
        one = found[box]
        one["count"] += count
        one["unread"] += 0 if read else count
        one["systems"][system] = one["systems"].get(system, 0) + count
        one["priorities"][NAMES[level]] = one["priorities"].get(NAMES[level], 0) + count
    return found


def whole(found: Stored, history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A to-do with everybody who has it."""
    row, content = found.row, found.row["content"] or {}
    return {
        "id": row["id"],
        "system": row["system"],
        "tenant": row["tenant"],
        "source_id": row["source_id"],
        "status": row["status"],
        "outcome": row["outcome"],
        "content": content | ({"initiator": masked(content["initiator"])} if "initiator" in content else {}),
        "first_seen": row["first_seen"],
        "changed_at": row["changed_at"],
        "receivers": [
            {
                "receiver": masked(name),
                "person": one["person"],
                "unresolved": one["unresolved"],
                "box": one["box"],
                "outcome": one["outcome"],
                "read": one["read"],
                "urges": one["urges"],
                "since": one["since"],
            }
            for name, one in sorted(found.receivers.items())
        ],
        "history": [
            {name: line[name] for name in ("number", "told_at", "received_at", "by", "said")}
            | {"ignored": [{"part": masked(part), "code": code} for part, code in line["ignored"]]}
            for line in history
        ],
    }


def _when(text: str) -> dt.datetime | None:
    return instant(text) if text else None


PLACES: Final[Mapping[str, tuple[Any, ...]]] = {
    "newest": (instant, uuid.UUID),
    "oldest": (instant, uuid.UUID),
    "due": (_when, uuid.UUID),
    "priority": (integer, instant, uuid.UUID),
}
"""How the texts of a place in each order (``hub.store.todos.place``) are read."""
