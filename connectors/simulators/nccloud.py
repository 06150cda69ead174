"""Yonyou (用友) NC Cloud by its OpenAPI: persons and supplier classes.

Sources: nccdev.yonyou.com "OpenAPI" as integrators describe it (tokens, signatures from version 2005 on, headers,
codes of errors), requests of psndocmanage and supplierclassmanage in public integration code.

* ``POST /nccloud/opm/accesstoken`` with everything in the query: ``grant_type``, ``client_id``, ``client_secret``
  sealed with the application's public key (RSA-OAEP, SHA-256), ``biz_center``, ``dsname`` and ``signature``, SHA-256
  of client, secret, key and a salt made of the key. It answers ``{"success": true, "data": {"access_token",
  "expires_in", "security_key"}}``.
* Requests are POSTs of JSON with the headers ``access_token``, ``client_id``, ``ucg_flag: y`` and ``signature``,
  SHA-256 of client, body and key.
* ``…/uapbd/psndocmanage/querypsndoc/condition`` takes ``ufinterface.data`` with lists of codes and ``ts``, and
  ``ufinterface.pageInfo`` with ``pageIndex`` from 0; ``…/psndocmanage/psndoc/add`` a bill with ``replace: Y``, which
  creates or changes by the code.
* All of it has status 200; ``code`` 1000000000 is success, 1000000002 a failed check, 1000000005 a lock, 1000000012 a
  session that is over.

Not settled by public documents: what ``ts`` of a request asks for (nothing here), the fields of an answer beyond
those read by integrators, and how a limit is said (a lock here). """

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from connectors.simulators import landscape, staff
from connectors.simulators.rest import window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.weaver import PRIVATE
from connectors.simulators.wire import Answer, Refused, Request

CLIENT, SECRET, CENTER = "hub", "nccloud-demo", "01"
_API = "/nccloud/api/uapbd/"


class Nccloud:
    """The product: persons by ``code``, supplier classes by ``code``."""

    name = "nccloud"
    title = "Yonyou NC Cloud"
    login = f"client_id {CLIENT}, client_secret {SECRET}, biz_center {CENTER}, token at /nccloud/opm/accesstoken"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "persons": Table("persons", ["code"], stamp=self._stamp),
            "supplierclasses": Table("supplierclasses", ["code"]),
        }
        self._tokens = Tokens(self.clock, 7200)
        private = load_der_private_key(base64.b64decode(PRIVATE), None)  # a key for demonstrations, as Weaver's
        assert isinstance(private, RSAPrivateKey)
        self._private = private
        public = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._key = base64.b64encode(public).decode()
        for person in staff.staff(seed, records).people:
            self.tables["persons"].seed(_person(person))
        for number, name in enumerate(("原材料", "设备", "服务", "物流"), start=1):
            self.tables["supplierclasses"].seed({"code": f"{number:02}", "name": name, "enablestate": "2"})

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return _failed("1000000012", "会话失效异常")
        return _failed("1000000005", "业务锁失败异常")

    def answer(self, request: Request) -> Answer:
        try:
            if request.path == "/nccloud/opm/accesstoken":
                return self._log_in(request, request.query)
            client = self._tokens.client(request, request.headers.get("access_token", ""))
            if client is None:
                return self.refusal("unauthorized", "")
            signed = hashlib.sha256(CLIENT.encode() + request.body + self._key.encode()).hexdigest()
            told = (request.headers.get("client_id"), request.headers.get("ucg_flag"))
            if told != (CLIENT, "y") or not hmac.compare_digest(request.headers.get("signature", ""), signed):
                raise Refused(200, "1000000008", "Failed to verify signature")
            request.actor = client
            given = request.object().get("ufinterface") or {}
            match request.path.removeprefix(_API):
                case "psndocmanage/querypsndoc/condition":
                    return self._list(request, self.tables["persons"], given)
                case "psndocmanage/psndoc/add":
                    return self._save(request, given)
                case "supplierclassmanage/supplierclass/supplierclassquery":
                    return self._list(request, self.tables["supplierclasses"], given)
            raise Refused(200, "1000000001", "接口不存在")
        except Refused as error:
            return _failed(error.code, error.message)

    def _log_in(self, request: Request, asked: dict[str, str]) -> Answer:
        try:
            oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
            secret = self._private.decrypt(base64.b64decode(asked.get("client_secret", "")), oaep).decode()
        except ValueError:
            raise Refused(200, "1000000008", "Decryption error") from None
        salt = base64.b64encode(hashlib.sha1(hashlib.sha1(self._key.encode()).digest()).digest()[:16]).decode()
        signed = hashlib.sha256(f"{CLIENT}{SECRET}{self._key}{salt}".encode()).hexdigest()
        right = hmac.compare_digest(secret, SECRET) and hmac.compare_digest(asked.get("signature", ""), signed)
        if (asked.get("client_id"), asked.get("biz_center")) != (CLIENT, CENTER) or not right:
            request.record("login", "refused", asked.get("client_id", ""))
            raise Refused(200, "1000000008", "Failed to verify signature for get token")
        token, seconds = self._tokens.give(request, CLIENT)
        return _said({"access_token": token, "expires_in": seconds, "security_key": "-"})

    def _list(self, request: Request, table: Table, given: Row) -> Answer:
        asked, paged = given.get("data") or {}, given.get("pageInfo")
        rows = sorted(table, key=lambda row: str(row["code"]))
        if codes := asked.get("code"):
            rows = [row for row in rows if row["code"] in codes]
        size = min(int(paged.get("pageSize") or 500), 1000) if paged else len(rows) or 1
        page = window(request, rows, int(paged.get("pageIndex") or 0) * size if paged else 0, size)
        request.record("read", table.name, "", f"{len(page.rows)} of {page.total}")
        return _said(page.rows)

    def _save(self, request: Request, given: Row) -> Answer:
        head = (given.get("bill") or {}).get("billhead") or {}
        if given.get("billtype") != "psndoc" or not head.get("code") or not head.get("name"):
            raise Refused(200, "1000000002", "编码和名称不能为空")
        table, code = self.tables["persons"], str(head["code"])
        if table.get(code) is not None and given.get("replace") != "Y":
            raise Refused(200, "1000000002", f"{code} 已存在")
        if request.fault("partial") is not None:
            raise Refused(200, "1000000002", "校验异常")
        if not request.lies():
            old = table.get(code)
            values = {name: one for name, one in head.items() if name in _WRITABLE}
            if old is None:
                table.create({**_EMPTY, **values, "pk_psndoc": f"1001A1{len(table):014d}", "code": code})
                request.record("create", "persons", code)
            elif any(old[name] != one for name, one in values.items()):
                table.update((code,), values)
                request.record("update", "persons", code, ",".join(sorted(values)))
        return _said({"code": code})

    def _stamp(self, row: Row, created: bool) -> None:
        row["ts"] = f"{self.clock.now():%Y-%m-%d %H:%M:%S}"


_EMPTY: Row = {
    "code": "", "name": "", "mobile": "", "email": "", "enablestate": "2", "pk_psndoc": "", "pk_group": None,
    "pk_org": None, "sex": "", "ts": "",
}  # fmt: skip
_WRITABLE = frozenset({"name", "mobile", "email", "enablestate", "sex"})


def _person(it: staff.Person) -> Row:
    return _EMPTY | {
        "code": it.number if it.id != 88 else f"{it.number}-2", "name": it.name, "mobile": it.mobile, "email": it.email,
        "enablestate": "2" if it.active else "3", "pk_psndoc": f"1001A1{it.id:014d}",
        "pk_group": {"code": "LH", "name": "蓝海集团", "pk": "0001A1000000000000LH"},
        "pk_org": {"code": "A0101", "name": "苏州工厂", "pk": "0001A100000000000101"},
        "ts": f"{it.changed:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip


def _said(data: Any) -> Answer:
    return Answer.json(200, {"success": True, "data": data, "code": "1000000000", "message": None, "errorStack": None})


def _failed(code: str, text: str) -> Answer:
    return Answer.json(200, {"success": False, "data": None, "code": code, "message": text, "errorStack": None})
