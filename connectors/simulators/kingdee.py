"""Kingdee (金蝶) K3Cloud: forms by the WebAPI of the BOS platform.

Sources: K3Cloud WebAPI reference of lizundao/k3cloud-webapi-sdk (Save, Delete, ExecuteBillQuery and their results);
public integration code for ValidateUser and the lost session.

* ``…AuthService.LoginBySign.common.kdsvc`` with ``{"parameters": [acctID, username, appId, timestamp, sign, lcid]}``,
  as Kingdee recommends: ``sign`` is SHA-256 of acctID, username, appId, the application's secret and the time, sorted.
* ``…AuthService.ValidateUser.common.kdsvc`` with ``{acctID, username, password, lcid}`` answers ``LoginResultType`` 1
  and ``KDSVCSessionId``, which goes on as the cookie ``kdservice-sessionid``; it ends after 20 minutes without use.
* ``…DynamicFormService.ExecuteBillQuery.common.kdsvc`` with ``{"data": {FormId, FieldKeys, FilterString, OrderString,
  StartRow, Limit}}`` answers records as bare lists of values in the order of FieldKeys, at most 2000; an empty list
  is the end. Nothing tells a total or a deletion.
* ``Save`` answers ``{"Result": {"ResponseStatus": {"IsSuccess", "Errors", "MsgCode"}, "Id", "Number"}}``. A query that
  fails answers the same inside of two lists. All of it has status 200; MsgCode 1 is a lost session.
* A number that exists is refused; a saved record is changed by its ``Id`` field (FMATERIALID and others).

Not settled by public documents: how a limit is said (503 here).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

from connectors.simulators import landscape
from connectors.simulators.rest import window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

ACCOUNT, USER, PASSWORD = "5f6e1c0hub", "hub", "kingdee-demo"
APP, SECRET = "208822_hub", "kingdee-app-demo"
IDLE = 1200
AGE = 400 * 86_400  # tests believe in another day
MOST = 2000
_SERVICE = "/K3Cloud/Kingdee.BOS.WebApi.ServicesStub."
_FORMS = {"BD_MATERIAL": "FMATERIALID", "BD_Supplier": "FSupplierId"}
_CONDITION = re.compile(r"\s*\(?\s*(\w+)\s*(>=|=)\s*'((?:[^']|'')*)'\s*\)?\s*")


class Kingdee:
    """The product: forms BD_MATERIAL and BD_Supplier, by their own ids."""

    name = "kingdee"
    title = "Kingdee K3Cloud"
    login = f"acctID {ACCOUNT}, username {USER}, password {PASSWORD}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {name: Table(name, [key], stamp=self._stamp) for name, key in _FORMS.items()}
        self._tokens = Tokens(self.clock, IDLE)
        for number, it in enumerate(landscape.materials(seed, records or landscape.MATERIALS), start=1):
            name = it.descriptions.get("ZH") or it.descriptions.get("EN") or ""
            self._seed("BD_MATERIAL", 100_000 + number, it.code, name, number, FSpecification=it.group)
        for number, supplier in enumerate(landscape.suppliers(seed, records or landscape.SUPPLIERS), start=1):
            name = supplier.name_local or supplier.name
            more = {"FCountry": supplier.place.country}
            self._seed("BD_Supplier", 200_000 + number, supplier.code, name.strip(), number, **more)
        self._fields = {name: tuple(next(iter(table))) for name, table in self.tables.items()}

    def _seed(self, form: str, key: int, code: str, name: str, number: int, **more: Any) -> None:
        changed = datetime(2026, 1, 2, 6) + timedelta(minutes=number * 37 % 40_000)
        row = {_FORMS[form]: key, "FNumber": code, "FName": name, "FDocumentStatus": "C", "FForbidStatus": "A"}
        self.tables[form].seed({**row, **more, "FModifyDate": f"{changed:%Y-%m-%dT%H:%M:%S}"})

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return Answer.json(200, [[{"Result": _status(False, "会话信息已丢失，请重新登录", code=1)}]])
        return Answer.text(503, "<html><body>Service Unavailable</body></html>", "text/html")

    def answer(self, request: Request) -> Answer:
        service = request.path.removeprefix(_SERVICE).removesuffix(".common.kdsvc")
        asks = service.endswith("ExecuteBillQuery")
        try:
            given = request.object()
            if service == "AuthService.ValidateUser":
                right = hmac.compare_digest(str(given.get("password")).encode(), PASSWORD.encode())
                return self._log_in(request, right and (given.get("acctID"), given.get("username")) == (ACCOUNT, USER))
            if service == "AuthService.LoginBySign":
                return self._log_in(request, self._signed(given.get("parameters")))
            morsel = SimpleCookie(request.headers.get("Cookie", "")).get("kdservice-sessionid")
            token = morsel.value if morsel else request.headers.get("kdservice-sessionid", "")
            client = self._tokens.client(request, token)
            if client is None:
                lost = {"Result": _status(False, "会话信息已丢失，请重新登录", code=1)}
                return Answer.json(200, [[lost]] if asks else lost)
            self._tokens.renew(token)
            request.actor = client
            match service.rpartition(".")[2]:
                case "ExecuteBillQuery":
                    return self._query(request, given.get("data") or {})
                case "Save":
                    return self._save(request, str(given.get("formid")), (given.get("data") or {}).get("Model") or {})
                case "Delete":
                    return self._delete(request, str(given.get("formid")), given.get("data") or {})
            raise Refused(404, "0", "no such service")
        except Refused as error:
            failed = {"Result": _status(False, error.message, code=int(error.code))}
            return Answer.json(error.status, [[failed]] if asks else failed)

    def _signed(self, given: Any) -> bool:
        """Whether the list of a signed log-in is right, and not older than a quarter of an hour."""
        if not isinstance(given, list) or len(given) != 6:
            return False
        account, user, app, when, sign, _ = map(str, given)
        made = hashlib.sha256("".join(sorted([account, user, app, when, SECRET])).encode()).hexdigest()
        fresh = when.isdigit() and abs(int(when) - self.clock.now().timestamp()) <= AGE
        return (account, user, app) == (ACCOUNT, USER, APP) and fresh and hmac.compare_digest(sign, made)

    def _log_in(self, request: Request, right: bool) -> Answer:
        if not right:
            request.record("login", "refused", USER)
            return Answer.json(200, {"LoginResultType": 0, "Message": "用户名或密码错误", "KDSVCSessionId": None})
        token, _ = self._tokens.give(request, USER)
        told = {"LoginResultType": 1, "Message": None, "KDSVCSessionId": token}
        return Answer.json(200, told, {"Set-Cookie": f"kdservice-sessionid={token}; path=/; HttpOnly"})

    def _form(self, name: str) -> Table:
        if name not in self.tables:
            raise Refused(200, "9", f"业务对象不存在: {name}")
        return self.tables[name]

    def _query(self, request: Request, data: Row) -> Answer:
        table = self._form(str(data.get("FormId")))
        columns = [name.strip() for name in str(data.get("FieldKeys", "")).split(",")]
        rows = sorted(table, key=lambda row: row[table.key[0]])
        if unknown := [name for name in columns if rows and name not in rows[0]]:
            raise Refused(200, "4", f"字段不存在: {unknown[0]}")
        for condition in re.split(r"(?i)\s+and\s+", str(data.get("FilterString") or "")):
            if condition.strip():
                rows = [row for row in rows if _holds(row, condition)]
        order = [part.split()[0] for part in str(data.get("OrderString") or "").split(",") if part.strip()]
        rows.sort(key=lambda row: tuple(str(row.get(name)) for name in order))
        page = window(request, rows, int(data.get("StartRow") or 0), min(int(data.get("Limit") or MOST), MOST))
        request.record("read", table.name, "", f"{len(page.rows)} of {page.total}")
        return Answer.json(200, [[row.get(name) for name in columns] for row in page.rows])

    def _save(self, request: Request, form: str, model: Row) -> Answer:
        table, name = self._form(form), _FORMS[form]
        told = str(model.get(name) or 0)
        key = int(told) if told.isdigit() else -1
        old = table.get(key)
        if key and not old:
            raise Refused(200, "7", f"数据不存在: {told}")
        if not (old or model.get("FName")) or request.fault("partial") is not None:
            raise Refused(200, "6", "字段“名称”是必填项")
        number = model.get("FNumber") or (old["FNumber"] if old else None)
        if any(row["FNumber"] == number and row[name] != key for row in table):
            raise Refused(200, "11", f"违反字段唯一性要求：编码唯一。{number}已存在")
        key = key if old else max(row[name] for row in table) + 1 if len(table) else 300_001
        if not request.lies():
            known = self._fields[form]
            values = {field: value for field, value in model.items() if field in known}
            if old is None:
                table.create({**dict.fromkeys(known), "FDocumentStatus": "C", **values, name: key, "FNumber": number})
                request.record("create", form, str(key), str(number))
            elif any(old[field] != value for field, value in values.items()):
                table.update((key,), {**values, name: key})
                request.record("update", form, str(key), ",".join(sorted(values)))
        done = _status(True, "", done=[{"Id": key, "Number": number, "DIndex": 0}])
        return Answer.json(200, {"Result": {**done, "Id": key, "Number": number, "NeedReturnData": [{}]}})

    def _delete(self, request: Request, form: str, data: Row) -> Answer:
        table, name = self._form(form), _FORMS[form]
        numbers = data.get("Numbers") or []
        found = [row for row in table if row["FNumber"] in numbers]
        if not found:
            raise Refused(200, "7", f"数据不存在: {', '.join(map(str, numbers))}")
        if not request.lies():
            for row in found:
                table.delete((row[name],))
                request.record("delete", form, str(row[name]), str(row["FNumber"]))
        return Answer.json(200, {"Result": _status(True, "")})

    def _stamp(self, row: Row, created: bool) -> None:
        row["FModifyDate"] = f"{self.clock.now():%Y-%m-%dT%H:%M:%S}"


def _holds(row: Row, condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    if match is None or match[1] not in row:
        raise Refused(200, "4", f"过滤条件不正确: {condition}")
    value, wanted = str(row[match[1]]), match[3].replace("''", "'")
    return value == wanted if match[2] == "=" else value >= wanted.replace(" ", "T")


def _status(good: bool, message: str, *, code: int = 0, done: list[Row] | None = None) -> Row:
    errors = [] if good else [{"FieldName": None, "Message": message, "DIndex": 0}]
    status = {"IsSuccess": good, "Errors": errors, "SuccessEntitys": done or [], "SuccessMessages": [], "MsgCode": code}
    return {"ResponseStatus": status if good else {"ErrorCode": 500, **status}}
