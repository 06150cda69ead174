"""Reading and writing a database file: order, cursors, halving, keys, and what is refused."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.sql import SPEC
from connectors.sql.database import Sql
from hub.contract import Change, Context, Page, Query
from hub.errors import ConfigError, Retriable

DDL = """CREATE TABLE person (no INTEGER PRIMARY KEY, name TEXT NOT NULL, mail TEXT UNIQUE,
  dept TEXT DEFAULT 'x', active BOOLEAN, at DATETIME, photo BLOB, CHECK (name <> 'bad'));
CREATE TABLE post (dept TEXT, no INT, title TEXT, PRIMARY KEY (dept, no));
CREATE TABLE loose (id INT, name TEXT);
CREATE VIEW active AS SELECT no, name FROM person WHERE active"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "erp.sqlite") as made:
        made.executescript(DDL)
    made.close()
    return tmp_path / "erp.sqlite"


def opened(file: Path, declared: dict[str, Any] | None = None, **settings: Any) -> Sql:
    given = SPEC.settings.model_validate({"sqlite": file.name, **settings})
    resource = SPEC.resource.model_validate(declared or {"table": "person", "cursor": "at"})
    made = SPEC.open(Context("erp", folder=str(file.parent)), given, {"R": resource})
    assert isinstance(made, Sql)
    return made


def run(file: Path, text: str, *values: Any) -> list[Any]:
    with sqlite3.connect(file) as made:
        found = made.execute(text, values).fetchall()
    made.close()
    return found


def rows(pages: list[Page]) -> list[dict[str, Any]]:
    texts = [page.records for page in pages if isinstance(page.records, bytes)]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def read(made: Sql, **query: Any) -> list[dict[str, Any]]:
    return rows(list(made.read(Query(made.resource("R"), **query))))


def create(no: Any, **values: Any) -> Change:
    return Change("create", {"no": no}, {"name": f"n{no}", **values})


def statuses(made: Sql, *changes: Change) -> list[str]:
    return [outcome.status for outcome in made.deliver(made.resource("R"), changes)]


def test_rows_come_by_cursor_then_key(file: Path) -> None:
    for no, at in ((3, "2026-01-01"), (1, "2026-01-02"), (2, "2026-01-01")):
        run(file, "INSERT INTO person (no, name, at) VALUES (?, 'n', ?)", no, at)
    assert [row["no"] for row in read(opened(file), page_size=1)] == [2, 3, 1]


@pytest.mark.parametrize("stored", ["2026-01-01 08:00:00", "2026-01-01T08:00:00", "2026-01-01T08:00:00Z"])
@pytest.mark.parametrize(
    "since", ["2026-01-01T08:00:00Z", "2026-01-01 08:00:00", "2026-01-01T16:00:00+08:00"]
)
def test_no_form_of_a_time_hides_a_row(file: Path, stored: str, since: str) -> None:
    run(file, "INSERT INTO person (no, name, at) VALUES (1, 'n', ?)", stored)
    assert len(read(opened(file), since=since)) == 1
    assert read(opened(file), since="2027-01-01T00:00:00Z") == []


def test_values_are_as_stored(file: Path) -> None:
    run(file, "INSERT INTO person VALUES (1, '张\n😀', NULL, 7, 1, '2026-01-01 08:00', x'0102')")
    row = read(opened(file, zone="Asia/Shanghai"))[0]
    assert row["at"] == "2026-01-01T08:00:00+08:00"
    assert (row["name"], row["dept"], row["active"], row["photo"]) == ("张\n😀", "7", True, "AQI=")


def test_only_needed_columns_and_matching_rows_are_asked_for(file: Path) -> None:
    for no in range(1, 6):
        run(file, "INSERT INTO person (no, name) VALUES (?, ?)", no, f"n{no}")
    where = (("no", ">", "2"), ("name", "=", "n4"), ("name", "<", "a"), ("gone", "=", "1"))
    made = opened(file, {"table": "person"})
    found = read(made, fields=("name",), where=where)
    assert found == [{"no": 4, "name": "n4"}]


def test_a_query_reads_with_its_parameters_and_is_not_written(file: Path) -> None:
    run(file, "INSERT INTO person (no, name, dept) VALUES (1, 'a', 'x'), (2, 'b', 'y')")
    text = "SELECT no AS id, name FROM person WHERE dept = :dept"
    made = opened(file, {"query": text, "parameters": {"dept": "y' OR 1=1 --"}, "key": "id"})
    assert read(made) == []
    made = opened(file, {"query": text, "parameters": {"dept": "y"}, "key": "id"})
    assert read(made, since=None) == [{"id": 2, "name": "b"}]
    assert not made.resource("R").writable
    with pytest.raises(ConfigError) as refused:
        made.deliver(made.resource("R"), [Change("create", {"id": 1})])
    assert refused.value.code == "sql.readonly"


def test_a_view_and_a_table_without_key_are_read_only(file: Path) -> None:
    for name in ("active", "loose"):
        made = opened(file, {"table": name})
        assert read(made) == []
        with pytest.raises(ConfigError) as refused:
            made.deliver(made.resource("R"), [])
        assert refused.value.code == "sql.readonly"


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"table": "nope"}, "sql.table"),
        ({"table": "person", "cursor": "nope"}, "sql.column"),
        ({"table": "person", "key": "nope"}, "sql.column"),
        ({"query": "SELECT * FROM nope", "key": "id"}, "sql.table"),
        ({"query": "SELECT FROM", "key": "id"}, "sql.statement"),
    ],
)
def test_what_is_not_there_is_a_mistake_of_the_file(file: Path, declared: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        opened(file, declared).resource("R")
    assert refused.value.code == code
    assert {probe.name: probe.code for probe in opened(file, declared).check() if not probe.ok} == {"read R": code}


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    made = opened(tmp_path / "gone.sqlite")
    with pytest.raises(ConfigError) as refused:
        made.resource("R")
    assert refused.value.code == "sql.database"
    assert {probe.name: probe.code for probe in made.check() if not probe.ok} == {"authentication": "sql.database"}
    assert list(tmp_path.iterdir()) == []


def test_only_the_bad_rows_of_a_batch_are_rejected(file: Path) -> None:
    changes = [create(no, name="bad" if no in {3, 4, 40} else f"n{no}") for no in range(1, 51)]
    made = opened(file)
    found = made.deliver(made.resource("R"), changes)
    assert [at for at, outcome in enumerate(found, 1) if outcome.status != "done"] == [3, 4, 40]
    assert {outcome.code for outcome in found} == {"", "sql.constraint"}
    assert run(file, "SELECT count(*) FROM person") == [(47,)]


def test_changes_of_all_kinds_are_answered_in_order(file: Path) -> None:
    run(file, "INSERT INTO person (no, name, dept) VALUES (1, 'a', 'd'), (2, 'b', 'd')")
    made = opened(file)
    assert statuses(
        made,
        Change("update", {"no": 1}, {"name": "A"}),
        Change("delete", {"no": 2}),
        create(2, dept="new"),
        create("x"),
        Change("update", {"no": 99}, {"name": "B"}),
        create(3, active="maybe"),
        Change("create", {"no": None}, {"name": "no key"}),
        Change("update", {"no": 2}, {"dept": "newer"}),
    ) == ["done", "done", "done", "rejected", "conflict", "rejected", "rejected", "done"]
    assert run(file, "SELECT no, name, dept FROM person") == [(1, "A", "d"), (2, "n2", "newer")]


def test_the_same_key_twice_in_a_batch_keeps_the_last(file: Path) -> None:
    made = opened(file)
    assert statuses(made, create(1, dept="a"), create(1, dept="b"), create(1, dept="c")) == ["done"] * 3
    assert run(file, "SELECT no, dept FROM person") == [(1, "c")]


def test_a_row_of_another_key_is_never_overwritten(file: Path) -> None:
    made = opened(file)
    assert statuses(made, create(1, mail="a@x"), create(2, mail="a@x")) == ["done", "rejected"]
    assert run(file, "SELECT no, mail FROM person") == [(1, "a@x")]


def test_composite_keys_are_written_and_found(file: Path) -> None:
    made = opened(file, {"table": "post"})
    keys = [{"dept": "a", "no": at} for at in range(3)] + [{"dept": "b", "no": "1"}]
    done = made.deliver(made.resource("R"), [Change("create", key, {"title": "t"}) for key in keys])
    assert [outcome.foreign_id for outcome in done] == ['["a","0"]', '["a","1"]', '["a","2"]', '["b","1"]']
    found = made.find(made.resource("R"), [{"dept": "b", "no": 1}, {"dept": "b", "no": 2}, keys[0]])
    assert [each and each.foreign_id for each in found] == ['["b","1"]', None, '["a","0"]']
    assert statuses(made, Change("delete", keys[0]), Change("delete", keys[0])) == ["done", "done"]


def test_many_changes_fit_any_number_of_statements(file: Path) -> None:
    made = opened(file)
    assert set(statuses(made, *[create(no, dept="d") for no in range(1200)])) == {"done"}
    assert len(made.find(made.resource("R"), [{"no": no} for no in range(1200)])) == 1200
    assert set(statuses(made, *[Change("delete", {"no": no}) for no in range(1200)])) == {"done"}
    assert run(file, "SELECT count(*) FROM person") == [(0,)]


def test_an_undeclared_column_is_a_mistake_before_anything_is_written(file: Path) -> None:
    made = opened(file)
    with pytest.raises(ConfigError) as refused:
        made.deliver(made.resource("R"), [create(1), create(2, nope="x")])
    assert refused.value.code == "sql.column"
    assert run(file, "SELECT count(*) FROM person") == [(0,)]


def test_a_key_without_unique_index_is_written_with_a_look_first(file: Path) -> None:
    made = opened(file, {"table": "loose", "key": "id"})
    change = Change("create", {"id": 1}, {"name": "a"})
    assert statuses(made, change, change, Change("update", {"id": 1}, {"name": "b"})) == ["done"] * 3
    assert run(file, "SELECT id, name FROM loose") == [(1, "b")]


def test_a_locked_database_is_tried_again(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    made = opened(file, timeout="50ms")
    with pytest.raises(Retriable) as refused:
        made.resource("R")
    other.execute("COMMIT")
    other.close()
    assert refused.value.code == "sql.busy"
    assert statuses(made, create(1)) == ["done"]


def test_a_statement_has_a_deadline(file: Path) -> None:
    endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT max(id) AS id FROM n"
    made = opened(file, {"query": endless, "key": "id", "fields": {"id": "integer"}}, timeout="200ms")
    with pytest.raises(Retriable) as refused:
        read(made)
    assert refused.value.code == "sql.timeout"


def test_an_abandoned_read_leaves_a_usable_connection(file: Path) -> None:
    made = opened(file, fetch=1)
    statuses(made, *[create(no) for no in range(5)])
    reading = made.read(Query(made.resource("R")))
    next(reading)
    del reading
    assert statuses(made, create(9)) == ["done"]
    assert len(read(made)) == 6


def test_a_resource_is_described_without_connecting_where_all_is_declared() -> None:
    context = Context("erp")
    whole = SPEC.resource.model_validate({"table": "t", "key": "id", "fields": {"id": "integer"}})
    described = SPEC.describe(context, None, "R", whole)
    assert described is not None
    assert (described.key, described.writable) == (("id",), True)
    assert SPEC.describe(context, None, "R", SPEC.resource.model_validate({"table": "t"})) is None


def test_what_a_trigger_says_is_the_reason(file: Path) -> None:
    run(file, "CREATE TRIGGER rule BEFORE INSERT ON person BEGIN SELECT RAISE(ABORT, 'no hiring'); END")
    made = opened(file)
    found = made.deliver(made.resource("R"), [create(1)])[0]
    assert (found.status, found.code) == ("rejected", "sql.constraint")
    assert "no hiring" in found.message


def test_rows_are_written_by_another_key_than_the_primary_one(file: Path) -> None:
    made = opened(file)
    by_mail = [Change("create", {"mail": f"{name}@x"}, {"name": name}) for name in ("a", "b")]
    assert statuses(made, *by_mail, Change("update", {"mail": "a@x"}, {"dept": "d"})) == ["done"] * 3
    assert statuses(made, *by_mail, Change("delete", {"mail": "b@x"})) == ["done"] * 3
    assert run(file, "SELECT mail, name, dept FROM person") == [("a@x", "a", "d")]
    found = made.find(made.resource("R"), [{"mail": "b@x"}, {"mail": "a@x"}])
    assert [each and each.foreign_id for each in found] == [None, "a@x"]
    with pytest.raises(ConfigError):
        made.find(made.resource("R"), [{"nope": "b@x"}])
