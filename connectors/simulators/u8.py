"""Yonyou (用友) U8 by its OpenAPI: basic data of a set of books.

Sources: the data classes of microfeel/Yonyou, public integration code for tokens, pages and answers.

* ``GET /system/token`` with ``from_account``, ``app_key`` and ``app_secret`` gives ``{"errcode": "0", "token":
  {"appKey", "expiresIn", "id"}}``; the id goes as ``token`` into every query, beside ``from_account``, ``to_account``
  and ``app_key``.
* ``GET /api/{customer,vendor,inventory,department,person}/batch_get`` with ``page_index`` (from 1) and
  ``rows_per_page`` answers ``errcode``, ``page_index``, ``page_count``, ``row_count``, ``rows_per_page`` and the list
  by the name of the object. Values are texts; what is empty is left out. ``timestamp_begin`` asks for what changed.
* ``GET /api/{object}/get`` with ``id`` shows one. Writing takes a ``tradeid`` of ``/system/tradeid``, which makes
  twice once: ``POST /api/{object}/add`` with ``{"object": {...}}`` answers ``{"errcode": "0", "id"}``.
* Errors have status 200 and ``errcode`` with ``errmsg``; every number and errcode is a text.

Not settled by public documents: ``timestamp_begin``, that a trade number counts once, the numbers of errors (those
below are this simulator's), and how a limit is said. """

from __future__ import annotations

import hmac
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request

ACCOUNT, KEY, SECRET = "hub", "opa0hub", "u8-demo"
EXPIRED, WRONG, MISSING, EXISTS, INVALID, LIMIT = "20002", "20001", "30002", "30003", "30001", "20008"


class U8:
    """The product: objects by their ``code``."""

    name = "u8"
    title = "Yonyou U8"
    login = f"from_account {ACCOUNT}, app_key {KEY}, app_secret {SECRET}"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        names = ("customer", "vendor", "inventory", "department", "person")
        self.tables = {name: Table(name, ["code"], stamp=self._stamp) for name in names}
        self._tokens = Tokens(self.clock, 7200)
        self._traded: dict[str, Answer] = {}
        self._changes = 0
        for supplier in landscape.suppliers(seed, records or landscape.SUPPLIERS):
            for name in ("customer", "vendor"):
                self._seed(
                    name, supplier.code, supplier.name_local or supplier.name, phone=supplier.phone, sort_code="01",
                    address=supplier.place.street_local, bank_acc_number=supplier.account,
                )  # fmt: skip
        for material in landscape.materials(seed, records or landscape.MATERIALS):
            name = material.descriptions.get("ZH") or material.descriptions.get("EN") or material.code
            self._seed("inventory", material.code, name, specs=material.group, main_measure=material.unit)
        told = staff.staff(seed, records)
        for unit in told.units:
            self._seed("department", unit.code, unit.name, endflag="1", rank="1")
        for person in told.people:
            self._seed(
                "person", person.login, person.name, cdept_num=told.units[person.units[0] - 1].code,
                cpsnmobilephone=person.mobile, cpsnemail=person.email, rEmployState="10" if person.active else "30",
            )  # fmt: skip

    def _seed(self, name: str, code: str, label: str, **more: str) -> None:
        self._changes += 1
        self.tables[name].seed({"code": code, "name": label.strip(), **more, "timestamp": f"{self._changes:016d}"})

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        return _failed(EXPIRED, "token 已过期") if kind == "unauthorized" else _failed(LIMIT, "调用频率超限")

    def answer(self, request: Request) -> Answer:
        try:
            asked = request.query
            if request.path == "/system/token":
                return self._log_in(request, asked)
            client = self._tokens.client(request, asked.get("token", ""), expires=asked.get("page_index", "1") == "1")
            if client is None:
                return self.refusal("unauthorized", "")
            if (asked.get("from_account"), asked.get("app_key")) != (ACCOUNT, KEY) or not asked.get("to_account"):
                raise Refused(200, WRONG, "from_account, to_account, app_key")
            request.actor = client
            if request.path == "/system/tradeid":
                return _said(trade={"id": f"trade-{self._next():08d}"})
            _, api, name, call = [*request.path.split("/"), "", "", ""][:4]
            if api != "api" or name not in self.tables:
                raise Refused(200, WRONG, "接口不存在")
            table = self.tables[name]
            match call:
                case "batch_get":
                    return self._page(request, table)
                case "get":
                    return _said(**{name: _shown(self._row(table, asked.get("id", "")))})
                case "add" | "edit":
                    return self._write(request, table, call)
            raise Refused(200, WRONG, "接口不存在")
        except Refused as error:
            return _failed(error.code, error.message)

    def _log_in(self, request: Request, asked: dict[str, str]) -> Answer:
        right = hmac.compare_digest(asked.get("app_secret", "").encode(), SECRET.encode())
        if (asked.get("from_account"), asked.get("app_key")) != (ACCOUNT, KEY) or not right:
            request.record("login", "refused", asked.get("app_key", ""))
            raise Refused(200, WRONG, "app_key 或 app_secret 错误")
        token, seconds = self._tokens.give(request, ACCOUNT)
        return _said(token={"appKey": KEY, "expiresIn": seconds, "id": token})

    def _page(self, request: Request, table: Table) -> Answer:
        asked = request.query
        number, size = int(asked.get("page_index") or 1), min(int(asked.get("rows_per_page") or 10), 1000)
        rows = sorted(table, key=lambda row: str(row["code"]))
        if code := asked.get("code_begin"):
            rows = [row for row in rows if code <= str(row["code"]) <= asked.get("code_end", code)]
        if since := asked.get("timestamp_begin"):
            rows = [row for row in rows if str(row["timestamp"]) >= since]
        page = window(request, rows, (number - 1) * size, size)
        request.record("read", table.name, "", f"{len(page.rows)} of {page.total}")
        told = {"page_index": str(number), "page_count": str(-(-page.total // size)), "row_count": str(page.total)}
        return _said(**told, rows_per_page=str(size), **{table.name: [_shown(row) for row in page.rows]})

    def _write(self, request: Request, table: Table, call: str) -> Answer:
        trade = request.query.get("tradeid") or request.query.get("biz_id") or ""
        if not trade:
            raise Refused(200, INVALID, "tradeid 不能为空")
        if trade in self._traded:
            return self._traded[trade]
        given = {name: str(one) for name, one in (request.object().get(table.name) or {}).items()}
        code = given.get("code", "")
        if not code or not given.get("name"):
            raise Refused(200, INVALID, "编码和名称不能为空")
        if (table.get(code) is None) == (call == "edit"):
            error, said = (MISSING, "不存在") if call == "edit" else (EXISTS, "已存在")
            raise Refused(200, error, f"{code} {said}")
        if request.fault("partial") is not None:
            raise Refused(200, INVALID, "名称不合法")
        if not request.lies():
            table.create({"timestamp": "", **given}) if call == "add" else table.update((code,), given)
            request.record("create" if call == "add" else "update", table.name, code)
        self._traded[trade] = _said(id=code, tradeid=trade)
        return self._traded[trade]

    def _row(self, table: Table, code: str) -> Row:
        row = table.get(code)
        if row is None:
            raise Refused(200, MISSING, f"{code} 不存在")
        return row

    def _next(self) -> int:
        self._changes += 1
        return self._changes

    def _stamp(self, row: Row, created: bool) -> None:
        row["timestamp"] = f"{self._next():016d}"


def _shown(row: Row) -> Row:
    return {name: one for name, one in row.items() if one != ""}


def _said(**more: Any) -> Answer:
    return Answer.json(200, {"errcode": "0", "errmsg": "", **more})


def _failed(code: str, text: str) -> Answer:
    return Answer.json(200, {"errcode": code, "errmsg": text})
