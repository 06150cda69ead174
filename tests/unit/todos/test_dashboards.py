"""To-dos of many persons: lists, counts and their history, within the organizations of a key."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.store import dashboards
from hub.todos.dashboards import Counting
from hub.workspace.load import lint
from tests.stores import SqliteStore
from tests.unit.todos.conftest import HR, PEOPLE, PERSON, Desk, desk, forget
from tests.unit.todos.test_lists import at, to, todo

UNIT = """
    model: unit
    key: [code]
    fields:
      code: {type: text, required: true}
      parent: {type: ref, model: unit}
"""
UNITS = """
    mapping: units
    from: hr.units
    into: unit
    fields: {code: id, parent: "ref('unit', parent)"}
    unmatched: create
"""
ORGANIZATION = "  organization: {model: unit, parent: parent, of: unit}\n"
FOLK = [("1", "plant"), ("2", "sales"), ("3", "line"), ("4", "")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """group > plant > line, and group > sales."""
    made = desk(tmp_path_factory.mktemp("dashboards"), SqliteStore())
    made.stack.close()
    made.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\n" + PEOPLE + ORGANIZATION)
    made.model(UNIT)
    made.model(PERSON + "      unit: {type: ref, model: unit}\n")
    made.mapping(UNITS)
    made.mapping(HR.replace("phone: phone}", "phone: phone, unit: \"ref('unit', unit)\"}"))
    kinds = "{id: text, name: text, mail: text, phone: text, unit: text}"
    made.files("hr", people=kinds, units="{id: text, parent: text}")
    made.migrate()
    tree = {"group": None, "plant": "group", "sales": "group", "line": "plant"}
    made.put("hr.units", *({"id": unit, "parent": above} for unit, above in tree.items()))
    made.run("units", initial=True)
    made.put("hr.people", *(
        {"id": one, "name": f"N{one}", "mail": f"{one}@example.com", "phone": one, "unit": unit or None}
        for one, unit in FOLK
    ))  # fmt: skip
    made.run("people", "full")
    made.serve()
    yield made
    made.close()


@pytest.fixture
def office(world: Desk) -> Desk:
    forget(world)
    with world.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM todo_count")
    for number, (person, _) in enumerate(FOLK):
        world.report(todo(f"A-{person}", to(code=person), version=at(number)))
    return world


def keyed(office: Desk, *units: str, **within: Any) -> dict[str, str]:
    name = f"board-{'-'.join(units)}-{len(within)}-{office.one('SELECT count(*) FROM api_key')}"
    return office.key(name, "todos:read", organizations=list(units), **within)


def get(office: Desk, place: str, headers: dict[str, str], **asked: Any) -> Any:
    answer = office.client.get(f"/v1/todos{place}", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def titles(found: list[dict[str, Any]]) -> list[str]:
    return sorted(one["title"] for one in found)


def test_a_key_sees_its_organization_and_what_lies_below(office: Desk):
    everything = ["Leave A-1", "Leave A-2", "Leave A-3", "Leave A-4"]
    assert titles(get(office, "/all", office.all)) == everything
    assert titles(get(office, "/all", keyed(office, "plant"))) == ["Leave A-1", "Leave A-3"]
    assert titles(get(office, "/all", keyed(office, "line", "sales"))) == ["Leave A-2", "Leave A-3"]
    assert titles(get(office, "/all", keyed(office, "group"))) == everything[:3]
    assert titles(get(office, "/all", office.all, organization="plant")) == ["Leave A-1", "Leave A-3"]
    assert get(office, "/all", keyed(office, "sales"), organization="plant") == []
    assert titles(get(office, "/all", keyed(office, "plant"), organization="line")) == ["Leave A-3"]


def test_a_confined_key_gets_no_further_by_other_ways(office: Desk):
    board = keyed(office, "plant")
    (inside,) = get(office, "", board, person="3")
    assert inside["title"] == "Leave A-3"
    other = office.client.get("/v1/todos", params={"person": "2"}, headers=board).json()
    nobody = office.client.get("/v1/todos", params={"person": "99"}, headers=board).json()
    assert (other["code"], other["status"]) == (nobody["code"], nobody["status"]) == ("person.unknown", 404)
    for place in (f"/{inside['id']}", "/unresolved", "/changes"):
        assert office.client.get(f"/v1/todos{place}", headers=board).json()["code"] == "key.within", place
    told = office.client.get("/v1/explain/todo", params={"person": "3", "system": "oa", "id": "A-3"}, headers=board)
    assert told.json()["code"] == "key.within"
    for place in ("entities/person", "quarantine", "runs"):
        assert office.client.get(f"/v1/{place}", headers=board).json()["code"] == "key.grant", place
    with pytest.raises(ConfigError, match=r"nothing else"):
        office.key("more", "todos:read", "entities:read", organizations=["plant"])
    with pytest.raises(ConfigError, match=r"organization\.unknown"):
        office.key("none", "todos:read", organizations=["nowhere"])


def test_a_confined_key_sees_no_principals_of_other_organizations(office: Desk):
    until = (office.open_hub.hub.clock() + dt.timedelta(days=1)).isoformat()
    stands_in = office.key("stands-in", "substitutes:write")
    wish = {"from": "2", "to": "3", "until": until}
    assert office.client.post("/v1/todos/substitutes", json=wish, headers=stands_in).status_code == 201
    assert titles(get(office, "", office.all, person="3")) == ["Leave A-2", "Leave A-3"]
    board = keyed(office, "plant")
    assert titles(get(office, "", board, person="3")) == ["Leave A-3"]
    assert titles(get(office, "/changes", board, person="3")) == ["Leave A-3"]
    counted = office.client.get("/v1/todos/counts", params={"person": "3"}, headers=board).json()
    assert counted["to_do"]["count"] == 1


def test_lines_are_filtered_and_paged(office: Desk):
    office.report(todo("B-1", to(code="1") | {"done": True, "outcome": "agree"}, version=at(9)))
    done = get(office, "/all", office.all, box="done", fields="title,organization,outcome")
    assert done == [{"title": "Leave B-1", "organization": "plant", "outcome": "agree"}]
    assert get(office, "/all", keyed(office, "group", systems=["hr"])) == []
    found, asked = [], {"limit": "2"}
    while True:
        page = office.client.get("/v1/todos/all", params=asked, headers=office.all).json()
        found += page["items"]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert len({one["id"] for one in found}) == len(found) == 5


def test_csv_has_all_lines_and_no_formula(office: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hub.todos.dashboards.PAGE", 2)
    office.report(todo("C-1", to(code="2"), title="=1+cmd|' /C calc'!A0", version=at(9)))
    answer = office.client.get("/v1/todos/all", headers=office.all | {"accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["organization"] for row in rows] == ["plant", "sales", "line", "", "sales"]
    assert rows[-1]["title"].startswith("'=1+cmd")


def test_counts_are_by_any_dimension(office: Desk):
    old = (office.open_hub.hub.clock() - dt.timedelta(days=5)).isoformat()
    office.report(todo("D-1", to(code="3") | {"since": old}, version=at(9)))
    found = get(office, "/stats", office.all, by=["organization", "box"])
    assert {one["organization"]: one["count"] for one in found} == {"": 1, "plant": 1, "sales": 1, "line": 2}
    board = keyed(office, "plant")
    assert get(office, "/stats", board) == [{"system": "oa", "box": "to_do", "count": 3}]
    ages = {one["age"]: one["count"] for one in get(office, "/stats", board, by="age", organization="line")}
    assert ages["7d"] == 1
    text = office.client.get("/v1/todos/stats", headers=board | {"accept": "text/csv"}).content.decode("utf-8-sig")
    assert text == '"system","box","count"\n"oa","to_do",3\n'


def test_the_worker_counts_once_an_hour_and_thins_what_is_old(office: Desk):
    hub = office.open_hub.hub
    counting = Counting(hub)
    assert counting.turn()
    assert not counting.turn()
    assert not Counting(hub).turn()
    board = keyed(office, "plant")
    (one,) = get(office, "/stats/history", board)
    hour = hub.clock().replace(minute=0, second=0, microsecond=0)
    assert (one["system"], one["box"], one["count"], one["at"]) == ("oa", "to_do", 2, hour.isoformat())
    assert [one["count"] for one in get(office, "/stats/history", office.all, organization="sales")] == [1]
    units = [one["organization"] for one in get(office, "/stats/history", board, by="organization")]
    assert sorted(units) == ["line", "plant"]
    with hub.database.begin() as connection:
        day = hour.replace(hour=0) - dt.timedelta(days=10)
        for hours in (1, 2, 3):
            dashboards.remember(connection, day + dt.timedelta(hours=hours), [("oa", None, "to_do", "1d", hours)])
        dashboards.thin(connection, hub.clock())
    asked = {"from": (hour - dt.timedelta(days=20)).isoformat(), "to": (hour - dt.timedelta(days=2)).isoformat()}
    assert [one["count"] for one in get(office, "/stats/history", office.all, **asked)] == [3]


def test_every_route_needs_its_grant(office: Desk):
    for place in ("all", "stats", "stats/history"):
        assert office.client.get(f"/v1/todos/{place}").json()["code"] == "key.refused"
        headers = office.key(f"w-{place.replace('/', '-')}", "todos:write")
        assert office.client.get(f"/v1/todos/{place}", headers=headers).json()["code"] == "key.grant"


def test_a_field_that_refers_to_no_organization_is_found(office: Desk):
    path = office.folder / "config" / "hub.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("parent: parent, of: unit", "parent: code, of: nothing"), encoding="utf-8")
    _, findings = lint(office.folder)
    path.write_text(before, encoding="utf-8")
    assert {one.code for one in findings} >= {"people.organization", "reference.field"}
