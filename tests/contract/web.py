"""A small system on the web with one table, spoken to as JSON REST or as OData of either version."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from tests.unit.http.fake import Answer, Asked, Fake

Record = Mapping[str, Any]
SECRET = "c0ntract-s3cret"
CAP = 10
"""Records per page, whatever a client asks for."""
EDMX = """<Edmx Version="{version}"><DataServices><Schema Namespace="kit">
<EntityType Name="Person"><Key><PropertyRef Name="code"/></Key><Property Name="code" Type="Edm.String"/>
<Property Name="name" Type="Edm.String"/><Property Name="amount" Type="Edm.Decimal"/>
<Property Name="at" Type="Edm.DateTimeOffset"/></EntityType>
<EntityContainer><EntitySet Name="people" EntityType="kit.Person"/></EntityContainer>
</Schema></DataServices></Edmx>"""


class Web:
    """The table, and what every protocol has in common: refusals, pauses, lost answers, versions."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}
        self.pause = 0.0
        self.lose = False
        self._change = 0
        for record in records:
            self.put(record)
        self.fake = Fake(self.reply)

    def put(self, record: Record) -> None:
        code = str(record["code"])
        self._change += 1
        self.rows[code] = {**self.rows.get(code, {}), **record}
        self.versions[code] = self._change

    def etag(self, code: str) -> str:
        return f'W/"{self.versions[code]}"'

    def reply(self, asked: Asked) -> Answer:
        given = asked.headers.get("authorization", "").partition(" ")[2]
        if asked.method == "OPTIONS":
            return Answer(405)
        if SECRET not in (given, base64.b64decode(given + "==").decode("latin-1").partition(":")[2]):
            return Answer(401)
        if self.pause and not asked.path.endswith("$metadata"):
            seconds, self.pause = self.pause, 0.0
            return Answer(429, b"", {"Retry-After": f"{seconds:g}"})
        answer = self.serve(asked)
        if self.lose and asked.method == "POST":
            self.lose = False
            return Answer(raw=b"")
        return answer

    def serve(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def write(self, asked: Asked, code: str | None, values: Record) -> Answer:
        """Create (without a code), change or delete; refuses names that begin with ``!``."""
        if code is not None and code not in self.rows:
            return self.json({"error": {"message": "no such person"}}, 404)
        if code is not None and asked.headers.get("if-match") not in (None, self.etag(code)):
            return self.json({"error": {"message": "changed meanwhile"}}, 412)
        if asked.method == "DELETE":
            del self.rows[str(code)]
            return Answer(204)
        if str(values.get("name", "")).startswith("!"):
            return self.json({"error": {"message": "the name is refused"}}, 422)
        if code is None and values["code"] in self.rows:
            return self.json({"error": {"message": "is there already"}}, 409)
        self.put({**values, "code": code or values["code"]})
        code = code or str(values["code"])
        return self.json(self.shown(code), 201, ETag=self.etag(code))

    def shown(self, code: str) -> Any:
        return self.rows[code]

    @staticmethod
    def json(value: Any, status: int = 200, **headers: str) -> Answer:
        return Answer(status, msgspec.json.encode(value), {"Content-Type": "application/json", **headers})


class RestWeb(Web):
    """Pages by offset, a ``since`` parameter, changes below ``/people/CODE``."""

    def serve(self, asked: Asked) -> Answer:
        code = unquote(asked.path.removeprefix("/people").strip("/")) or None
        if asked.method != "GET":
            return self.write(asked, code, msgspec.json.decode(asked.body) if asked.body else {})
        params = asked.params
        rows = [row for row in self.rows.values() if str(row["at"]) >= params.get("since", "")]
        rows = [row for row in rows if row["code"] == params.get("code", row["code"])]
        rows.sort(key=lambda row: (str(row["at"]), row["code"]))
        start, size = int(params.get("skip", 0)), min(int(params.get("top", CAP)), CAP)
        return self.json({"people": rows[start : start + size], "total": len(rows)})


class ODataWeb(Web):
    """V2 leaves paging to its client, V4 pages by itself."""

    version = 4

    def serve(self, asked: Asked) -> Answer:
        name = asked.path.removeprefix("/kit").strip("/")
        if name == "$metadata":
            return Answer(
                200, EDMX.format(version=f"{self.version}.0").encode(), {"Content-Type": "application/xml"}
            )
        if name == "$batch":
            return Answer(501)
        if asked.method == "GET":
            return self.json({}) if not name else self.read(asked)
        found = re.fullmatch(r"people\('(.*)'\)", unquote(name))
        code = found[1].replace("''", "'") if found else None
        values = msgspec.json.decode(asked.body) if asked.body else {}
        return self.write(asked, code, {key: self.value(key, value) for key, value in values.items()})

    def read(self, asked: Asked) -> Answer:
        params = asked.params
        rows = [row for row in self.rows.values() if holds(params.get("$filter", ""), row)]
        by = params.get("$orderby", "code").split(",")
        rows.sort(key=lambda row: tuple(str(row[name]) for name in by))
        start = int(params.get("$skip", params.get("$skiptoken", 0)))
        size = int(params.get("$top", CAP))
        if self.version == 4:
            preferred = re.search(r"maxpagesize=(\d+)", asked.headers.get("prefer", ""))
            size = min(int(preferred[1]) if preferred else CAP, CAP)
        shown = [self.shown(row["code"]) for row in rows[start : start + size]]
        if self.version == 2:
            return self.json({"d": {"results": shown, "__count": str(len(rows))}})
        made: dict[str, Any] = {"value": shown, "@odata.count": len(rows)}
        if start + size < len(rows):
            again = "&".join(f"{name}={value}" for name, value in params.items() if name[1:5] != "skip")
            made["@odata.nextLink"] = f"people?{again}&$skiptoken={start + size}"
        return self.json(made)

    def shown(self, code: str) -> Any:
        return {**self.rows[code], "@odata.etag": self.etag(code)}

    def value(self, name: str, value: Any) -> Any:
        return value


PART = re.compile(
    rb"Content-ID: (\d+)\r\n\r\n(\w+) (\S+) HTTP/1\.1\r\n.*?\r\n\r\n(.*?)\r\n--change_", re.DOTALL
)


class Batched(ODataWeb):
    """It takes multipart batches, names each answer by its Content-ID, and mixes them up once when told to."""

    misanswers = ""

    def serve(self, asked: Asked) -> Answer:
        if not asked.path.endswith("$batch"):
            return super().serve(asked)
        pieces = []
        for number, method, path, body in PART.findall(asked.body):
            inner = super().serve(Asked(method.decode(), f"/kit/{path.decode()}", {}, body))
            head = f"--b\r\nContent-Type: application/http\r\nContent-ID: {number.decode()}\r\n\r\n"
            pieces.append(f"{head}HTTP/1.1 {inner.status} X\r\n\r\n".encode() + inner.body + b"\r\n")
        how, self.misanswers = self.misanswers, ""
        mixed = {
            "reordered": pieces[::-1],
            "short": pieces[:1] + pieces[2:],
            "long": pieces[:1] + pieces,
            "alike": pieces[:1],
        }
        answer = b"".join(mixed.get(how, pieces)) + b"--b--"
        return Answer(202, answer, {"Content-Type": "multipart/mixed; boundary=b"})


class ODataWebV2(ODataWeb):
    version = 2

    def shown(self, code: str) -> Any:
        row = self.rows[code]
        ticks = int(datetime.fromisoformat(str(row["at"])).timestamp() * 1000)
        amount = row.get("amount")
        return {
            **row, "__metadata": {"etag": self.etag(code)}, "at": f"/Date({ticks}+0000)/",
            "amount": None if amount is None else str(amount),
        }  # fmt: skip

    def value(self, name: str, value: Any) -> Any:
        if name != "at" or value is None:
            return value
        ticks = int(re.sub(r"/Date\((\d+).*", r"\1", value))
        return datetime.fromtimestamp(ticks / 1000).astimezone().isoformat()


def holds(condition: str, row: Record) -> bool:
    """Whether a row meets a filter of comparisons joined by ``or`` and ``and``."""
    if not condition:
        return True
    if " or " in condition:
        return any(holds(part.strip("()"), row) for part in condition.split(" or "))
    for part in condition.strip("()").split(" and "):
        name, operator, literal = part.strip("()").split(" ", 2)
        wanted = re.sub(r"^datetimeoffset", "", literal).strip("'").replace("''", "'")
        given = str(row[name])
        if name == "at":
            given, wanted = (datetime.fromisoformat(one).isoformat() for one in (given, wanted))
        if not {"eq": given == wanted, "ge": given >= wanted}[operator]:
            return False
    return True
