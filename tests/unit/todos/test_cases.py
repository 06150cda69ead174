"""The hub's own cases lie in the list of who is named for them, as long as they are open."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest

from hub.errors import Held
from hub.exchange.judging.approval import approve, reject
from hub.store.reports import find_plan
from hub.todos.cases import MANY, report
from hub.workspace.load import lint
from tests.stores import SqliteStore
from tests.unit.todos.conftest import PEOPLE, Desk, desk, forget

CASES = """
  cases:
    approvals: [{code: '1'}]
    reviews: [{code: '2'}]
    quarantine: [{code: '2'}]
    receivers: [{code: '1'}]
"""
SECRET = "4711-SECRET"
ITEM = """
    model: item
    key: [code]
    fields:
      code: {type: text, required: true}
      age: {type: integer, level: L3, class: pi.age}
"""
ITEMS = """
    mapping: items
    from: hr.items
    into: item
    fields: {code: id, age: age}
    guard: {create: 3}
    unmatched: create
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = desk(tmp_path_factory.mktemp("cases"), SqliteStore())
    made.stack.close()
    configure(made, CASES)
    made.model(ITEM)
    made.mapping(ITEMS)
    made.files("hr", people="{id: text, name: text, mail: text, phone: text}", items="{id: text, age: text}")
    made.migrate()
    made.serve()
    yield made
    made.close()


@pytest.fixture
def office(world: Desk) -> Desk:
    """Without cases, and without to-dos."""
    forget(world)
    with world.open_hub.hub.database.begin() as connection:
        for name in ("approval", "plan", "quarantine", "review"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    return world


def configure(office: Desk, cases: str) -> None:
    office.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\n" + PEOPLE + cases)


def told(office: Desk, person: str) -> list[str]:
    """The titles that lie with a person after the duty's turn."""
    report(office.open_hub.hub)
    return sorted(office.titles(person, language="en"))


def items(office: Desk, *names: str, age: str = "30") -> None:
    office.put("hr.items", *({"id": f"{SECRET}-{name}", "age": age} for name in names))


def held(office: Desk, names: str) -> str:
    """A plan that the guard holds: it would make more than three."""
    items(office, *names)
    with pytest.raises(Held) as stopped:
        office.run("items")
    return stopped.value.plan


def test_a_held_plan_lies_with_who_approves_until_it_is_approved(office: Desk):
    identity = held(office, "abcde")
    assert told(office, "1") == ["Approve the plan of items"]
    (one,) = office.inbox("1")
    assert (one["system"], one["definition"], one["priority"]) == ("hub", "hub.approval", "high")
    assert one["attributes"]["plan"] == {"value": identity}
    assert report(office.open_hub.hub) == 0  # nothing new is not reported again
    with office.opened(actor="bea") as opened:
        approve(opened.hub, find_plan(opened.hub.database, identity), "looks right", dt.timedelta(hours=1))
    assert told(office, "1") == []


def test_a_rejected_plan_is_over(office: Desk):
    identity = held(office, "fghij")
    assert len(told(office, "1")) == 1
    with office.opened(actor="bea") as opened:
        reject(opened.hub, find_plan(opened.hub.database, identity), "too many")
    assert told(office, "1") == []


def test_a_cause_is_over_when_it_is_settled_and_a_new_one_when_it_comes_back(office: Desk):
    seen = []
    for age in (f"{SECRET}", "30", f"{SECRET}x"):
        items(office, "k", "l", age=age)
        office.run("items")
        assert len(told(office, "2")) == (0 if age == "30" else 1)
        seen += [one["source_id"] for one in office.inbox("2")]
    assert len(set(seen)) == 2
    assert office.titles("2", language="en")[0].startswith("Records set aside: items: ")


def test_reviews_and_receivers_are_cases(office: Desk):
    office.put("oa.accounts", {"id": "wang", "mail": "nobody@example.com"})
    office.run("accounts")
    assert told(office, "2") == ["Decide about a person of accounts: match.none"]
    office.report({"system": "oa", "id": "A-1", "title": "Leave", "assignees": [{"to": {"code": "404"}}]})
    assert told(office, "1") == ["Receivers without a person: oa"]
    office.put("oa.accounts", {"id": "wang", "mail": "wang@example.com"})
    office.run("accounts")
    office.report({"system": "oa", "id": "A-1", "status": "withdrawn"})
    assert told(office, "1") == told(office, "2") == []


def test_many_reviews_of_one_exchange_are_one_to_do(office: Desk):
    office.put("oa.accounts", *({"id": f"a{n}", "mail": f"{n}@example.com"} for n in range(MANY)))
    office.run("accounts")
    assert told(office, "2") == ["Decide about records of accounts"]


def test_no_value_of_a_record_is_in_a_case(office: Desk):
    items(office, "m", "n", age=SECRET)
    office.run("items")
    held(office, "opqr")
    report(office.open_hub.hub)
    lists = [office.inbox(person) for person in ("1", "2")]
    assert [len(one) for one in lists] == [1, 1]
    stored = office.rows("SELECT title, content FROM todo WHERE system = 'hub'")
    assert SECRET not in json.dumps([lists, [list(row) for row in stored]], default=str)


def test_who_is_taken_off_the_file_has_the_cases_no_more(office: Desk):
    held(office, "stuv")
    assert len(told(office, "1")) == 1
    configure(office, CASES.replace("approvals: [{code: '1'}]", ""))
    with office.opened() as opened:
        assert report(opened.hub) == 1
    configure(office, CASES)
    assert office.titles("1") == []


def test_a_receiver_has_exactly_one_name(office: Desk):
    wrong = CASES.replace("{code: '1'}", "{code: '1', mail: a@example.com}")
    configure(office, wrong)
    workspace, findings = lint(office.folder)
    configure(office, CASES)
    assert workspace is None
    assert [one.code for one in findings if "approvals" in one.message]
