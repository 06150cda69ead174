"""Whole file or nothing, pages and their positions, and every refusal of a text file."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.files import SPEC, delimited, text
from hub.contract import LocalFile, Page, Query, Resource
from hub.errors import ConfigError, Fatal, HubError, Retriable
from tests.faults.matrix import row
from tests.unit.connectors_files.reading import pages, rows, rows_of, system

REFUSED: list[tuple[str, bytes, dict[str, Any], str, str]] = [
    ("torn.csv", b"a,b\n1,2\n3", {}, "file.torn", "torn.csv:3"),
    ("long.csv", b'a,b\n"1\n1",2\n3,4,5\n6,7\n', {}, "csv.columns", "long.csv:4"),
    ("quote.csv", b'a,b\n1,2\n3,"4\n5,6\n', {}, "csv.quote", "quote.csv:3"),
    ("swallowed.csv", b'a,b\n1,2\n3,"4', {}, "csv.quote", "swallowed.csv:3"),
    ("header.csv", b'a,"b\n1,2\n', {}, "csv.quote", "header.csv:1"),
    ("twice.csv", b"a,a\n1,2\n", {}, "file.header", "twice.csv:1"),
    ("empty.csv", b"", {}, "csv.empty", "empty.csv:1"),
    ("nul.csv", b"a,b\n1,2\n3,\x00\n", {}, "text.nul", "nul.csv:3"),
    ("bad.csv", b"a,b\n1,2\n3,\xff\n", {}, "encoding.invalid", "bad.csv:3"),
    ("noend.csv", b"a,b\n1,2", {"final_newline": True}, "file.torn", "noend.csv:2"),
    ("gb.csv", b"a,b\n1,\x81", {"encoding": "gb18030"}, "encoding.invalid", "gb.csv:2"),
    ("torn.ndjson", b'{"a":1}\n{"a":', {}, "file.torn", "torn.ndjson:2"),
    ("scalar.ndjson", b'{"a":1}\n7', {}, "file.torn", "scalar.ndjson:2"),
    ("noend.ndjson", b'{"a":1}', {"final_newline": True}, "file.torn", "noend.ndjson:1"),
    ("array.ndjson", b'[{"a":1}]\n', {}, "json.shape", "array.ndjson:1"),
    ("page.ndjson", b"<html>gone</html>\n", {}, "json.shape", "page.ndjson:1"),
    ("bad.ndjson", b'{"a":1}\n{"a":"\xff"}\n', {}, "encoding.invalid", "bad.ndjson:2"),
    ("nul.ndjson", b'{"a":1}\n{"a":"\x00"}\n', {}, "text.nul", "nul.ndjson:2"),
]


@pytest.mark.parametrize(("name", "content", "options", "code", "where"), REFUSED)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: bytes, options: dict[str, Any], code: str, where: str
) -> None:
    (tmp_path / name).write_bytes(content)
    delivered: list[Page] = []
    reading = system(tmp_path, name, **options).read(Query(Resource("R")))
    with pytest.raises(Fatal) as refused:
        delivered.extend(reading)
    assert (refused.value.code, refused.value.where) == (code, where)
    assert refused.value.hint
    assert delivered == []


def test_an_unquoted_empty_value_is_none_and_a_quoted_one_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b,c\n,"", \n')
    assert rows(tmp_path, "a.csv") == [{"a": None, "b": "", "c": " "}]
    assert rows(tmp_path, "a.csv", nulls=["", " "]) == [{"a": None, "b": "", "c": None}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_and_empty_lines_read_alike(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.csv").write_bytes(end.join(["", "a,b", "1,2", "", '"x', 'y",3', ""]).encode())
    assert rows(tmp_path, "a.csv") == [{"a": "1", "b": "2"}, {"a": f"x{end}y", "b": "3"}]


def test_a_csv_without_header_takes_the_declared_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("skipped\n1;2\n3;4\n")
    options: dict[str, Any] = {"header": False, "skip": 1, "delimiter": ";"}
    assert rows(tmp_path, "a.csv", **options)[1] == {"column_1": "3", "column_2": "4"}
    assert rows(tmp_path, "a.csv", columns=["x", "y"], **options)[0] == {"x": "1", "y": "2"}


def test_a_header_alone_is_no_record_and_closes_the_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")
    read = pages(tmp_path, "a.csv")
    assert [(page.count, page.last) for page in read] == [(0, True)]
    assert isinstance(read[0].records, pa.RecordBatch)


def test_an_empty_ndjson_file_is_one_empty_last_page(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("")
    assert [(page.records, page.count, page.last) for page in pages(tmp_path, "a.ndjson")] == [(b"", 0, True)]


def test_ndjson_passes_as_it_is(tmp_path: Path) -> None:
    content = '{"n": 12345678901234567890.12, "t": "中文😀\\n"}\n'.encode()
    (tmp_path / "a.ndjson").write_bytes(b"\xef\xbb\xbf" + content + content.rstrip())
    read = [page.records for page in pages(tmp_path, "a.ndjson")]
    assert b"".join(part for part in read if isinstance(part, bytes)) == content * 2


def test_ndjson_in_another_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes('{"t":"中文"}\n'.encode("gb18030"))
    assert rows(tmp_path, "a.ndjson", encoding="gb18030") == [{"t": "中文"}]


@pytest.mark.parametrize("size", [None, 1, 3, 1000])
def test_positions_point_at_the_lines_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(text, "BLOCK", 64)
    lines = ["" if at % 7 == 0 else json.dumps({"line": at, "fill": "x" * (at % 5)}) for at in range(1, 200)]
    (tmp_path / "a.ndjson").write_text("\n".join(lines) + "\n")
    read = pages(tmp_path, "a.ndjson", size)
    for page in read:
        assert [row["line"] for row in rows_of([page])] == list(range(page.first, page.first + page.count))
        assert size is None or page.count <= size
    assert [page.last for page in read] == [False] * (len(read) - 1) + [True]
    assert len(rows_of(read)) == 171


def test_csv_positions_count_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n" + "".join(f"{at}\n" for at in range(2, 30)))
    for page in pages(tmp_path, "a.csv", 10):
        assert rows_of([page])[0]["a"] == str(page.first)


def test_only_the_needed_columns_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,b,c\n1,2,3\n")
    opened = system(tmp_path, "a.csv", key="id")
    read = list(opened.read(Query(Resource("R"), fields=("c.x", "gone"))))
    assert rows_of(read) == [{"id": "1", "c": "3"}]


def test_files_of_a_pattern_are_read_by_name_and_columns_are_aligned(tmp_path: Path) -> None:
    (tmp_path / "x-2.csv").write_text("b,a\n2,1\n")
    (tmp_path / "x-1.csv").write_text("a,b\n1,2\n")
    (tmp_path / ".x-3.csv").write_text("being written")
    read = pages(tmp_path, "x-*.csv")
    assert [page.origin for page in read] == ["x-1.csv", "x-2.csv"]
    assert rows_of(read) == [{"a": "1", "b": "2"}] * 2
    (tmp_path / "x-2.csv").write_text("b,c\n2,1\n")
    with pytest.raises(Fatal, match=r"columns are not those .* a, c"):
        pages(tmp_path, "x-*.csv")


@row(31, "one broken file of several")
def test_one_broken_file_of_a_pattern_stops_the_read(tmp_path: Path) -> None:
    (tmp_path / "x-1.ndjson").write_text('{"a":1}\n')
    (tmp_path / "x-2.ndjson").write_text('{"a":')
    with pytest.raises(Fatal, match=r"x-2.ndjson:1"):
        pages(tmp_path, "x-*.ndjson")


@row(31, "replaced while it is read")
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b'{"a":"%s"}\n' % (b"x" * 1000) * 40_000)
    reading = system(tmp_path, "a.ndjson").read(Query(Resource("R")))
    first = next(reading)
    with file.open("ab") as grown:
        grown.write(b'{"a":2}\n')
    with pytest.raises(Retriable) as refused:
        list(reading)
    assert (refused.value.code, refused.value.where) == ("file.changed", "a.ndjson")
    assert not first.last


def test_a_missing_file_may_come_later_and_a_missing_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Retriable) as missing:
        pages(tmp_path, "a.csv")
    with pytest.raises(ConfigError) as folder:
        pages(tmp_path / "gone", "a.csv")
    assert (missing.value.code, folder.value.code) == ("file.missing", "folder.missing")


@row(31, "half uploaded")
def test_a_file_waits_for_its_marker_and_to_settle(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    os.utime(tmp_path / "a.csv", (1000, 1000))
    with pytest.raises(Retriable, match=r"a.csv.done is not there"):
        pages(tmp_path, "a.csv", done="{name}.done")
    with pytest.raises(Retriable) as unsettled:
        pages(tmp_path, "a.csv", settle="30s", now=lambda: 1010.0)
    assert unsettled.value.wait == 20
    (tmp_path / "a.csv.done").touch()
    assert len(rows(tmp_path, "a.csv", done="{name}.done", settle="30s", now=lambda: 1030.0)) == 1


def test_only_new_files_are_read_where_that_is_declared(tmp_path: Path) -> None:
    (tmp_path / "x-1.ndjson").write_text('{"a":1}\n')
    opened = system(tmp_path, "x-*.ndjson", only_new=True)
    token = list(opened.read(Query(Resource("R"))))[-1].token
    (tmp_path / "x-2.ndjson").write_text('{"a":2}\n')
    again = list(opened.read(Query(Resource("R"), token=token)))
    assert rows_of(again) == [{"a": 2}]
    assert rows_of(list(opened.read(Query(Resource("R"), token=again[-1].token)))) == []


@pytest.mark.parametrize("path", ["../a.csv", "/etc/passwd", "x/../../a.csv", "~/a.csv", "C:\\a.csv", ""])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        pages(tmp_path, path, format="csv")
    assert refused.value.code == "path.outside"


@pytest.mark.parametrize("pattern", ["a.csv", "*.csv", "sub/a.csv"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.csv").write_text("secret\n1\n")
    (tmp_path / "in/a.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "in/sub").symlink_to(tmp_path)
    with pytest.raises(ConfigError) as refused:
        pages(tmp_path / "in", pattern)
    assert refused.value.code == "path.outside"


def test_an_undeclared_resource_and_an_unknown_suffix_are_mistakes(tmp_path: Path) -> None:
    opened = system(tmp_path, "a.xyz")
    (tmp_path / "a.xyz").touch()
    with pytest.raises(ConfigError) as unknown:
        opened.resource("Q")
    with pytest.raises(HubError) as suffix:
        list(opened.read(Query(Resource("R"))))
    assert (unknown.value.code, suffix.value.code) == ("resource.unknown", "file.format")


def test_a_check_names_what_is_missing(tmp_path: Path) -> None:
    probes = system(tmp_path, "a.csv").check()
    assert [(probe.name, probe.status) for probe in probes] == [
        ("folder", "ok"), ("writable", "ok"), ("read R", "failed"), ("encoding R", "skipped"),
    ]  # fmt: skip
    assert not system(tmp_path / "gone", "a.csv").check()[0].ok


def test_a_header_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("工号,姓名\n1,张伟\n".encode("gb18030"))
    with pytest.raises(Fatal) as refused:
        pages(tmp_path, "a.csv")
    assert (refused.value.code, refused.value.where) == ("encoding.invalid", "a.csv:1")
    assert "gb18030" in refused.value.hint
    assert rows(tmp_path, "a.csv", encoding="gb18030") == [{"工号": "1", "姓名": "张伟"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [400, 1000, 4096])
def test_no_block_border_changes_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, block: int
) -> None:
    monkeypatch.setattr(text, "BLOCK", 97)
    monkeypatch.setattr(delimited, "BLOCK", block)
    made = [{"a": f"{at}中", "b": 'q"\r\n,😀' * (at % 3), "c": "x" * (at % 50)} for at in range(500)]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["a", "b", "c"], lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(made)
    assert rows(tmp_path, "a.csv") == made


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2,
                      max_size=2), max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
)  # fmt: skip
def test_what_python_writes_is_read(lines: list[list[str]], delimiter: str, encoding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "a.csv").open("w", newline="", encoding=encoding) as stream:
            csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *lines])
        found = rows(Path(folder), "a.csv", delimiter=delimiter, encoding=encoding)
    assert [[row["a"], row["b"]] for row in found] == lines


def test_the_example_of_the_connector_is_sound() -> None:
    declared = yaml.safe_load(SPEC.example)
    settings = {key: declared[key] for key in declared if key not in ("system", "connector", "resources")}
    SPEC.settings.model_validate(settings)
    for resource in declared["resources"].values():
        SPEC.resource.model_validate(resource)


def test_a_plain_local_file_is_handed_over_as_a_whole_where_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"a":1}\n')
    (tmp_path / "b.ndjson").write_text('{"a":2}')
    opened = system(tmp_path, "*.ndjson")
    kinds = [type(page.records) for page in opened.read(Query(Resource("R"), takes_files=True))]
    assert kinds == [LocalFile, bytes]


def test_a_file_handed_over_must_stay_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"a":1}\n')
    reading = system(tmp_path, "a.ndjson").read(Query(Resource("R"), takes_files=True))
    assert not next(reading).last
    (tmp_path / "a.ndjson").write_text('{"a":1}\n{"a":2}\n')
    with pytest.raises(Retriable) as refused:
        next(reading)
    assert refused.value.code == "file.changed"
