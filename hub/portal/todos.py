"""My to-dos: the list of who is logged in, and one of them. Every query starts from his person, and
from those for whom he stands in."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hub.errors import ConfigError, HubError
from hub.portal import shown
from hub.portal.answers import answers
from hub.portal.ground import Ground, Here, Me, Visit, language
from hub.portal.shown import Reader
from hub.portal.words import sentence
from hub.store import acts, todos
from hub.store.substitutes import Whose
from hub.todos import feed, substitutes
from hub.todos.acted import brief
from hub.todos.explain import explain

router = APIRouter(prefix="/todos")
PAGE: Final = 25
Box = Literal["to_do", "to_read", "initiated", "done"]
Order = Literal["newest", "oldest", "due", "priority"]
Priority = Literal["", "low", "medium", "high", "very_high"]
Text = Annotated[str, Query(max_length=200)]


@router.get("")
def inbox(
    request: Request,
    here: Here,
    me: Me,
    box: Box = "to_do",
    system: Text = "",
    priority: Priority = "",
    order: Order = "newest",
    unread: Literal["", "1"] = "",
    q: Text = "",
    after: Annotated[str, Query(max_length=400)] = "",
    seen: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The whole page; for htmx its part that changes, or 204 where that is as the page has it already."""
    asked = {
        "box": box, "system": system, "priority": priority, "order": order, "unread": unread, "q": q.strip(),
    }  # fmt: skip
    wanted = todos.Wanted(
        box,
        [system] if system else (),
        priority=feed.priority(priority or None),
        read=False if unread else None,
        text=q.strip(),
        order=order,
    )
    database, reader, whose = here.hub.database, reader_of(request, here), substitutes.whose(here.hub, me.person)
    rows = todos.listed(database, whose, wanted, None, _place(after, order), PAGE + 1)
    counts = feed.counted(todos.counts(database, whose, None))
    full = len(rows) > PAGE
    last = acts.latest(database, [row["id"] for row in rows[:PAGE] if row["acted"]], me.person)
    here_ = urlencode({name: value for name, value in asked.items() if value and value != DEFAULTS.get(name)})
    filled = {
        "asked": asked,
        "filtered": bool(system or priority or unread or asked["q"]),
        "counts": counts,
        "items": [
            {**shown.line(row, reader, whose), "act": brief(last.get(row["id"]))} for row in rows[:PAGE]
        ],
        "systems": sorted(
            ((name, reader.system(name), count) for name, count in counts[box]["systems"].items()),
            key=lambda one: (-one[2], one[1]),
        ),
        "next": _cursor(todos.place(rows[PAGE - 1], order)) if full else "",
        "after": after,
        "here": here_,
        "query": lambda **more: urlencode(
            {name: value for name, value in (asked | more).items() if value and value != DEFAULTS.get(name)}
        ),
    }
    return _answer(request, here, me, "inbox", filled, seen)


DEFAULTS: Final = {"box": "to_do", "order": "newest"}


@router.get("/{identity}")
def one(
    request: Request, here: Here, me: Me, identity: str, seen: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """One to-do that the reader has, with its history. ConfigError ``todo.unknown`` for all others."""
    return page(request, here, me, identity, seen)


@router.get("/{identity}/why")
def why(request: Request, here: Here, me: Me, identity: str) -> Response:
    """Why the reader sees one of his to-dos, and what keeps its system from telling more. ConfigError
    ``todo.unknown`` for all others: what somebody else has is not explained here."""
    row = held(here, substitutes.whose(here.hub, me.person), identity)
    found = explain(here.hub, row["system"], row["tenant"], row["source_id"], me.person, None)
    spoken = reader_of(request, here).spoken
    sentences = {one.code: sentence(spoken, one.code) for one in found.reasons}
    filled = {"one": row, "reasons": found.reasons, "sentences": sentences, "me": me, "form": me.form}
    return here.pages.page("why.html", language(request), filled)


def held(here: Ground, whose: Whose, identity: str) -> Mapping[str, Any]:
    """A to-do of somebody's list. ConfigError ``todo.unknown``."""
    row = None
    with suppress(ValueError):  # what is no id is nobody's to-do
        row = todos.held(here.hub.database, whose, uuid.UUID(identity))
    if row is None:
        raise ConfigError("todo.unknown", "there is no such to-do in your list", hint="go back to the list")
    return row


def page(
    request: Request, here: Ground, me: Visit, identity: str, seen: str = "", told: HubError | None = None
) -> Response:
    """The same; ``told`` is why an answer to it was not taken."""
    reader, whose = reader_of(request, here), substitutes.whose(here.hub, me.person)
    row = held(here, whose, identity)
    line = shown.line(row, reader, whose)
    filled = {
        "one": line,
        "initiator": shown.initiator(row["content"]),
        "history": shown.history(todos.history(here.hub.database, row["id"]), reader),
        "told": told,
        "sentence": sentence(reader.spoken, told.code) if told is not None else "",
        "opens": here.broker is not None and here.broker.client(row["system"]) is not None,
        **answers(here, me, line, reader),
    }
    return _answer(request, here, me, "todo", filled, seen, 200 if told is None else here.status(told))


def _answer(
    request: Request, here: Ground, me: Visit, template: str, filled: dict[str, Any], seen: str, status: int = 200
) -> Response:
    """The page around a part, or for htmx the part alone; ``seen`` is the print of the one that it has."""
    spoken = language(request)
    part = here.pages.text(f"{template}_part.html", spoken, filled | {"seen": "", "me": me, "form": ""})
    print_ = hashlib.sha256(part.encode()).hexdigest()[:16]
    whole = filled | {"seen": print_, "me": me, "form": me.form}
    if "hx-request" in request.headers:
        if seen == print_:
            return Response(status_code=204)
        return here.pages.page(f"{template}_part.html", spoken, whole)
    return here.pages.page(f"{template}.html", spoken, whole, status)


def reader_of(request: Request, here: Ground) -> Reader:
    """For whom a request's answer is shown."""
    return Reader(language(request), here.hub.clock(), here.hub.workspace)


def _cursor(place: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([str(part) for part in place])).decode().rstrip("=")


def _place(text: str, order: str) -> tuple[Any, ...] | None:
    """The place in a cursor. ConfigError ``request.malformed``."""
    if not text:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return tuple(kind(part) for kind, part in zip(feed.PLACES[order], parts, strict=True))
    except (ValueError, TypeError, AttributeError):
        raise ConfigError("request.malformed", "the page's address is cut", hint="go back to the list") from None
