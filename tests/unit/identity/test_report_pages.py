"""The page of reports: numbers as the store has them, and files in which nothing is a formula."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator

import pytest
from openpyxl import load_workbook
from sqlalchemy import insert

from hub.store.dashboard_tables import todo_count
from hub.store.tables import quarantine
from tests.stores import SqliteStore
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import Registry, registry
from tests.unit.identity.test_exchange_pages import logged
from tests.unit.identity.test_operators import ROLES, text
from tests.unit.identity.test_review_pages import asked
from tests.unit.portal.conftest import Browser

PLACE = "/portal/operators/reports"
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("reports"), SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    serve(made, "ola", "sam")
    hub = made.open_hub.hub
    moment, none = hub.clock(), uuid.UUID(int=0)
    entry = {
        "source": 1, "exchange": "people", "key": "k", "hash": 1, "map_hash": 1, "field": "", "message": "m",
        "position": "p", "run_id": none, "created_at": moment,
    }  # fmt: skip
    states = ("quarantined", "quarantined", "waiting")
    with hub.database.begin() as connection:
        connection.execute(insert(quarantine), [
            entry | {"id": uuid.uuid4(), "state": state, "code": FORMULA if state == "quarantined" else "wait"}
            for state in states
        ])  # fmt: skip
        connection.execute(insert(todo_count), [
            {"at": moment, "system": "oa", "organization": none, "box": box, "age": age, "count": count}
            for box, age, count in (("to_do", "1d", 3), ("to_do", "older", 4), ("done", "1d", 9))
        ])  # fmt: skip
    yield made
    made.close()


@pytest.fixture(scope="module")
def ola(office: Registry) -> Browser:
    return logged(office, "ola")


def table(browser: Browser, name: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(browser.get(f"{PLACE}/{name}.csv").content.decode("utf-8-sig"))))


def test_reports_count_what_the_store_has(office: Registry, ola: Browser) -> None:
    shown = text(ola.get(PLACE))
    assert "oa 3 0 0 0 4" in shown
    days = table(ola, "throughput")[1:]
    told = [sum(int(day[column]) for day in days) for column in (1, 2, 3)]
    assert told == [5, 0, 18], "runs, failed, and records read"
    assert len(days) == 14
    fresh = table(ola, "freshness")
    assert [row[0] for row in fresh[1:]] == ["units", "companies", "people", "posts", "accounts"], "the stalest first"
    assert float(fresh[1][1]) < 1
    assert table(ola, "quality")[1:] == [
        ["'" + FORMULA, "people", "in quarantine", "2"], ["wait", "people", "waiting for a reference", "1"],
    ]  # fmt: skip
    assert "公司" not in shown
    chinese = logged(office, "ola", "zh-CN")
    assert table(chinese, "quality")[0] == ["原因", "数据交换", "状态", "记录数"]
    assert "未办待办账龄" in chinese.text(PLACE)


def test_a_workbook_has_the_same_cells_and_none_is_a_formula(ola: Browser) -> None:
    answer = ola.get(f"{PLACE}/quality.xlsx")
    assert answer.headers["content-disposition"] == 'attachment; filename="quality.xlsx"'
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    first, number = sheet["A2"], sheet["D2"]
    assert (first.value, first.data_type, first.quotePrefix) == (FORMULA, "s", True)
    assert (number.value, number.data_type) == (2, "n")


def test_reports_are_for_who_administers_the_system(office: Registry, ola: Browser) -> None:
    sam = logged(office, "sam")
    for place in (PLACE, f"{PLACE}/quality.csv"):
        answer = sam.client.get(place)
        assert (answer.status_code, "access.refused" in answer.text) == (403, True)
    for wrong in ("nothing.csv", "quality.pdf", "quality", "quality.csv.exe"):
        assert ola.client.get(f"{PLACE}/{wrong}").status_code == 404, wrong


def test_reports_ask_the_store_so_often_whatever_it_holds(office: Registry, ola: Browser) -> None:
    before = asked(office, ola, PLACE)
    office.run("people", "full")
    assert asked(office, ola, PLACE) == before < 45
