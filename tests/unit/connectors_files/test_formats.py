"""JSON, Excel, Parquet, and writing in every format."""

from __future__ import annotations

import datetime
import decimal
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from connectors.files import columnar
from hub.contract import Change, Query, Resource
from hub.errors import ConfigError, Fatal, HubError, Retriable
from tests.faults.matrix import row
from tests.unit.connectors_files.reading import pages, rows, rows_of, system


def test_json_records_keep_their_numbers_and_stand_on_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"d": {"items": [{"n":\n 12345678901234567890.12},\n{"n": "中\\n"}]}}')
    read = pages(tmp_path, "a.json", 1, records="d.items")
    assert [page.records for page in read] == [
        b'{"n":  12345678901234567890.12}\n',
        '{"n": "中\\n"}\n'.encode(),
    ]
    assert [(page.first, page.announced, page.last) for page in read] == [(1, 2, False), (2, 2, True)]


@pytest.mark.parametrize(
    ("content", "records", "code"),
    [
        ('{"a": [', "a", "json.truncated"),
        ('{"a": []}', "b", "json.records"),
        ('{"a": []}', "", "json.shape"),
        ('{"a": 1}\n{"a": 2}\n', "", "json.malformed"),
        ("[1, 2]", "", "json.shape"),
        ("[{}]", "a", "json.records"),
        ("<html>", "", "json.malformed"),
        ("", "", "json.truncated"),
    ],
)
def test_a_json_file_without_an_array_of_records_is_refused(
    tmp_path: Path, content: str, records: str, code: str
) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(Fatal) as refused:
        pages(tmp_path, "a.json", records=records)
    assert refused.value.code == code
    assert refused.value.where.startswith("a.json")


def sheet(folder: Path, *lines: list[Any], name: str = "Sheet1") -> None:
    book = openpyxl.Workbook()
    book.active.title = name
    for line in lines:
        book.active.append(line)
    book.save(folder / "a.xlsx")


def test_excel_cells_keep_their_types(tmp_path: Path) -> None:
    moment = datetime.datetime(2026, 1, 31, 8, 30)
    sheet(
        tmp_path,
        ["no", "active", "on", "at", " full\nname "],
        [7, True, datetime.date(2026, 1, 31), moment, "张伟"],
        [],
        [1.5, None, None, None, "=x"],
    )
    read = pages(tmp_path, "a.xlsx")
    first = {"no": 7, "active": True, "on": "2026-01-31", "at": "2026-01-31T08:30:00", "full name": "张伟"}
    assert rows_of(read)[0] == first
    assert [page.first for page in read] == [2, 4]
    assert rows_of(read)[1]["no"] == 1.5


def test_a_cell_beside_the_table_and_a_missing_sheet_are_named(tmp_path: Path) -> None:
    sheet(tmp_path, ["a", "b"], [1, 2], [1, 2, 3], name="Staff")
    with pytest.raises(Fatal) as beside:
        pages(tmp_path, "a.xlsx")
    with pytest.raises(ConfigError) as missing:
        pages(tmp_path, "a.xlsx", sheet="Other")
    assert (beside.value.code, beside.value.where) == ("excel.columns", "a.xlsx:3")
    assert "Staff" in missing.value.hint


def _bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (8 << 20))
    return packed.getvalue()


def _entities() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    return packed.getvalue()


def _strange() -> bytes:
    """A workbook whose one part is packed by a method that nobody knows."""
    packed = bytearray(_entities())
    packed[packed.rindex(b"PK\x01\x02") + 10] = 77
    return bytes(packed)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (_bomb(), "archive.ratio"),
        (_strange(), "archive.malformed"),
        (_entities(), "xml.doctype"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "excel.legacy"),
        (b"a,b\n1,2\n", "archive.malformed"),
        (_bomb()[:100], "archive.malformed"),
    ],
)
def test_a_harmful_or_broken_workbook_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(Fatal) as refused:
        pages(tmp_path, "a.xlsx")
    assert refused.value.code == code
    assert refused.value.where.startswith("a.xlsx")


@row(31, "a cut Parquet file")
def test_parquet_announces_its_rows_and_a_cut_file_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"id": list(range(10)), "x": ["a"] * 10}), tmp_path / "a.parquet")
    read = pages(tmp_path, "a.parquet", 4)
    assert [(page.first, page.count, page.announced) for page in read] == [(1, 4, 10), (5, 4, 10), (9, 2, 10)]
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[:-20])
    with pytest.raises(Fatal) as refused:
        pages(tmp_path, "a.parquet")
    assert refused.value.code == "parquet.malformed"


def test_a_parquet_file_that_does_not_fit_into_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "GROUP", 100)
    parquet.write_table(pa.table({"id": list(range(1000))}), tmp_path / "a.parquet")
    with pytest.raises(Fatal) as refused:
        pages(tmp_path, "a.parquet")
    assert refused.value.code == "parquet.large"


TYPES: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "name": pa.string(),
    "amount": pa.decimal128(38, 2),
    "at": pa.timestamp("us", "UTC"),
    "tags": pa.list_(pa.string()),
}
SCHEMA = pa.schema(list(TYPES.items()))
RECORD = {
    "id": 9007199254740993,
    "name": '张伟😀 "q",\n=1+1',
    "amount": decimal.Decimal("12345678901234567890.12"),
    "at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    "tags": ["a", "b"],
}
EMPTY = {"id": 2, "name": "", "amount": None, "at": None, "tags": None}


def write(folder: Path, path: str, *records: dict[str, Any], **options: Any) -> int:
    batch = pa.RecordBatch.from_pylist(list(records), schema=SCHEMA)
    return system(folder, path, **options).replace(Resource("R"), [batch], SCHEMA)


@pytest.mark.parametrize("path", ["a.csv", "sub/a.ndjson", "a.json", "a.parquet", "a.xlsx"])
def test_what_is_written_reads_back(tmp_path: Path, path: str) -> None:
    assert write(tmp_path, path, RECORD, EMPTY) == 2
    first, second = rows(tmp_path, path)
    assert first["name"] == RECORD["name"]
    assert str(first["id"]) == "9007199254740993"
    assert second["name"] in {"", None}
    if path != "sub/a.ndjson" and path != "a.json":  # there Python's reader would round it
        assert str(first["amount"]) == "12345678901234567890.12"
    assert [file.name for file in tmp_path.rglob("*.tmp")] == []


def test_an_encoding_is_written_or_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", RECORD, encoding="gb18030")
    assert rows(tmp_path, "a.csv", encoding="gb18030")[0]["name"] == RECORD["name"]
    with pytest.raises(Fatal) as refused:
        write(tmp_path, "a.csv", RECORD, encoding="latin-1")
    assert refused.value.code == "encoding.unwritable"
    assert rows(tmp_path, "a.csv", encoding="gb18030")[0]["name"] == RECORD["name"]


def test_formulas_are_defused_where_that_is_declared(tmp_path: Path) -> None:
    texts = ["=1+1", "@x", "+49 351", "-5", "-x", "＝1", "＋x", " =1", "plain", ""]
    write(tmp_path, "a.csv", *[EMPTY | {"name": text} for text in texts], guard_formulas=True)
    found = [row["name"] for row in rows(tmp_path, "a.csv")]
    assert found == ["'=1+1", "'@x", "+49 351", "-5", "'-x", "'＝1", "'＋x", "' =1", "plain", ""]


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", RECORD)
    before = (tmp_path / "a.csv").read_bytes()

    def broken() -> Any:
        yield pa.RecordBatch.from_pylist([EMPTY], schema=SCHEMA)
        raise Retriable("source.gone", "cut")

    with pytest.raises(Retriable):
        system(tmp_path, "a.csv").replace(Resource("R"), broken(), SCHEMA)
    assert (tmp_path / "a.csv").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_a_sheet_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    kept = set(openpyxl.worksheet._writer.ALL_TEMP_FILES)
    with pytest.raises(Fatal) as refused:
        write(tmp_path, "a.xlsx", RECORD, EMPTY | {"name": "a\x01b"})
    assert (refused.value.code, refused.value.where) == ("excel.text", "record 2")
    assert set(openpyxl.worksheet._writer.ALL_TEMP_FILES) == kept
    assert list(tmp_path.iterdir()) == []


def test_single_records_and_patterns_are_not_written(tmp_path: Path) -> None:
    opened = system(tmp_path, "*.csv")
    with pytest.raises(ConfigError) as single:
        opened.deliver(Resource("R"), [Change("create", {"id": 1})])
    with pytest.raises(ConfigError) as pattern:
        opened.replace(Resource("R"), [], SCHEMA)
    assert (single.value.code, pattern.value.code) == ("file.whole", "file.pattern")


def test_columns_are_described_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    assert [field.name for field in system(tmp_path, "a.csv").resource("R").fields] == ["x", "y"]
    declared = system(tmp_path, "a.csv", fields={"x": "integer"}, key="x").resource("R")
    assert [(field.name, field.type) for field in declared.fields] == [("x", "integer")]


def test_a_folder_behind_a_url_reads_and_writes_alike() -> None:
    opened = system(f"memory://cophub-{os.getpid()}", "a.ndjson")
    with pytest.raises(HubError):
        list(opened.read(Query(Resource("R"))))
    batch = pa.RecordBatch.from_pylist([RECORD], schema=SCHEMA)
    assert opened.replace(Resource("R"), [batch], SCHEMA) == 1
    assert rows_of(list(opened.read(Query(Resource("R")))))[0]["name"] == RECORD["name"]


@pytest.mark.parametrize("folder", ["http://h/x", "simplecache::s3://b", "zip://a.zip"])
def test_an_unguarded_protocol_is_refused(folder: str) -> None:
    with pytest.raises(ConfigError) as refused:
        system(folder, "a.csv")
    assert refused.value.code == "folder.protocol"
