"""A small stand-in of Odoo with one model, spoken to by execute_kw and by /json/2.

Odoo itself cannot be installed for tests; the forms of its answers are those of its documentation and source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tests.unit.http.fake import Answer, Asked, Fake

Record = Mapping[str, Any]
SECRET = "c0ntract-s3cret"
FIELDS = {
    "id": {"type": "integer", "string": "ID"}, "code": {"type": "char", "string": "Code"},
    "name": {"type": "char", "string": "Name"}, "amount": {"type": "float", "string": "Amount"},
    "active": {"type": "boolean", "string": "Active"}, "day": {"type": "date", "string": "Day"},
    "write_date": {"type": "datetime", "string": "Last updated", "readonly": True},
    "parent_id": {"type": "many2one", "relation": "res.partner", "string": "Parent"},
    "child_ids": {"type": "one2many", "relation": "res.partner", "string": "Children"},
}  # fmt: skip
OPERATORS = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b, "in": lambda a, b: a in b,
}  # fmt: skip


class Refused(Exception):
    """An exception of the server, by its name."""


class OdooWeb:
    """The table and its two protocols; refuses names that begin with ``!``."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.pause, self.lose, self.misanswers, self.clock = 0.0, False, "", datetime(2026, 1, 1)
        self.most = 1000
        for record in records:
            self.put(record)
        self.fake = Fake(self.reply)

    def put(self, record: Record) -> int:
        """Keep a record under its code, or a new one, at a time of its own."""
        there = next((row for row in self.rows.values() if row["code"] == record.get("code")), None)
        row = there or dict.fromkeys(FIELDS, False) | {
            "id": len(self.rows) + 1,
            "active": True,
            "child_ids": [],
        }
        self.clock += timedelta(minutes=1)
        row |= {"write_date": self.clock.isoformat(" "), **record}
        self.rows[row["id"]] = row
        return int(row["id"])

    def reply(self, asked: Asked) -> Answer:
        if self.pause:
            seconds, self.pause = self.pause, 0.0
            return Answer(429, b"", {"Retry-After": f"{seconds:g}"})
        body = msgspec.json.decode(asked.body)
        newer = asked.path.startswith("/json/2/")
        if newer:
            method = asked.path.rpartition("/")[2]
            answer = self.answer2(asked, method, body)
        else:
            method = str(body["params"]["args"][4]) if body["params"]["service"] == "object" else ""
            answer = self.answer(body)
        if self.lose and method == "create":
            self.lose = False
            return Answer(raw=b"")
        return answer

    def answer(self, body: dict[str, Any]) -> Answer:
        arguments = body["params"]["args"]
        made: dict[str, Any] = {"jsonrpc": "2.0", "id": body["id"]}
        try:
            if body["params"]["service"] == "common":
                made["result"] = 7 if arguments[2] == SECRET else False
            elif arguments[1:3] != [7, SECRET]:
                raise Refused("odoo.exceptions.AccessDenied")
            else:
                ids, given = arguments[5], arguments[6]
                made["result"] = self.call(arguments[3], arguments[4], ids[0] if ids else [], given)
        except Refused as error:
            data = {"name": str(error), "message": "no", "debug": f"Traceback of {SECRET}"}
            made["error"] = {"code": 200, "message": "Odoo Server Error", "data": data}
        return self.json(made)

    def answer2(self, asked: Asked, method: str, body: dict[str, Any]) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return self.json({"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}, 401)
        try:
            return self.json(self.call(asked.path.split("/")[3], method, body.pop("ids", []), body))
        except Refused as error:
            status = 404 if "MissingError" in str(error) else 422
            return self.json({"name": str(error), "message": "no", "debug": f"Traceback of {SECRET}"}, status)

    def call(self, model: str, method: str, ids: list[int], given: dict[str, Any]) -> Any:
        if model != "res.partner":
            raise Refused("builtins.KeyError")
        if method == "fields_get":
            return FIELDS
        if method == "search_count":
            return len(self.found(given["domain"]))
        if method == "search_read":
            rows = self.found(given["domain"])
            for name in reversed(given["order"].split(", ")):
                rows.sort(key=lambda row: row[name.removesuffix(" asc")])
            return [self.shown(row, given["fields"]) for row in rows[: given["limit"]]]
        if method == "create":
            if len(given["vals_list"]) > self.most:
                raise Refused("psycopg2.OperationalError")
            for values in given["vals_list"]:
                self.judge(values)
            return self.mixed([self.put(values) for values in given["vals_list"]])
        if method == "write":
            self.judge(given["vals"])
            if ids[0] not in self.rows:
                raise Refused("odoo.exceptions.MissingError")
            self.put({**self.rows[ids[0]], **given["vals"]})  # its time stays: tests set it
        elif method == "unlink":
            if self.rows.pop(ids[0], None) is None:
                raise Refused("odoo.exceptions.MissingError")
        return True

    def mixed(self, ids: list[int]) -> list[int]:
        """The ids of a create of several, wrong where told to."""
        if len(ids) < 2:
            return ids
        how, self.misanswers = self.misanswers, ""
        wrong = {
            "reordered": ids[::-1],
            "short": ids[:1] + ids[2:],
            "long": ids[:1] + ids,
            "alike": ids[:1] * len(ids),
        }
        return wrong.get(how, ids)

    @staticmethod
    def judge(values: Record) -> None:
        if str(values.get("name")).startswith("!"):
            raise Refused("odoo.exceptions.ValidationError")

    def shown(self, row: Record, names: Sequence[str]) -> dict[str, Any]:
        """Times are cut to the second."""
        made = {name: row[name] for name in {"id", *names}}
        return made | {name: str(made[name])[:19] for name in made if name == "write_date"}

    def found(self, domain: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            row
            for row in self.rows.values()
            if all(OPERATORS[operator](row[name], value) for name, operator, value in domain)
        ]

    @staticmethod
    def json(value: Any, status: int = 200) -> Answer:
        return Answer(status, msgspec.json.encode(value), {"Content-Type": "application/json"})
