"""Every odd file of the public fixtures reads as expected, or is refused with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.errors import HubError
from tests.faults.matrix import row
from tests.unit.connectors_files.reading import rows

pytestmark = pytest.mark.against("files", "csv-spectrum, csvkit, Chinese encodings", "recording")

ABC = [{"a": "1", "b": "2", "c": "3"}]
LAST = {"a": "4", "b": "5", "c": "ʤ"}
# file → the rows at its start, or the code and place of the refusal
CSVKIT: dict[str, Any] = {
    "bad.csv": ("csv.columns", "bad.csv:2"),
    "bad_skip_lines.csv": ("csv.columns", "bad_skip_lines.csv:5"),
    "mac_newlines.csv": [*ABC, {"a": "Once upon\ra time", "b": "5", "c": "6"}],
    "null_byte.csv": ("text.nul", "null_byte.csv:2"),
    "optional_quote_characters.csv": ABC,
    "test_header_newline.csv": [{"start end": "d", "b": "e", "c": "f"}],
    "test_latin1.csv": ("encoding.invalid", "test_latin1.csv:3"),
    "test_locale.csv": [{"a": "1,7", "b": "200.000.000", "c": None}],
    "test_skip_lines.csv": ABC,
    "test_utf16_big.csv": [*ABC, LAST],
    "test_utf16_little.csv": [*ABC, LAST],
    "test_utf8_bom.csv": [{"foo": "1", "bar": "2", "baz": "3"}, {"foo": "4", "bar": "5", "baz": "ʤ"}],
    "testdbf.dbf": ("file.format", ""),
    "testfixed": ("file.format", ""),
    "testfixed_converted.csv": [
        {
            "text": "Chicago Reader",
            "date": "1971-01-01",
            "integer": "40",
            "boolean": "True",
            "float": "1.0",
            "time": "4:14:00",
            "datetime": "1971-01-01T04:14:00",
            "empty_column": None,
        }
    ],
    "testfixed_schema.csv": [{"column": "text", "start": "0", "length": "18"}],
}


def test_csv_spectrum_reads_as_its_expected_json(fixtures: Path, tmp_path: Path) -> None:
    folder = fixtures / "csv/csv-spectrum"
    for file in sorted((folder / "csvs").iterdir()):
        content = file.read_bytes()
        if file.stem.endswith("_crlf"):  # the collection lost the line ends these files are named for
            content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        (tmp_path / file.name).write_bytes(content)
        expected = json.loads((folder / "json" / f"{file.stem}.json").read_text())
        assert rows(tmp_path, file.name) == expected, file.name


def test_csvkit_files_read_or_are_refused_with_their_line(fixtures: Path) -> None:
    folder = fixtures / "csv/csvkit"
    assert {file.name for file in folder.iterdir()} == set(CSVKIT)
    for name, expected in CSVKIT.items():
        if isinstance(expected, list):
            assert rows(folder, name)[: len(expected)] == expected, name
            continue
        with pytest.raises(HubError) as refused:
            rows(folder, name)
        assert (refused.value.code, refused.value.where) == expected, name
        assert refused.value.hint, name


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cn_areas.gbk.csv", {"encoding": "gb18030"}),
        ("cn_areas.gbk.crlf.semicolon.csv", {"encoding": "gbk", "delimiter": ";"}),
        ("cn_areas.utf16le.csv", {}),
    ],
)
def test_chinese_encodings_read_alike(fixtures: Path, name: str, options: dict[str, Any]) -> None:
    found = rows(fixtures / "csv", name, **options)
    assert found == rows(fixtures / "tables", "cn_areas.csv")
    assert found[0] == {"code": "110101", "name": "东城区", "cityCode": "1101", "provinceCode": "11"}


@row(31, "the wrong encoding")
@pytest.mark.parametrize(
    ("name", "options", "code", "hint"),
    [
        ("cn_areas.gbk.csv", {}, "encoding.invalid", "gb18030 would read"),
        ("cn_areas.gbk.crlf.semicolon.csv", {"encoding": "gbk"}, "csv.delimiter", "';'"),
        ("cn_areas.utf16le.csv", {"encoding": "utf-8"}, "text.nul", "encoding"),
        ("cn_areas.utf16le.csv", {"encoding": "gb18030"}, "encoding.invalid", "encoding"),
    ],
)
def test_a_wrong_encoding_is_named(
    fixtures: Path, name: str, options: dict[str, Any], code: str, hint: str
) -> None:
    with pytest.raises(HubError) as refused:
        rows(fixtures / "csv", name, **options)
    assert refused.value.code == code
    assert refused.value.where.startswith(f"{name}:")
    assert hint in refused.value.hint
