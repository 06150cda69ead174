"""Weaver (泛微) e-cology 9: people by REST, to-dos of a person, and to-dos that others push (OFS).

Sources: own notes "Third-party to-do push: Seeyon CIP and Weaver OFS"; public integration code for
ec/dev/auth/applytoken, hrm/resful/getHrmUserInfoWithPage, workflow/paService and rest/ofs.

* ``POST /api/ec/dev/auth/applytoken`` with the headers ``appid``, ``time`` (seconds of life) and ``secret``, the secret
  encrypted by RSA with the system's public key, answers ``{"status", "token"}``. Requests carry ``appid``, ``token``
  and ``userid``, encrypted the same way.
* ``getHrmUserInfoWithPage`` takes ``{"params": {"curpage", "pagesize", ...}}`` and answers ``{"code": "1", "data":
  {"totalSize", "dataList"}}``; ``modified`` leaves who was changed since. A page behind the last is empty.
* People who left stay, with a ``status`` of 5; failures have status 200.
* ``/rest/ofs/ReceiveRequestInfoByJson`` takes a to-do by (syscode, flowid, receiver) and drops what has an older
  ``receivets`` than it has; the answer is ``{"syscode", "operResult": "1" | "0", "message"}``.

Not settled by public documents: the code of a token that ended (``004`` here), how a limit is said (``429`` here).
"""

from __future__ import annotations

import base64
from functools import cached_property
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.rest import window
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.tokens import Tokens
from connectors.simulators.wire import Answer, Refused, Request, refusal

APP_ID, SECRET, USER_ID = "EEAA5436-hub", "weaver-demo", "1"
SYSCODE = "HUB"
_RECEIVED = ("syscode", "flowid", "requestname", "receiver", "isremark", "receivets")


class Weaver:
    """The product: people by ``id``, pushed to-dos by (syscode, flowid, receiver)."""

    name = "weaver"
    title = "Weaver e-cology"
    login = f"appid {APP_ID}, secret {SECRET}, userid {USER_ID}, encrypted with the key in its example"

    def __init__(self, *, seed: int = landscape.SEED, records: int | None = None) -> None:
        self.clock = Clock()
        self.tables = {
            "users": Table("users", ["id"], stamp=self._stamp),
            "ofs": Table("ofs", ["syscode", "flowid", "receiver"]),
        }
        self._tokens = Tokens(self.clock, 1800)
        for person in staff.staff(seed, records).people:
            self.tables["users"].seed(_user(person))

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        if kind == "unauthorized":
            return Answer.json(200, {"code": "004", "errcode": "004", "msg": "登录信息超时", "status": False})
        return refusal(kind, value)

    @cached_property
    def _key(self) -> Any:
        # the library takes 50 ms to import: only those who log in pay for it
        from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415

        return load_der_private_key(base64.b64decode(PRIVATE), None)

    def _opened(self, text: str) -> str:
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

        try:
            return str(self._key.decrypt(base64.b64decode(text), padding.PKCS1v15()).decode())
        except ValueError:
            return ""

    def answer(self, request: Request) -> Answer:
        try:
            if request.path.startswith("/rest/ofs/"):
                return self._ofs(request)
            if request.path == "/api/ec/dev/auth/applytoken" and request.method == "POST":
                return self._log_in(request)
            client = self._tokens.client(request, request.headers.get("token", ""))
            user = self._opened(request.headers.get("userid", ""))
            if client is None or request.headers.get("appid") != APP_ID or user != USER_ID:
                return self.refusal("unauthorized", "")
            request.actor = client
            if request.path == "/api/hrm/resful/getHrmUserInfoWithPage" and request.method == "POST":
                return self._people(request)
            raise Refused(404, "404", f"no service at {request.path}")
        except Refused as error:
            return Answer.json(error.status, {"code": error.code, "msg": error.message, "status": False})

    def _log_in(self, request: Request) -> Answer:
        if request.headers.get("appid") != APP_ID or self._opened(request.headers.get("secret", "")) != SECRET:
            request.record("login", "refused", request.headers.get("appid", ""))
            return Answer.json(200, {"code": -1, "errcode": "-1", "msg": "secret解密失败", "status": False})
        token, _ = self._tokens.give(request, APP_ID)
        return Answer.json(200, {"code": 0, "errcode": "0", "msg": "获取成功!", "status": True, "token": token})

    def _people(self, request: Request) -> Answer:
        given = request.object().get("params") or {}
        try:
            number, size = int(given.get("curpage", 1)), int(given.get("pagesize", 20))
        except ValueError:
            raise Refused(200, "-1", "curpage, pagesize") from None
        rows = sorted(self.tables["users"], key=lambda row: int(row["id"]))
        if since := given.get("modified"):
            rows = [row for row in rows if row["modified"] >= str(since)]
        if login := given.get("loginid"):
            rows = [row for row in rows if row["loginid"] == login]
        page = window(request, rows, (number - 1) * size, size)
        request.record("read", "users", "", f"{len(page.rows)} of {page.total}")
        told = {"totalSize": page.total, "totalPage": -(-page.total // size), "page": number, "pageSize": size}
        return Answer.json(200, {"code": "1", "msg": "", "data": {**told, "dataList": page.rows}})

    def _ofs(self, request: Request) -> Answer:
        given = request.object()
        table = self.tables["ofs"]
        key = tuple(str(given.get(name, "")) for name in table.key)
        kind = request.path.rpartition("/")[2]
        missing = [name for name in _RECEIVED if given.get(name) in (None, "")]
        said = {"syscode": given.get("syscode"), "dataType": "IsUse", "operType": "AutoEditWf"}
        if given.get("syscode") != SYSCODE:
            return Answer.json(200, {**said, "operResult": "0", "message": "syscode is not registered"})
        if kind == "deleteUserRequestInfoByJson":
            if table.get(*key) is not None and not request.lies():
                table.delete(key)
                request.record("delete", "ofs", ",".join(key))
            return Answer.json(200, {**said, "operType": "Del", "operResult": "1", "message": "ok"})
        if kind != "ReceiveRequestInfoByJson" or missing:
            return Answer.json(200, {**said, "operResult": "0", "message": f"missing: {', '.join(missing)}"})
        known = table.get(*key)
        if known is not None and int(known["receivets"]) > int(given["receivets"]):
            return Answer.json(200, {**said, "operResult": "1", "message": "older than what is there"})
        if not request.lies():
            row = {**given, **dict(zip(table.key, key, strict=True))}
            table.update(key, row) if known else table.create(row)
            request.record("update" if known else "create", "ofs", ",".join(key), f"isremark {given['isremark']}")
        return Answer.json(200, {**said, "operResult": "1", "message": "ok"})

    def _stamp(self, row: Row, created: bool) -> None:
        row["modified"] = f"{self.clock.now():%Y-%m-%d %H:%M:%S}"


def _user(it: staff.Person) -> Row:
    return {
        "id": str(it.id), "loginid": it.login, "workcode": it.number, "lastname": it.name, "mobile": it.mobile,
        "email": it.email, "departmentid": str(it.units[0]), "jobtitle": it.title,
        "status": "1" if it.active else "5", "companystartdate": f"{it.hired:%Y-%m-%d}",
        "modified": f"{it.changed:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip


PRIVATE = (
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCe+JCuqKKoa9/K83iF8N2eHd5Qu7IFl/Ma5pVVDRcl+1z7wFx5"
    "2joqf4Va3BA7CGUkRbsLsRQztjh20lLB76PP+4XwKvQdWgYpjUzGKemVmpemw5z6BJ4btOs5izsvElxTwEtCpjX6rEleXURLIAzq"
    "pXmCNT8VOaDmFpl8DvssO77qcsVUbGGC6BXcKZrxGYiI4twQO9P/KOXYg+DjulIi0ayRAYGXchJxxEp+XYKe0Fmkus86dnJdQRR0"
    "xrZ/1J2fUJz6FdUqQDiosV2i5SXQk2WOgaRLMUS3ZKFWMjnnLEnEIv1g7MQqArPZe09Ye6DtIzVlF/ifDFcBjRdIj6ljAgMBAAEC"
    "ggEAEMgVS0AlaPl3oXlm7V909bPE0T751wSoYYbv7WTkCbAUVnCDEqCf5/aYQZ7eM8J6HYR4RLldHuxgijfqYUCxSUu4YuxrOAyr"
    "KTMaZLJDT0tc26TmFa/rxOmqCeQRy7FOKnqFN172byTwMH77WPbkMNe7u6waobH4s0a1eIGDBbM081bIpWW+iKHbNtVE4k4UNHKb"
    "5/oOmxitZWmCV07owPqfdTiLWzbuJmHGMCIb7NQTGV277SPd99Yv9Sqcn0Ut8H0uLP9l0vvZp7mNenM5TCz9PozIOW1tdeqKfrU6"
    "kkHiOcBF1B9xiglJvMDxI76g1l/UcvZGlMMCXDOu45fXIQKBgQDSY/WvQKUFm+t6jIb3v5NbNhKhVkCInsZE7V+NAoFkiyJW32o6"
    "CGSu7ifVRE4VQSsIdMPBvCKVB63WfFKS8QEBUhnI1//uMmW2if/S4WTGh26YDlDd4fwphZAJGK7gZ/de3x73GgYysT29Sd4RlMPe"
    "qCHrFT2C2ZmD7nR97ckHEQKBgQDBbvoPBxJ9f+GvuT/AO2Sb0e0RAJW/paHflhAYmF3Ewe20sukfFhc+JEgU/1ZvHp37Gg2TqL2n"
    "DJ+4QLZInWBNEMVzfJlB8dvXZzZDxXvw8J8k61BJD69hjK93ICe4MdD6mPGJ25gF6kn/bYir5b6esnXU/rpe3W3sWi1w1pkxMwKB"
    "gQCyic9RNJuVwfY33g8fKTzkV2PB9A75oTuB/KpsYGbrqsKuVBOyQbMnW8UDz14v3UimeWgx/PSf4Y9dB82PEuQWedSVwu9V9QCp"
    "wjwNeeZqLz3j3ao0UPULS2OqxH6Kws+Ce/esHDKMTCqneorwAn2hcq6t7y1u4DfNZMsInoRM8QKBgHreYG59Qox/V79EP69+ypiD"
    "zz9WjMiQkHMyogTNe/qIaNK4NoZthNQPPc5ApwmsfBNNaERcEiPzS91BFcioVsx9E78Y7UzLMabww7Jm1iSk46IS6wuNsAyZzbcw"
    "sKo60pDr57l2yGkxelGKpR7zr5Kkr15dc8rggnt4iJa9ac+rAoGBAL/a9j8cm7CvfYH9MCaR2SHtwr9JRlfL0LghHBdeMdzLXlc+"
    "sSSXCagPIItAXL/lQNSLLbUFXebRbjHDhx5PEvqhIcwOwfTWz7wTwt7+aj4Haf7ZQMfeGsPQ+ylBjLBFcw5zR99wAQ40+lrnAyst"
    "v7OQag+b1iodykFOoOKInvUq"
)
"""The simulator's own key, invented and printed here: it guards nothing. Its public half is in the example."""
