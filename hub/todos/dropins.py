"""To-dos in the protocols of OAs, made reports: whoever pushes to Seeyon or Weaver pushes to the hub as well.

Fields, as public integrations use them: of Seeyon's ``thirdpartyPending`` (CIP), and of Weaver's ``rest/ofs``
(e-cology). Seeyon tells no time of a change: its reports count as of their arrival. Weaver's ``receivets`` is one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.errors import RecordRejected
from hub.literals import since_1970
from hub.workspace.shape import Dropin

Given = Mapping[str, Any]

SEEYON_STATES: Final = {"0": "ready", "1": "completed"}
SEEYON_ENDS: Final = {"0": "agree", "1": "disagree", "2": "cancel", "3": "reject"}
WEAVER_BOXES: Final = {"0": "to_do", "2": "done", "4": "over", "8": "to_read"}
WEAVER_CALLS: Final = {
    "ReceiveRequestInfoByJson": None,
    "ReceiveTodoRequestByJson": "0",
    "ReceiveCCRequestByJson": "8",
    "ProcessDoneRequestByJson": "2",
    "ProcessOverRequestByJson": "4",
}
"""The call → isremark; the first one says it in the body."""
WEAVER_DELETES: Final = ("deleteRequestInfoByJson", "deleteUserRequestInfoByJson")


def seeyon(given: Given, system: str, rule: Dropin, zone: ZoneInfo, *, whole: bool) -> dict[str, Any]:
    """One of ``receive`` (``whole``), or of ``updatePendingState``, as an item of POST /v1/todos.
    RecordRejected ``todo.malformed``."""
    _require(given, ("registerCode", "taskId", "state"), rule, "registerCode")
    state = _text(given, "state")
    if state not in SEEYON_STATES:
        raise _malformed("state", f"state is {state!r}: 0 (open) or 1 (done)")
    outcome = SEEYON_ENDS.get(_text(given, "subState"), "") if state == "1" else ""
    status = "cancelled" if outcome == "cancel" else SEEYON_STATES[state]
    item: dict[str, Any] = {"system": system, "id": _text(given, "taskId"), "status": status, "outcome": outcome}
    if not whole:
        return item
    _require(given, ("title",), rule, "registerCode")
    to = _seeyon_person(given, "thirdReceiverId", "noneBindingReceiver", rule)
    if to is None:
        raise _malformed("thirdReceiverId", "neither thirdReceiverId nor noneBindingReceiver says who has it")
    created = _local(given, "creationDate", zone)
    receiver: dict[str, Any] = {"to": to}
    if created:
        receiver["since"] = created
    if state == "1":
        receiver |= {"done": True, "outcome": outcome}
    item |= {"title": _text(given, "title"), "assignees": [receiver], "links": {}}
    if sender := _seeyon_person(given, "thirdSenderId", "noneBindingSender", rule):
        item["initiator"] = sender
    if created:
        item["created"] = created
    for name, kind, before in (("url", "pc", rule.pc), ("h5url", "mobile", rule.mobile)):
        if link := _text(given, name):
            item["links"][kind] = _whole(link, before)
    shown = {name: _text(given, name) for name in ("senderName", "classify", "appParam") if _text(given, name)}
    if shown:
        item["attributes"] = {name: {"value": value[:1000]} for name, value in shown.items()}
    if content := _text(given, "content"):
        item["text"] = content[:10_000]
    return item


def _seeyon_person(given: Given, bound: str, free: str, rule: Dropin) -> dict[str, str] | None:
    if value := _text(given, bound):
        return {"account": value}
    if value := _text(given, free):
        return {"login" if rule.receiver == "account" else rule.receiver: value}
    return None


def weaver(given: Given, call: str, system: str, rule: Dropin, zone: ZoneInfo) -> dict[str, Any]:
    """One of ``rest/ofs/CALL`` as an item of POST /v1/todos. RecordRejected ``todo.malformed``."""
    if call in WEAVER_DELETES:
        return _weaver_deleted(given, call, system, rule)
    _require(given, ("syscode", "flowid", "requestname", "receiver"), rule, "syscode")
    remark = WEAVER_CALLS[call] or _text(given, "isremark")
    box = WEAVER_BOXES.get(remark)
    if box is None:
        raise _malformed("isremark", f"isremark is {remark!r}: one of {', '.join(WEAVER_BOXES)}")
    receiver: dict[str, Any] = {"to": {rule.receiver: _text(given, "receiver")}, "done": box in ("done", "over")}
    if box == "to_read":
        receiver["kind"] = "to_read"
    if (view := _text(given, "viewtype")) in ("0", "1"):
        receiver["read"] = view == "1"
    if since := _local(given, "receivedatetime", zone):
        receiver["since"] = since
    item: dict[str, Any] = {
        "system": system, "id": _text(given, "flowid"), "title": _text(given, "requestname"), "partial": True,
        "assignees": [receiver], "links": {}, "definition": _text(given, "workflowname")[:200],
        "node": _text(given, "nodename")[:200], "process": _text(given, "flowid")[:200],
    }  # fmt: skip
    if box == "over":
        item["status"] = "completed"
    if version := _weaver_version(given):
        item["version"] = version
    if creator := _text(given, "creator"):
        item["initiator"] = {rule.receiver: creator}
    if created := _local(given, "createdatetime", zone):
        item["created"] = created
    for name, kind, before in (("pcurl", "pc", rule.pc), ("appurl", "mobile", rule.mobile)):
        if link := _text(given, name):
            item["links"][kind] = _whole(link, before)
    return item


def _weaver_deleted(given: Given, call: str, system: str, rule: Dropin) -> dict[str, Any]:
    """A workflow, or one receiver's part of it, that was deleted in its system."""
    alone = call == "deleteUserRequestInfoByJson"
    names = ("syscode", "flowid", "userid") if alone and "userid" in given else ("syscode", "flowid")
    _require(given, names, rule, "syscode")
    item: dict[str, Any] = {"system": system, "id": _text(given, "flowid")}
    if version := _weaver_version(given):
        item["version"] = version
    if not alone:
        return item | {"status": "withdrawn"}
    who = _text(given, "receiver") or _text(given, "userid")
    if not who:
        raise _malformed("receiver", "receiver is missing: whose part is deleted")
    return item | {"partial": True, "assignees": [{"to": {rule.receiver: who}, "there": False}]}


def _weaver_version(given: Given) -> dict[str, Any] | None:
    """receivets: milliseconds since 1970."""
    text = _text(given, "receivets")
    if not text:
        return None
    try:
        return {"at": since_1970(text, 1000).isoformat()}
    except ValueError:
        raise _malformed("receivets", "receivets is no number of milliseconds") from None


def _require(given: Given, names: tuple[str, ...], rule: Dropin, code: str) -> None:
    for name in names:
        if not _text(given, name):
            raise _malformed(name, f"{name} is missing")
    if _text(given, code) != rule.code:
        raise _malformed(code, f"{code} is not the one that the hub's system file declares")


def _text(given: Given, name: str) -> str:
    """A value as text; numbers come as both."""
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value).strip()
    raise _malformed(name, f"{name} is neither a text nor a number")


def _local(given: Given, name: str, zone: ZoneInfo) -> str:
    """``yyyy-MM-dd HH:mm[:ss]`` in the hub's zone, as ISO 8601 with an offset."""
    text = _text(given, name)
    if not text:
        return ""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=zone).isoformat()
        except ValueError:
            continue
    raise _malformed(name, f"{name} is no time of the form yyyy-MM-dd HH:mm:ss")


def _whole(link: str, before: str) -> str:
    return link if "://" in link else before.rstrip("/") + "/" + link.lstrip("/")


def _malformed(where: str, message: str) -> RecordRejected:
    return RecordRejected(
        "todo.malformed", message, where=where, hint="see docs/how-to/drop-in-receivers.md"
    )
