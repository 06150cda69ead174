"""Prepared queries, asked of libpq itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select, bindparam, select
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from hub.errors import Retriable
from hub.store.access_tables import api_key
from hub.store.database import Database, new_id, now
from hub.store.prepared import one_of
from hub.store.todo_tables import todo


@pytest.fixture
def database(postgres_url: str, tmp_path: Path) -> Iterator[Database]:
    made = Database(postgres_url, {}, folder=tmp_path)
    for table in (todo, api_key):
        table.create(made.engine)
    yield made
    made.close()


def keys(database: Database, name: str) -> list[dict[str, Any]]:
    return database.rows(("keys",), lambda: select(api_key).where(api_key.c.name == bindparam("name")), {"name": name})


def test_values_are_those_that_sqlalchemy_answers(database: Database):
    one: dict[str, Any] = {
        "id": new_id(), "system": "oa", "tenant": "", "source_id": 'a,"b\\}', "seq": 2**40, "status": "ready",
        "outcome": "", "title": "请假", "content": {"links": {"pc": "https://oa.example.com"}}, "registers": {},
        "first_seen": now(), "changed_at": now().replace(microsecond=0),
    }  # fmt: skip
    with database.begin() as connection:
        connection.execute(todo.insert(), [one, one | {"id": new_id(), "source_id": "none", "content": None}])
        wanted = [dict(row) for row in connection.execute(select(todo).order_by(todo.c.source_id)).mappings()]

    def query() -> Select[Any]:
        return select(todo).where(one_of("postgresql", todo.c.source_id, "ids")).order_by(todo.c.source_id)

    found = database.rows(("todos",), query, {"ids": [one["source_id"], "none"]})
    assert found == wanted
    assert [type(value) for value in found[0].values()] == [type(value) for value in wanted[0].values()]


def test_a_session_that_was_ended_while_it_lay_idle_is_not_missed(database: Database, postgres_url: str):
    assert keys(database, "a") == []
    end_others(postgres_url)
    assert keys(database, "a") == []


def end_others(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        assert admin.execute(others + " AND datname = current_database()").rowcount > 0


def added(database: Database, name: str, lost: str = "", fails: bool = False) -> None:
    row: dict[str, Any] = dict.fromkeys(column.name for column in api_key.columns)
    row |= {"id": name, "name": name, "digest": "", "grants": ["a"]}
    row |= {"within": {"systems": ['o"a']}, "created_at": now(), "created_by": "x"}
    with database.writing() as ask:
        if lost:
            end_others(lost)
        ask(("add",), lambda: api_key.insert().values({key: bindparam(f"new_{key}", type_=column.type) for key, column
            in api_key.columns.items()}), {f"new_{key}": value for key, value in row.items()})  # fmt: skip
        assert len(keys(database, name)) == 0  # others see it when it is done
        if fails:
            raise LookupError


def twice(database: Database, name: str) -> None:
    added(database, name)
    with database.begin() as connection:
        connection.execute(api_key.update().values(name="other").where(api_key.c.id == name))
    added(database, name)


def test_what_is_written_is_there_whole_or_not_at_all(database: Database, postgres_url: str):
    added(database, "a")
    (row,) = keys(database, "a")
    assert (row["grants"], row["within"], row["revoked_at"]) == (["a"], {"systems": ['o"a']}, None)
    with pytest.raises(LookupError):
        added(database, "b", fails=True)
    with pytest.raises(IntegrityError):
        twice(database, "a2")
    with pytest.raises(Retriable):
        added(database, "c", lost=postgres_url)
    assert keys(database, "c") == []
    end_others(postgres_url)
    added(database, "d")
    assert [len(keys(database, name)) for name in ("a", "b", "c", "other", "d")] == [1, 0, 0, 1, 1]


def test_a_table_that_changed_is_planned_anew(database: Database, postgres_url: str):
    assert keys(database, "a") == []
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE api_key ALTER COLUMN name TYPE varchar(80)")
    assert keys(database, "a") == []


def test_what_goes_wrong_is_told_as_anywhere(database: Database, tmp_path: Path):
    with pytest.raises(DataError):  # libpq alone would ask for what is before it
        keys(database, "a\0b")
    api_key.drop(database.engine)
    with pytest.raises(ProgrammingError):
        keys(database, "a")
    away = Database("postgresql://hub@127.0.0.1:1/none", {}, folder=tmp_path)
    with pytest.raises(Retriable, match="does not answer"):
        keys(away, "a")
    away.close()
