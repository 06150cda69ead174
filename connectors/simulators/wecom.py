"""WeCom (Enterprise WeChat): contacts and approvals; the messages of an application are ``wecom_cards``.

Sources: developer.work.weixin.qq.com "gettoken" (91039), "department/list" (90208), "user/list" (90201),
"user/get|create|update|delete" (90195-90198), "oa/getapprovalinfo" (91816), "oa/getapprovaldetail" (91983), "Global
error codes" (90313).

* ``GET /cgi-bin/gettoken?corpid&corpsecret`` gives a token of two hours for the query parameter ``access_token``; the
  same is given again until it ends. It may end early.
* Every answer has status 200 and ``errcode``; 42001 is a token that ran out, 40014 a wrong one, 45009 a limit, with no
  word of how long; 60111 is an unknown person, 60102 one that exists.
* ``department/list`` gives the whole tree, ``user/list`` the people of one department, without pages.
* Approvals are listed by number in a span of at most 31 days of their submission (seconds), with ``new_cursor`` and
  ``new_next_cursor``, and shown one by one.

Who is deleted vanishes; nothing tells what changed.
"""

from __future__ import annotations

import hmac
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import page_of, window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wecom_cards import Cards
from connectors.simulators.wire import Answer, Refused, Request

CORP_ID, CORP_SECRET = "ww1hub", "wecom-demo"
SPAN = 31 * 86_400
_WRITABLE = frozenset({"name", "alias", "mobile", "email", "department", "position", "enable"})


class Wecom:
    """The product: people by ``userid``."""

    name = "wecom"
    title = "WeCom"
    login = f"corpid {CORP_ID}, corpsecret {CORP_SECRET}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "departments": Table("departments", ["id"]),
            "users": Table("users", ["userid"], check=self._check),
            "approvals": Table("approvals", ["sp_no"]),
        }
        self.cards = Cards(self.tables["users"], self.clock)
        self.tables["cards"] = self.cards.sent
        self._tokens = Tokens(self.clock, 7200, kept=0)
        told = staff.staff(seed, records)
        for unit in told.units:
            self.tables["departments"].seed(
                {
                    "id": unit.id, "name": unit.name, "name_en": unit.name_latin, "parentid": unit.parent,
                    "order": 100_000 - unit.id, "department_leader": [],
                }
            )  # fmt: skip
        for person in told.people:
            self.tables["users"].seed(_user(person))
        for one in staff.applications(told.people):
            self.tables["approvals"].seed(_approval(one))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return _said(42001, "access_token expired, hint: [sim]")
        return _said(45009, "api freq out of limit, hint: [sim]")

    def answer(self, request: Request) -> Answer:
        try:
            path = request.path.removeprefix("/cgi-bin/")
            if path == "gettoken":
                return self._log_in(request)
            token = request.query.get("access_token", "")
            if not token:
                raise Refused(200, "41001", "access_token missing")
            client = self._tokens.client(request, token)
            if client is None:
                return self.refusal("unauthorized", "")
            request.actor = client
            return self._serve(request, path)
        except Refused as error:
            return _said(int(error.code) if error.code.isdigit() else 40058, error.message)

    def _log_in(self, request: Request) -> Answer:
        corp, secret = request.query.get("corpid", ""), request.query.get("corpsecret", "")
        if corp != CORP_ID or not hmac.compare_digest(secret.encode(), CORP_SECRET.encode()):
            request.record("login", "refused", corp)
            raise Refused(200, "40013" if corp != CORP_ID else "40001", "invalid credential")
        token, seconds = self._tokens.give(request, corp)
        return _said(0, "ok", access_token=token, expires_in=seconds)

    def _serve(self, request: Request, path: str) -> Answer:
        match path:
            case "department/list":
                rows = list(self.tables["departments"])
                shown = window(request, rows, 0, len(rows)).rows
                request.record("read", "departments", "", f"{len(shown)} of {len(rows)}")
                return _said(0, "ok", department=shown)
            case "user/list":
                return self._people(request)
            case "user/get":
                return _said(0, "ok", **self._person(request.query.get("userid")))
            case "user/create":
                return self._create(request)
            case "user/update":
                return self._update(request)
            case "user/delete":
                key = self._person(request.query.get("userid"))["userid"]
                if not request.lies():
                    self.tables["users"].delete((key,))
                    request.record("delete", "users", key)
                return _said(0, "deleted")
            case "oa/getapprovalinfo":
                return self._numbers(request)
            case "oa/getapprovaldetail":
                row = self.tables["approvals"].get(str(request.object().get("sp_no")))
                if row is None:
                    raise Refused(200, "301025", "get approval param error")
                return _said(0, "ok", info=row)
            case "message/send" | "message/update_template_card":
                return _said(0, "ok", **self.cards.answer(request, path))
        raise Refused(200, "40066", "invalid url")

    def _people(self, request: Request) -> Answer:
        text = request.query.get("department_id", "")
        if not text.isdigit() or self.tables["departments"].get(int(text)) is None:
            raise Refused(200, "60003", "department not found")
        rows = [row for row in self.tables["users"] if int(text) in row["department"]]
        shown = window(request, rows, 0, len(rows) or 1).rows
        request.record("read", "users", text, f"{len(shown)} of {len(rows)}")
        return _said(0, "ok", userlist=shown)

    def _person(self, key: Any) -> Row:
        row = self.tables["users"].get(key)
        if row is None:
            raise Refused(200, "60111", "userid not found")
        return row

    def _create(self, request: Request) -> Answer:
        given = request.object()
        key = str(given.get("userid") or "")
        if self.tables["users"].get(key) is not None:
            raise Refused(200, "60102", "UserID existed")
        row = _EMPTY | {name: value for name, value in given.items() if name in _WRITABLE} | {"userid": key}
        if not request.lies():
            self.tables["users"].create(row)
            request.record("create", "users", key)
        return _said(0, "created")

    def _update(self, request: Request) -> Answer:
        given = request.object()
        row = self._person(given.get("userid"))
        values = {name: value for name, value in given.items() if name in _WRITABLE}
        if not request.lies() and any(row[name] != value for name, value in values.items()):
            self.tables["users"].update((row["userid"],), values)
            request.record("update", "users", row["userid"], ",".join(sorted(values)))
        return _said(0, "updated")

    def _check(self, row: Row, old: Row | None) -> None:
        if not row["userid"] or not row["name"] or not (row["mobile"] or row["email"]):
            raise Refused(200, "40058", "invalid Request Parameter: userid, name, mobile or email")
        if any(self.tables["departments"].get(unit) is None for unit in row["department"]):
            raise Refused(200, "60123", "invalid party id")
        for other in self.tables["users"]:
            if row["mobile"] and other["mobile"] == row["mobile"] and other["userid"] != row["userid"]:
                raise Refused(200, "60104", "mobile existed")

    def _numbers(self, request: Request) -> Answer:
        given = request.object()
        try:
            start, end, size = int(given["starttime"]), int(given["endtime"]), int(given.get("size", 100))
        except (KeyError, ValueError):
            raise Refused(200, "40058", "invalid Request Parameter") from None
        if not 0 <= end - start <= SPAN or not 1 <= size <= 100:
            raise Refused(200, "301025", "get approval param error: at most 31 days")
        rows = [row for row in self.tables["approvals"] if start <= row["apply_time"] <= end]
        page = page_of(request, rows, ("sp_no", "sp_no"), size, given.get("new_cursor") or None)
        request.record("read", "approvals", "", f"{len(page.rows)} of {len(rows)}")
        more = {"new_next_cursor": page.after} if page.after else {}
        return _said(0, "ok", sp_no_list=[row["sp_no"] for row in page.rows], **more)


def _said(code: int, text: str, **more: Any) -> Answer:
    return Answer.json(200, {"errcode": code, "errmsg": text, **more})


_EMPTY: Row = {
    "userid": "", "name": "", "alias": "", "mobile": "", "email": "", "department": [], "position": "",
    "gender": "0", "status": 1, "enable": 1, "order": [0],
}  # fmt: skip


def _user(it: staff.Person) -> Row:
    return _EMPTY | {
        "userid": it.login, "name": it.name, "alias": it.name_latin, "mobile": it.mobile, "email": it.email,
        "department": [*it.units], "position": it.title, "status": 1 if it.active else 2,
        "enable": int(it.active), "order": [0 for _ in it.units],
    }  # fmt: skip


def _approval(it: staff.Application) -> Row:
    status = {"waiting": 1, "approved": 2, "rejected": 3}[it.state]
    decided = 0 if status == 1 else int(it.changed.timestamp())
    detail = {"approver": {"userid": it.approver.login}, "speech": "", "sp_status": status, "sptime": decided}
    return {
        "sp_no": f"2026{it.id:08d}", "sp_name": it.title, "sp_status": status, "template_id": "Bs5L2",
        "apply_time": int(it.created.timestamp()),
        "applyer": {"userid": it.applicant.login, "partyid": str(it.applicant.units[0])},
        "sp_record": [{"sp_status": status, "approverattr": 1, "details": [detail]}],
        "notifyer": [], "comments": [],
    }  # fmt: skip
