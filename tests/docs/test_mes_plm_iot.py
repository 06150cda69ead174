"""The page on MES, PLM and IoT is run as it stands: a PLM that answers pages, a database, and a gateway that pushes."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_yaml import WHOLE, written
from tests.unit.cli.desk import Desk
from tests.unit.http.fake import Answer, Asked, Fake, as_json, running

PAGE = "docs/how-to/mes-plm-iot.md"
PARTS: list[dict[str, Any]] = [
    {"number": "A-100", "name": " Catheter ", "revision": "B", "state": "RELEASED", "unit": "pc", "usages": [
        {"position": "10", "child": "A-200", "quantity": 2}, {"position": "20", "child": "A-300", "quantity": 0.5},
    ]},
    {"number": "A-200", "name": "Tube 管", "revision": "A", "state": "RELEASED", "unit": "m", "usages": []},
    {"number": "A-300", "name": "Valve", "revision": "-", "state": "INWORK", "unit": "pc", "usages": []},
]  # fmt: skip
ALARMS = [
    {"id": "1", "machine": "m7", "sensor": "temp", "value": 130, "limit": 100, "order": "W1"},
    {"id": "2", "machine": "m7", "sensor": "temp", "value": 110, "limit": 100, "order": "W1"},
    {"id": "3", "machine": "m7", "sensor": "temp", "value": 90, "limit": 100, "order": "W1"},
]
DDL = """
CREATE TABLE work_order (order_no TEXT PRIMARY KEY, material_no TEXT, machine TEXT, planned NUMERIC, good NUMERIC,
  scrap NUMERIC, state INTEGER, updated_at TEXT);
INSERT INTO work_order VALUES ('W1', 'A-100', 'm7', 100, 95, 5, 2, '2026-03-01T08:00:00Z');
CREATE TABLE material (material_no TEXT PRIMARY KEY, description TEXT, revision TEXT, unit TEXT, active INTEGER);
"""


def reply(asked: Asked) -> Answer:
    """Two pages, linked."""
    rows = [{**one, "modified": "2026-03-01T08:00:00Z"} for one in PARTS]
    if asked.params.get("page") == "2":
        return as_json({"value": rows[2:]})
    return as_json({"value": rows[:2], "nextLink": "/api/parts?expand=usages&page=2"})


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in [name for name in os.environ if name.startswith("COPHUB_")]:
        monkeypatch.delenv(name)
    for name in ("PLM_PASSWORD", "IOT_PUSH"):
        monkeypatch.setenv(f"COPHUB_SECRET_{name}", "s3cret-of-the-plant")
    desk = Desk(written(tmp_path, WHOLE[PAGE]))
    with sqlite3.connect(tmp_path / "mes.sqlite") as database:
        database.executescript(DDL)
    server = Fake(reply)
    with running(server):
        desk.edit("config/systems/plm.yaml", "https://plm.example.com", server.url)
        text = (tmp_path / "config/systems/mes.yaml").read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if not line.startswith(("odbc:", "username:", "password:"))]
        (tmp_path / "config/systems/mes.yaml").write_text("\n".join([*kept, "sqlite: ../mes.sqlite"]) + "\n")
        yield desk


def values(desk: Desk, model: str, key: str) -> dict[str, Any]:
    (entity,) = desk.cophub("entities", model, "--key", key, "--json").json["entities"]
    return {**entity["values"]}


def test_released_parts_reach_the_mes_and_alarms_find_their_order(plant: Desk) -> None:
    assert plant.cophub("migrate").code == 0
    ran = plant.cophub("run", "--all")
    assert ran.code == 0, ran.err + ran.out
    with sqlite3.connect(plant.folder / "mes.sqlite") as database:
        materials = database.execute("SELECT * FROM material ORDER BY 1").fetchall()
    assert materials == [("A-100", "Catheter", "B", "PC", 1), ("A-200", "Tube 管", "A", "M", 1)]
    assert values(plant, "work_order", "W1").items() >= {
        ("part", "A-100"), ("machine", "M7"), ("scrap_rate", "0.0500"), ("state", "running"),
    }  # fmt: skip
    lines = "".join(json.dumps({**one, "at": "2026-03-01T09:00:00Z"}) + "\n" for one in ALARMS)
    assert plant.cophub("events", "push", "iot.alarms", "-", stdin=lines).code == 0
    worked = plant.cophub("worker", "--once")
    assert worked.code == 0, worked.err + worked.out
    severities = {key: values(plant, "machine_alarm", key)["severity"] for key in ("1", "2")}
    assert severities == {"1": "critical", "2": "warning"}
    assert values(plant, "machine_alarm", "1").items() >= {("order", "W1"), ("sensor", "temp")}
    assert plant.cophub("entities", "machine_alarm", "--key", "3").code == 65  # within its limit
    (line,) = plant.cophub("entities", "bom_line", "--json").json["entities"]
    assert line["values"]["position"] == "10"
    (waiting,) = plant.cophub("quarantine", "--json").json["causes"]  # its child is in work
    assert (waiting["state"], waiting["code"], waiting["count"]) == ("waiting", "ref.missing", 1)
