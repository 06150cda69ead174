"""A small landscape for tests that kill, cut and lie: a folder of files, a CRM, an S/4 and an ERP database
around one model, and the hub's database looked at by natural keys, without ids and times."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connectors.simulators import Simulator
from connectors.simulators.tables import Clock
from hub.store.database import Database
from tests.faults.forker import Begun, Forker, Ran
from tests.stores import SqliteStore

FILES = {
    "config/hub.yaml": "hub: faults\n",
    "config/models/party.yaml": """
model: party
level: L1
key: [code]
fields:
  code: {type: text, required: true, rank: [files, crm, s4]}
  name: {type: text, required: true, rank: [files, crm, s4]}
  country: {type: text, max_length: 2, rank: [files, crm]}
  parent: {type: ref, model: party}
  credit: {type: decimal}
  phone: {type: text, level: L3}
  salary: {type: integer, level: L4}
  email: {type: text, format: email, rank: [files, crm]}
""",
    "config/systems/files.yaml": """
system: files
connector: files
folder: ../data
resources:
  parties: {path: "in/parties*.ndjson", key: code, fields: {code: text, name: text, country: text,
            parent: text, credit: text, phone: text, salary: text, email: text}}
  list: {path: out/parties.csv, key: code, fields: {code: text, name: text, country: text}}
""",
    "config/systems/crm.yaml": """
system: crm
connector: rest
url: URL_CRM/api/v2
auth: {api_key: {header: X-Api-Key, value: secret://crm/key}}
limits: {retries: 2, max_wait: 3s, timeout: 2s}
resources:
  accounts:
    path: /accounts
    records: records
    total: total
    key: id
    cursor: {field: modified_at, param: modified_since}
    paging: {cursor: {param: page_token, from: next_page_token, size_param: page_size, size: 9}}
    fields: {id: text, external_id: text, name: text, email: text, phone: text,
             billing_address: {country_code: text}, modified_at: datetime}
  batched:
    path: /accounts
    records: records
    key: id
    fields: {id: text, external_id: text, name: text, phone: text, email: text}
    write:
      create: {method: POST, path: /accounts, id: id}
      update: {method: PATCH, path: "/accounts/{id}", id: id}
      find: {params: {external_id: "{external_id}"}}
""",
    "config/systems/s4.yaml": """
system: s4
connector: sap_s4
url: URL_S4/sap/opu/odata/sap/API_BUSINESS_PARTNER
auth: {basic: {username: HUB, password: secret://s4/password}}
limits: {rate: null, retries: 2, max_wait: 3s, timeout: 3s}
page_size: null
""",
    "config/systems/erp.yaml": """
system: erp
connector: sql
sqlite: ../data/erp.sqlite
resources:
  party: {table: party, key: code}
  account: {table: account, key: id}
""",
    "mappings/files-parties.yaml": """
mapping: files-parties
from: files.parties
into: party
fields: {code: code, name: trim(name), country: country, parent: "ref('party', parent)", phone: phone,
         credit: "CAST(credit AS DECIMAL(18,4))", salary: CAST(salary AS INTEGER), email: email}
match: [[code]]
unmatched: create
absent: {reaction: disable}
""",
    "mappings/crm-parties.yaml": """
mapping: crm-parties
from: crm.accounts
into: party
fields: {code: id, name: name, country: billing_address.country_code, email: lower(email)}
match: [[code]]
unmatched: create
absent: {reaction: disable}
""",
    "mappings/s4-parties.yaml": """
mapping: s4-parties
from: s4.A_BusinessPartner
into: party
fields: {code: BusinessPartner, name: BusinessPartnerFullName}
match: [[code]]
unmatched: create
""",
    "mappings/to-crm.yaml": """
mapping: to-crm
from: party
into: crm.batched
key: external_id
fields: {external_id: code, name: name, phone: phone, email: email}
""",
    "mappings/to-s4.yaml": """
mapping: to-s4
from: party
into: s4.A_BusinessPartner
key: SearchTerm1
fields: {SearchTerm1: code, OrganizationBPName1: name, BusinessPartnerCategory: "'2'"}
""",
    "mappings/to-erp.yaml": """
mapping: to-erp
from: party
into: erp.party
key: code
fields: {code: code, name: name, country: country}
absent: {reaction: delete}
""",
    "mappings/to-list.yaml": """
mapping: to-list
from: party
into: files.list
key: code
fields: {code: code, name: name, country: country}
""",
    "mappings/through.yaml": """
mapping: through
from: crm.accounts
into: erp.account
key: id
fields: {id: id, name: name, country: billing_address.country_code}
""",
}
_ERP = """
CREATE TABLE party (code TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT);
CREATE TABLE account (id TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT);
CREATE TABLE oplog (number INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT, resource TEXT, key TEXT);
"""


SECRETS = {"crm/key": "crm-demo", "s4/password": "s4-demo"}


def party(number: int, **more: Any) -> dict[str, Any]:
    """One record of the file, as text; ``more`` replaces fields."""
    return {
        "code": f"P{number:04d}",
        "name": f"Party {number}",
        "country": ("CN", "DE", "US")[number % 3],
        "parent": f"P{number - 1:04d}" if number % 10 == 5 else None,
        "credit": f"{number * 10}.5",
        "phone": f"+49 30 {number:06d}",
        "salary": str(50_000 + number),
        "email": f"p{number}@parties.example",
    } | more


def parties(count: int) -> list[dict[str, Any]]:
    """Good records, and a few that are held back: a name is missing, a number does not parse, a parent
    nobody knows; one comes twice."""
    made = [party(number) for number in range(1, count + 1)]
    made[3] = party(4, name=None)
    made[7] = party(8, credit="a lot")
    made[11] = party(12, parent="P9999")
    return [*made, party(2, name="Party 2 again")]


class StillClock(Clock):
    """A product's clock on which nothing depends on when the test runs."""

    def now(self) -> datetime:
        self.skew += 0.001
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.skew)


@dataclass
class Landscape:
    """One workspace with its systems; simulators run here, the hub in processes of its own."""

    folder: Path
    forker: Forker
    store: str = ""
    simulators: dict[str, Simulator] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, records: list[dict[str, Any]], name: str = "parties") -> None:
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (self.folder / "data" / "in" / f"{name}.ndjson").write_text(lines, encoding="utf-8")

    def _variables(self, kill: str) -> dict[str, str]:
        given = {"COPHUB_STORE": self.store, "COPHUB_FAILPOINT": kill} | self.environment
        return {name: value for name, value in given.items() if value}

    def cophub(self, *arguments: str, kill: str = "", file_size: int = 0, given: str = "") -> Ran:
        """One command, killed where ``kill`` says."""
        words = [*arguments, "--workspace", str(self.folder), "--json", "--quiet"]
        return self.forker.run(words, self._variables(kill), file_size, given)

    def run(self, exchange: str, *options: str, kill: str = "", file_size: int = 0) -> Ran:
        return self.cophub("run", exchange, *options, kill=kill, file_size=file_size)

    def started(self, exchange: str, *options: str, kill: str = "") -> Begun:
        """The same in the background, to be stopped and woken."""
        return self.begun("run", exchange, *options, kill=kill)

    def begun(self, *arguments: str, kill: str = "") -> Begun:
        """Any command in the background."""
        words = [*arguments, "--workspace", str(self.folder), "--json", "--quiet"]
        return self.forker.begin(words, self._variables(kill))

    # ------------------------------------------------------------ what stands

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the hub's database."""
        database = Database(self.store or SqliteStore.url, {}, folder=self.folder)
        try:
            with database.begin() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        finally:
            database.close()

    def hub(self) -> dict[str, Any]:
        """Golden rows, their history, links, acknowledgements, quarantine and watermarks by natural key."""
        return {
            "golden": self._sorted(
                "SELECT p.code, p.name, p.country, p.credit, p.phone, p.salary, p.email, p._state, "
                "p._version, o.code FROM e_party p LEFT JOIN e_party o ON o._id = p.parent"
            ),
            "links": self._sorted(
                "SELECT s.exchange, s.output, CASE WHEN s.direction = 'outbound' THEN '' ELSE h.key END, "
                "h.hash, h.cur, p.code, h.foreign_key, CASE WHEN h.absent_at IS NULL THEN 0 ELSE 1 END "
                "FROM shadow h JOIN source s ON s.id = h.source LEFT JOIN e_party p ON p._id = h.entity"
            ),
            "quarantine": self._sorted(
                "SELECT q.exchange, CASE WHEN s.direction = 'outbound' THEN '' ELSE q.key END, q.code, "
                "q.field, q.message, q.position, q.state FROM quarantine q JOIN source s ON s.id = q.source "
                "WHERE q.state <> 'resolved'"
            ),
            "watermarks": self._sorted("SELECT exchange, value, token, seq, snapshot FROM watermark"),
            "intents": self._sorted("SELECT key FROM intent"),
        }

    def _sorted(self, query: str) -> list[tuple[str, ...]]:
        return sorted(tuple(str(value) for value in row) for row in self.select(query))

    def targets(self) -> dict[str, Any]:
        """What the systems hold, and how often each object was created: by their own logs."""
        found: dict[str, Any] = {}
        if crm := self.simulators.get("crm"):
            names = ("external_id", "name", "phone", "email")
            found["crm"] = _rows(crm.rows("accounts"), names)
        if s4 := self.simulators.get("s4"):
            made = [row for row in s4.rows("A_BusinessPartner") if row.get("SearchTerm1")]
            found["s4"] = _rows(made, ("SearchTerm1", "OrganizationBPName1"))
        for table in ("party", "account"):
            found[table] = self.erp(f"SELECT * FROM {table} ORDER BY 1")
        created = self.erp("SELECT key FROM oplog WHERE action = 'create' ORDER BY 1")
        found["created"] = created
        listed = self.folder / "data" / "out" / "parties.csv"
        found["list"] = listed.read_text() if listed.exists() else ""
        found["crm creates"] = self._creates("crm", "accounts")
        found["s4 creates"] = self._creates("s4", "A_BusinessPartner")
        return found

    def _creates(self, name: str, resource: str) -> int:
        simulator = self.simulators.get(name)
        return simulator.log.count("create", resource) if simulator else 0

    def erp(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "data" / "erp.sqlite")) as connection:
            return connection.execute(query).fetchall()

    def left(self) -> list[str]:
        """What lies in the scratch folder, and files half written."""
        scratch = self.folder / ".cophub" / "runs"
        runs = sorted(path.name for path in scratch.iterdir()) if scratch.exists() else []
        return runs + [path.name for path in (self.folder / "data").rglob("*.tmp")]


def _rows(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return sorted(tuple(str(row.get(name)) for name in names) for row in rows)


def build(folder: Path) -> None:
    """Write the workspace; addresses are filled in when the simulators listen."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip("\n"), encoding="utf-8")
    for name in ("in", "out"):
        (folder / "data" / name).mkdir(parents=True)
    with closing(sqlite3.connect(folder / "data" / "erp.sqlite")) as connection, connection:
        connection.executescript(_ERP)
        for table, key in (("party", "code"), ("account", "id")):
            for action, event, row in (
                ("create", "INSERT", "new"),
                ("update", "UPDATE", "new"),
                ("delete", "DELETE", "old"),
            ):
                connection.execute(
                    f"CREATE TRIGGER {table}_{action} AFTER {event} ON {table} BEGIN INSERT INTO oplog "
                    f"(action, resource, key) VALUES ('{action}', '{table}', {row}.{key}); END"
                )


def point_at(folder: Path, name: str, url: str) -> None:
    """Fill in where a simulator listens."""
    path = folder / "config" / "systems" / f"{name}.yaml"
    path.write_text(path.read_text().replace(f"URL_{name.upper()}", url))


def seal(made: Landscape) -> None:
    """Give the hub the secrets of its systems."""
    for name, value in SECRETS.items():
        ran = made.cophub("secrets", "set", f"secret://{name}", given=value)
        assert ran.status == 0, ran.err


def copy(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder)
    return folder
