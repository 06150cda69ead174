"""Feishu's third-party approvals (``external_instances``), made reports: one to-do for one instance.

Fields as the open platform's reference has them (Approval v4, "Sync instances", "Verify instances"). Who has a task
that is pending has it to do; who has none but handled ones has done it; the copied have it to read, the initiator has
it as his. ``update_time`` orders what is pushed; REPLACE (the default) names all that there are, UPDATE some.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from hub.errors import RecordRejected
from hub.literals import integer
from hub.todos.received import storable
from hub.todos.reports import Key
from hub.workspace.shape import Dropin

Given = Mapping[str, Any]

STATES: Final = {
    "PENDING": ("ready", ""),
    "APPROVED": ("completed", "agree"),
    "REJECTED": ("completed", "reject"),
    "CANCELED": ("cancelled", "cancel"),
    "TERMINATED": ("cancelled", "terminate"),
    "DELETED": ("withdrawn", ""),
    "HIDDEN": ("", ""),  # shown to nobody, and perhaps again later
}
TASKS: Final = {
    "PENDING": (False, ""),
    "APPROVED": (True, "agree"),
    "REJECTED": (True, "reject"),
    "TRANSFERRED": (True, "transfer"),
    "DONE": None,  # decided without him: he does not see it
}
NATURES: Final = {"APPROVE": "positive", "REJECT": "negative"}
CODES: Final = {"zh-CN": "zh", "en-US": "en", "ja-JP": "ja"}


def instance(given: Given, system: str, rule: Dropin) -> dict[str, Any]:
    """One instance as an item of POST /v1/todos. RecordRejected ``todo.malformed``."""
    texts = _texts(given)
    state = _text(given, "status")
    if state not in STATES:
        raise _malformed("status", f"status is {state!r}: one of {', '.join(STATES)}")
    for name in ("approval_code", "instance_id", "update_time"):
        if not _text(given, name):
            raise _malformed(name, f"{name} is missing")
    mode = _text(given, "update_mode") or "REPLACE"
    if mode not in ("REPLACE", "UPDATE"):
        raise _malformed("update_mode", f"update_mode is {mode!r}: REPLACE or UPDATE")
    status, outcome = STATES[state]
    tasks, copies = _list(given, "task_list"), _list(given, "cc_list")
    pending = [one for one in tasks if _text(one, "status") == "PENDING"]
    title = _said(_text(given, "title") or _text(given, "approval_code"), texts)
    item: dict[str, Any] = {
        "system": system,
        "id": _text(given, "instance_id"),
        "version": {"at": _at(changed(given))},
        "title": title,
        "definition": _text(given, "approval_code")[:200],
        "process": _text(given, "instance_id")[:200],
        "node": _one(_said(_text(pending[0], "node_name"), texts))[:200] if pending else "",
        "links": _links(pending[0] if pending else given) or _links(given),
        "responses": _responses(pending, texts),
        "attributes": _form(given, texts),
    }
    if status:
        item |= {"status": status, "outcome": outcome}
    if created := _text(given, "start_time"):
        item["created"] = _at(_milliseconds(created, "start_time"))
    initiator = _person(given, rule)
    if initiator is not None:
        item["initiator"] = initiator
    item["assignees"] = [] if state == "HIDDEN" else _receivers(tasks, copies, initiator, item.get("created"), rule)
    if mode == "UPDATE" and state != "HIDDEN":
        item["partial"] = True
    return item


def changed(given: Given) -> int:
    """When an instance, or a task or copy of it, changed last: milliseconds since 1970."""
    times = [(given, "update_time")]
    times += [(one, "update_time") for name in ("task_list", "tasks", "cc_list") for one in _list(given, name)]
    return max((_milliseconds(_text(one, name), name) for one, name in times if _text(one, name)), default=0)


def key(given: Given, system: str) -> Key:
    """What an instance is called here."""
    try:
        return Key(system, "", storable(_text(given, "instance_id")))
    except ValueError as error:
        raise _malformed("instance_id", f"instance_id: {error}") from None


def _receivers(
    tasks: Sequence[Given], copies: Sequence[Given], initiator: Any, created: str | None, rule: Dropin
) -> list[dict[str, Any]]:
    """One for each person: a pending task counts before handled ones, those before copies and the initiator."""
    found: dict[str, dict[str, Any]] = {}
    for task in sorted(tasks, key=lambda one: _milliseconds(_text(one, "update_time") or "0", "update_time")):
        state = _text(task, "status")
        if state not in TASKS:
            raise _malformed("task_list.status", f"status is {state!r}: one of {', '.join(TASKS)}")
        to = _person(task, rule)
        if to is None:
            raise _malformed("task_list", "neither open_id nor user_id says who has the task")
        said = TASKS[state]
        row: dict[str, Any] = {"to": to}
        if said is None:
            row["there"] = False
        else:
            row |= {"done": said[0], "outcome": said[1]}
        if since := _text(task, "create_time"):
            row["since"] = _at(_milliseconds(since, "create_time"))
        before = found.get(_name(to))
        if before is None or _weight(row) >= _weight(before):
            found[_name(to)] = row
    for copy in copies:
        to = _person(copy, rule)
        if to is None:
            raise _malformed("cc_list", "neither open_id nor user_id says who gets the copy")
        row = {"to": to, "kind": "to_read"}
        if (read := _text(copy, "read_status")) in ("READ", "UNREAD"):
            row["read"] = read == "READ"
        if since := _text(copy, "create_time"):
            row["since"] = _at(_milliseconds(since, "create_time"))
        if _weight(found.get(_name(to), {"there": False})) == 0:
            found[_name(to)] = row
    if initiator is not None and _weight(found.get(_name(initiator), {"there": False})) == 0:
        found[_name(initiator)] = {"to": initiator, "kind": "initiated"} | ({"since": created} if created else {})
    return list(found.values())


def _weight(row: Given) -> int:
    if row.get("there") is False:
        return 0
    return 1 if row.get("done", True) else 2


def _name(to: Given) -> str:
    return orjson.dumps(to).decode()


def _person(given: Given, rule: Dropin) -> dict[str, str] | None:
    user, opened = _text(given, "user_id"), _text(given, "open_id")
    if user and (rule.receiver != "account" or not opened):
        return {rule.receiver: user}
    return {"account": opened} if opened else None


def _links(given: Given) -> dict[str, str]:
    links = given.get("links")
    if not isinstance(links, Mapping):
        return {}
    named = {"pc": _text(links, "pc_link"), "mobile": _text(links, "mobile_link")}
    return {kind: link for kind, link in named.items() if link}


def _responses(pending: Sequence[Given], texts: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for task in pending:
        for one in _list(task, "action_configs"):
            code = _text(one, "action_type")
            if not code:
                raise _malformed("action_configs.action_type", "action_type is missing")
            required = one.get("is_reason_required") is True
            row: dict[str, Any] = {"code": code, "nature": NATURES.get(code, "neutral")}
            row["comment"] = "required" if required else "optional"
            if name := _text(one, "action_name"):
                row["title"] = _said(name, texts)
            found[code] = row
    return list(found.values())


def _form(given: Given, texts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in _list(given, "form")[:30]:
        name = _one(_said(_text(one, "name"), texts))[:200]
        if name:
            found[name] = {"value": _one(_said(_text(one, "value"), texts))[:1000]}
    return found


def _texts(given: Given) -> dict[str, dict[str, str]]:
    """@i18n@ key → language → text; the default language first."""
    found: dict[str, dict[str, str]] = {}
    resources = _list(given, "i18n_resources")
    for one in sorted(resources, key=lambda each: each.get("is_default") is not True):
        locale = _text(one, "locale")
        for text in _list(one, "texts"):
            found.setdefault(_text(text, "key"), {})[CODES.get(locale, locale)] = _text(text, "value")
    return found


def _said(text: str, texts: Mapping[str, Mapping[str, str]]) -> str | dict[str, str]:
    """A text, or what an @i18n@ key stands for in every language."""
    found = {language: value for language, value in texts.get(text, {}).items() if value}
    return dict(found) if found else text


def _one(said: str | Mapping[str, str]) -> str:
    return said if isinstance(said, str) else next(iter(said.values()), "")


def _list(given: Given, name: str) -> list[Given]:
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise _malformed(name, f"{name} is no list of objects")
    return value


def _text(given: Given, name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value).strip()
    raise _malformed(name, f"{name} is neither a text nor a number")


def _milliseconds(text: str, where: str) -> int:
    try:
        return integer(text, most=10**13 - 1)
    except ValueError:
        raise _malformed(where, f"{where} is no number of milliseconds since 1970") from None


def _at(milliseconds: int) -> str:
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)).isoformat()


def _malformed(where: str, message: str) -> RecordRejected:
    return RecordRejected("todo.malformed", message, where=where, hint="see docs/how-to/drop-in-receivers.md")
