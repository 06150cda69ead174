"""What the page of a to-do offers to answer it with, and what its reader answered."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from hub.portal.ground import Ground, Visit
from hub.portal.shown import Reader
from hub.store import acts
from hub.store.todos import OPEN
from hub.todos.acted import shown


def answers(here: Ground, me: Visit, one: Mapping[str, Any], reader: Reader) -> Mapping[str, Any]:
    """``offered`` are responses and actions, each with whether the hub can give it; ``acts`` the reader's own, the
    newest first; ``key`` is the same as long as the page shows the same."""
    system = here.hub.workspace.systems.get(one["system"])
    rule = system.acts if system is not None and system.writes == "on" else None
    mine = [shown(found) for found in acts.of_todo(here.hub.database, one["id"]) if found.person == me.person]
    given = [*one["responses"], *one["actions"]]
    if not given and rule is not None:
        given = [operation(code) for code in rule.responses]
    there = one["box"] in OPEN and one["for"] is None
    titles = {found["code"]: found["title"] for found in given}
    offered = [{**found, "can": rule is not None and found["code"] in rule.responses} for found in given]
    return {
        "offered": offered if one["box"] in OPEN else [],
        "can": there and any(found["can"] for found in offered),
        "comments": any(found["can"] and found["comment"] != "unsupported" for found in offered),
        "needed": [found["title"] for found in offered if found["can"] and found["comment"] == "required"],
        "reasons": sorted({reason for found in offered if found["can"] for reason in found["reasons"]}),
        "acts": [_act(found, titles, reader) for found in mine],
        "pending": bool(mine) and mine[0]["state"] == "submitting",
        "key": _key(me, one, mine),
    }


def operation(code: str) -> Mapping[str, Any]:
    """A response that only the system's file names."""
    return {"code": code, "title": code, "nature": "neutral", "comment": "optional", "reasons": []}


def _act(found: Mapping[str, Any], titles: Mapping[str, str], reader: Reader) -> Mapping[str, Any]:
    return {**found, "title": titles.get(found["response"], found["response"]), "time": reader.time(found["begun_at"])}


def _key(me: Visit, one: Mapping[str, Any], mine: Sequence[Mapping[str, Any]]) -> str:
    """A second press of what the page shows is the same press; after an act has failed the page shows another."""
    text = f"{one['id']} {len(mine)}"
    return hmac.new(me.account.id.bytes, text.encode(), hashlib.sha256).hexdigest()
