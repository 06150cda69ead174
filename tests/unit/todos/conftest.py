"""A served hub with people of an HR system, and an OA that they have accounts in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hub.store.database import now
from hub.todos.people import Healed, heal
from tests.stores import SqliteStore, Store
from tests.unit.api.conftest import Served
from tests.unit.exchange.conftest import store as store

PERSON = """
    model: person
    key: [number]
    fields:
      number: {type: text, required: true}
      name: {type: text}
      mail: {type: text}
      phone: {type: text}
"""
THING = """
    model: thing
    key: [code]
    fields:
      code: {type: text, required: true}
"""
HR = """
    mapping: people
    from: hr.people
    into: person
    fields: {number: id, name: name, mail: mail, phone: phone}
    unmatched: create
"""
OA = """
    mapping: accounts
    from: oa.accounts
    into: person
    match: [[mail]]
    fields: {mail: mail}
    unmatched: review
"""
PEOPLE = """
people:
  model: person
  receivers: {code: number, mail: mail, phone: phone}
"""
FOLK = (
    {"id": "1", "name": "Li Na", "mail": "li@example.com", "phone": "100"},
    {"id": "2", "name": "Wang Wei", "mail": "wang@example.com", "phone": "200"},
    {"id": "3", "name": "Zhao Min", "mail": "zhao@example.com", "phone": "200"},
)


DROPINS = {
    "pms": "{speaks: seeyon, code: '3001', receiver: code, pc: 'https://pms.example.com'}",
    "flow": "{speaks: weaver, code: FLOW, receiver: code, from: [10.0.0.0/8], pc: 'https://flow.example.com'}",
    "sign": "{speaks: feishu, code: cli_sign, receiver: code}",
}


def forget(office: Desk) -> None:
    """All to-dos."""
    with office.open_hub.hub.database.begin() as connection:
        for name in ("todo_report", "assignment", "todo"):
            connection.exec_driver_sql(f"DELETE FROM {name}")


class Desk(Served):
    """Reports and lists, by a key that may do both."""

    all: dict[str, str]
    ahead = dt.timedelta()  # of its clock, which tests put forward

    def report(self, *items: dict[str, Any], status: int = 200) -> list[dict[str, Any]]:
        answer = self.client.post("/v1/todos", json={"items": list(items)}, headers=self.all)
        assert answer.status_code == status, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def inbox(self, person: str, **asked: Any) -> list[dict[str, Any]]:
        answer = self.client.get("/v1/todos", params={"person": person, **asked}, headers=self.all)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def titles(self, person: str, **asked: Any) -> list[str]:
        return [one["title"] for one in self.inbox(person, **asked)]

    def heal(self) -> Healed:
        return heal(self.open_hub.hub)

    def get(self, place: str, **asked: Any) -> Any:
        answer = self.client.get(f"/v1/todos{place}", params=asked, headers=self.all)
        assert answer.status_code == 200, answer.text
        return answer.json()


D = TypeVar("D", bound=Desk)


def desk(folder: Path, kept: Store) -> Desk:
    """People read in, accounts linked, and served."""
    return begun(Desk(folder / "w", kept))


def begun(made: D) -> D:
    """The same, of a kind of its own."""
    made.clock = lambda: now() + made.ahead
    made.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\n" + PEOPLE)
    made.model(PERSON)
    made.model(THING)
    made.mapping(HR)
    made.mapping(OA)
    made.files("hr", people="{id: text, name: text, mail: text, phone: text}")
    made.files("oa", accounts="{id: text, mail: text}")
    for name, more in DROPINS.items():
        made.files(name, accounts="{id: text, mail: text}")
        path = made.folder / "config" / "systems" / f"{name}.yaml"
        path.write_text(path.read_text(encoding="utf-8") + f"\ntodos: {more}\n", encoding="utf-8")
    made.migrate()
    made.put("hr.people", *FOLK)
    made.run("people", initial=True)
    made.put("oa.accounts", {"id": "lina", "mail": "li@example.com"})
    made.run("accounts", initial=True)
    assert made.held("accounts") == []
    made.serve()
    made.all = made.key("all", "todos:read", "todos:write")
    return made


@pytest.fixture
def office(tmp_path: Path, store: Store) -> Iterator[Desk]:
    """One of its own, for tests that change people, keys or files."""
    made = desk(tmp_path, store)
    yield made
    made.close()


@pytest.fixture(scope="module")
def open_all_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = desk(tmp_path_factory.mktemp("office"), SqliteStore())
    yield made
    made.close()


@pytest.fixture
def shared(open_all_day: Desk) -> Desk:
    """One for all tests that only report and list; it begins empty."""
    forget(open_all_day)
    return open_all_day
