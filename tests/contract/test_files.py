"""Files keep the contract in every format."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from connectors.files import SPEC
from hub.contract import Context
from hub.testing import Case, failures, run_contract
from hub.testing.writing import SINGLE, exempting

pytestmark = pytest.mark.against("files", "a local folder", "real")

FIELDS = ("no", "name", "at")
EXEMPT = {
    "cursor_order": "a file has the order of its writer",
    "deletes_seen": "a file shows no deletions",
    "check_reports_trouble": "a local folder has no credentials",
    "wrong_credentials": "a local folder has no credentials",
    "no_secret_shown": "a local folder has no credentials",
    "rate_limit_honoured": "a folder has no limits",
    **exempting("a file is replaced as a whole", SINGLE),
}
NO_COUNT = {"announced_count": "the format tells no number of records"}


def put(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    match path.suffix:
        case ".csv":
            with path.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, FIELDS)
                writer.writeheader()
                writer.writerows(records)
        case ".ndjson":
            path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
        case ".json":
            path.write_text(json.dumps(records, indent=1))
        case ".parquet":
            schema = pa.schema([pa.field(name, pa.string()) for name in FIELDS])
            parquet.write_table(pa.Table.from_pylist([dict(record) for record in records], schema), path)
        case _:
            book = openpyxl.Workbook(write_only=True)
            sheet = book.create_sheet()
            for line in (FIELDS, *([record[name] for name in FIELDS] for record in records)):
                sheet.append(line)
            book.save(path)


def got(path: Path) -> Iterable[Mapping[str, Any]]:
    match path.suffix:
        case ".csv":
            with path.open(newline="", encoding="utf-8") as stream:
                return list(csv.DictReader(stream))
        case ".ndjson":
            return [json.loads(line) for line in path.read_text().splitlines()]
        case ".json":
            records: list[dict[str, Any]] = json.loads(path.read_text())
            return records
        case ".parquet":
            return parquet.read_table(path).to_pylist()
        case _:
            header, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
            return [dict(zip(map(str, header), row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("name", "exempt"),
    [
        ("people.csv", NO_COUNT),
        ("people.ndjson", NO_COUNT),
        ("people.json", {}),
        ("people.parquet", {}),
        ("people.xlsx", NO_COUNT),
    ],
)
def test_files_keep_the_contract(tmp_path: Path, name: str, exempt: dict[str, str]) -> None:
    declared = {"Person": SPEC.resource.model_validate({"path": name, "key": "no", "cursor": "at"})}
    settings = SPEC.settings.model_validate({"folder": str(tmp_path)})
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def fresh(records: Sequence[Mapping[str, Any]]) -> Path:
        put(tmp_path / name, records)
        return tmp_path / name

    def change(path: Path, new: Mapping[str, Any]) -> None:
        put(path, [new if old["no"] == new["no"] else old for old in got(path)])

    verdicts = run_contract(
        Case(
            name=name,
            fresh=fresh,
            open=lambda path: SPEC.open(Context("hr"), settings, declared),
            resource="Person",
            key=("no",),
            cursor="at",
            record=lambda at: {
                "no": f"P{at}",
                "name": f"张 {at}",
                "at": (begin + datetime.timedelta(minutes=at)).isoformat(),
            },
            exact={"name": '张伟 😀 "q", 12345678901234567890.12\nx'},
            stored=got,
            change=change,
            remove=lambda path, old: None,
            exempt=EXEMPT | exempt,
        )
    )
    assert failures(verdicts) == []
