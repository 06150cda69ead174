"""What the simulated REST products share in form: bearer tokens, pages by key or position, drifting fields."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.simulators.wire import Answer, Refused, Request

Position = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one page; ``after`` is the cursor of the next, None at the end; ``total`` of all."""

    rows: list[dict[str, Any]]
    total: int | None
    after: str | None


def page_of(
    request: Request,
    rows: Sequence[Mapping[str, Any]],
    order: tuple[str, str],
    limit: int,
    cursor: str | None,
) -> Page:
    """One page in the order of two fields (time of change, id). The cursor holds the last position, so
    that records changed meanwhile move behind it and are neither skipped nor mixed up."""
    if request.fault("empty") is not None:
        return Page([], 0, None)
    if request.fault("swallowed") is not None:
        return Page([], None, None)
    first, second = order
    ordered = sorted(rows, key=lambda row: (str(row[first]), row[second]))
    start = _decode(request, cursor) if cursor else None
    rest = [row for row in ordered if start is None or (str(row[first]), row[second]) > start]
    if start is not None:
        if request.fault("repeat") is not None:
            done = len(ordered) - len(rest)
            rest = ordered[max(0, done - limit) :]
        if request.fault("skip") is not None:
            rest = rest[limit:]
    shown = rest[:limit]
    after = _encode((str(shown[-1][first]), shown[-1][second])) if len(rest) > limit else None
    if request.fault("twice") is not None:
        shown = [*shown[:1], *shown]
    if request.fault("reorder") is not None:
        shown = shown[::-1]
    wrong = request.fault("count")
    total = len(ordered) + (0 if wrong is None else int(wrong or 1))
    drift = request.fault("drift")
    return Page([drifted(row, drift) for row in shown], total, after)


@dataclass(frozen=True, slots=True)
class Window:
    """Records from a position on; ``next`` is the position after them, None at the end; ``total`` of all."""

    rows: list[dict[str, Any]]
    total: int
    next: int | None


def window(request: Request, rows: Sequence[Mapping[str, Any]], start: int, size: int) -> Window:
    """Records by their position, as products do that count instead of remembering: what is deleted meanwhile
    moves the rest."""
    if request.fault("empty") is not None:
        return Window([], 0, None)
    begin = start
    if start:
        if request.fault("repeat") is not None:
            begin = max(0, start - size)
        if request.fault("skip") is not None:
            begin = start + size
    shown = [*rows[begin : begin + size]]
    if request.fault("twice") is not None:
        shown = [*shown[:1], *shown]
    if request.fault("reorder") is not None:
        shown = shown[::-1]
    wrong = request.fault("count")
    drift = request.fault("drift")
    follows = max(begin, start) + size
    return Window(
        [drifted(row, drift) for row in shown],
        len(rows) + (0 if wrong is None else int(wrong or 1)),
        follows if follows < len(rows) else None,
    )


def drifted(row: Mapping[str, Any], drift: str | None) -> dict[str, Any]:
    """The record after its vendor renamed a field (``Old:New``) or removed it (``Old:``)."""
    old, _, new = (drift or "").partition(":")
    return {
        new if name == old else name: value for name, value in row.items() if name != old or new or not old
    }


def limit_of(request: Request, name: str, default: int, most: int) -> int:
    """A page size; 400 where it is none."""
    text = request.query.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise Refused(400, "invalid_parameter", f"{name} must be a number from 1 to {most}")
    return int(text)


def moment(text: str, name: str) -> datetime:
    """A point in time of a parameter, UTC where it tells no zone; 400 where it is none."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            400, "invalid_parameter", f"{name} must be a time such as 2026-11-01T08:00:00Z"
        ) from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def text_of(value: datetime) -> str:
    """A point in time as these products write it: UTC, milliseconds, Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bearer(request: Request) -> str:
    """The token of the Authorization header, or ''."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def failure(error: Refused) -> Answer:
    """An error as these products write it."""
    detail = {name: value for name, value in error.detail.items() if name != "headers"}
    value = {"error": {"code": error.code, "message": error.message, **detail}}
    return Answer.json(error.status, value, error.detail.get("headers"))


def _encode(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _decode(request: Request, cursor: str) -> Position:
    try:
        first, second = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        first = second = None
    if second is None or request.fault("expire") is not None or request.fault("stale") is not None:
        raise Refused(400, "invalid_cursor", "the cursor is not valid, or no longer: start again")
    return str(first), second
