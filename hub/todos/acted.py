"""Acts as people and programs are shown them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.store.acts import Act


def shown(one: Act) -> Mapping[str, Any]:
    """An act with its state; ``unasked`` are the conditions that its source could not be asked."""
    return {
        "id": one.id,
        "todo": one.todo,
        "person": one.person,
        "system": one.system,
        "response": one.response,
        "comment": one.comment,
        "reason": one.reason,
        "state": one.state,
        "error": {"code": one.code, "message": one.message} if one.code else None,
        "account": one.account or None,
        "by": one.by,
        "unasked": one.unasked,
        "attempts": one.attempts,
        "next_try": one.next_try if one.state == "submitting" else None,
        "begun_at": one.begun_at,
        "changed_at": one.changed_at,
    }


def brief(one: Act | None) -> Mapping[str, Any] | None:
    """What a list tells of the last act; nothing of one that is done, since the to-do itself shows that."""
    if one is None or one.state == "done":
        return None
    return {
        "id": one.id,
        "response": one.response,
        "state": one.state,
        "error": {"code": one.code, "message": one.message} if one.code else None,
    }
