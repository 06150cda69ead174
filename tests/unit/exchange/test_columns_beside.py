"""Keys and cursors of Arrow pages come from their columns, and are what the JSON of the record says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sql.columnar import moments
from connectors.sql.values import moment
from hub.contract import Page, Query, Resource
from hub.exchange.extract import extract
from hub.exchange.pages import Stage
from hub.exchange.runfile import RunFile, open_run

KEYS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.just(""))
NUMBERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))


class Pages:
    """A source of Arrow pages of one record each, and of two at the end."""

    def __init__(self, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        self.batch = pa.RecordBatch.from_pylist(rows, schema)

    def read(self, query: Query) -> Iterator[Page]:
        yield Page(self.batch.slice(0, 1), min(1, self.batch.num_rows))
        rest = self.batch.slice(1)
        yield Page(rest, rest.num_rows, last=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFile]:
    with open_run(tmp_path_factory.mktemp("runs")) as made:
        yield made


def indexed(run: RunFile, rows: list[dict[str, Any]], kind: pa.DataType, key: tuple[str, ...]) -> list[Any]:
    resource = Resource("R", key, cursor="at")
    source: Any = Pages(rows, pa.schema([("k", kind), ("n", pa.int64()), ("at", pa.string()), ("day", pa.date32())]))
    extract(source, Query(resource), run)
    found = run.sql("SELECT key, hash, cur FROM extracted ORDER BY rowid")
    for path in run.stage.iterdir():
        path.unlink()
    return found


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(KEYS, NUMBERS, KEYS), min_size=1, max_size=6))
def test_they_are_the_same_as_out_of_the_json(run: RunFile, rows: list[tuple[str | None, int | None, str | None]]):
    records = [{"k": key, "n": number, "at": at, "day": dt.date(2026, 1, 1)} for key, number, at in rows]
    for key in (("k",), ("n",), ("k", "n")):
        found = indexed(run, records, pa.string(), key)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Stage, "beside", lambda *_: ("", {}))
            assert indexed(run, records, pa.string(), key) == found


@pytest.mark.parametrize(
    ("names", "columns", "taken"),
    [
        (["k"], {"k": pa.string(), "n": pa.int64()}, True),
        (["k", "n"], {"k": pa.string(), "n": pa.uint64()}, True),
        (["k"], {"k": pa.float64()}, False),  # JSON writes 1.0, and text 1.0 only as long as both agree
        (["k"], {"k": pa.decimal128(9, 2)}, False),
        (["k"], {"n": pa.int64()}, False),
        (["k"], {"k": pa.string(), "K": pa.string()}, False),
        (["k.n"], {"k.n": pa.string()}, False),  # a path into an object, for who reads the JSON
    ],
)
def test_only_columns_that_are_written_alike_are_taken(
    run: RunFile, names: list[str], columns: dict[str, pa.DataType], taken: bool
):
    schema = pa.schema(list(columns.items()))
    with Stage(run, "beside") as stage:
        stage.add(Page(pa.RecordBatch.from_pylist([dict.fromkeys(columns)], schema), 1, last=True))
        stage.close()
        scan, found = stage.beside(names)
    assert (bool(scan), bool(found)) == (taken, taken)
    for path in Path(run.stage).iterdir():
        path.unlink()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.one_of(st.none(), st.datetimes()), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_times_by_columns_are_those_by_rows(times: list[dt.datetime | None], whole: bool, zoned: bool):
    values = [time.replace(microsecond=0) if time and whole else time for time in times]
    found = moments(pa.array(values, pa.timestamp("us")), zoned).to_pylist()
    assert found == [None if value is None else moment(value, zoned, None) for value in values]
