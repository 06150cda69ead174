"""``cophub map suggest``: a draft that check accepts as a draft, in either direction, without values, over no file."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import Desk, desk

STAFF = "PERNR;Vollname;E_Mail;Handynummer;Eintrittsdatum;LAND1;gehalt\n" + "".join(
    f"E{one:05};Person{one};p{one}@example.org;+49 170 000{one:04};2020-01-{one + 1:02};DE;{one}000.00\n"
    for one in range(9)
)
SYSTEM = """\
system: sheets
connector: files
folder: ../sheets
resources:
  staff:
    path: staff.csv
    key: PERNR
    delimiter: ";"
    fields: {PERNR: text, Vollname: text, E_Mail: text, Handynummer: text, Eintrittsdatum: date, LAND1: text,
             gehalt: decimal}
  phones:
    path: phones.csv
    key: EmployeeNumber
    fields: {EmployeeNumber: text, FullName: text, MobilePhone: text, CountryKey: text}
"""
MODEL = """\
model: worker
level: L1
key: [number]
fields:
  number: {type: text, required: true}
  name: {type: text, required: true}
  email: {type: text, format: email, level: L2}
  mobile: {type: text, format: phone, level: L3, class: pi.contact}
  hired: {type: date}
  country: {type: code, list: land}
  badge: {type: text}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk(tmp_path_factory.mktemp("suggest") / "work")
    (made.folder / "sheets").mkdir()
    (made.folder / "sheets/staff.csv").write_text(STAFF, encoding="utf-8")
    (made.folder / "config/systems/sheets.yaml").write_text(SYSTEM, encoding="utf-8")
    (made.folder / "config/models/worker.yaml").write_text(MODEL, encoding="utf-8")
    (made.folder / "config/codes").mkdir(exist_ok=True)
    (made.folder / "config/codes/land.yaml").write_text("codes: land\nvalues: {DE: Germany, CN: China}\n", "utf-8")
    return made


def test_a_draft_is_written_that_check_accepts_and_nothing_runs(work: Desk):
    file = work.folder / "mappings/sheets-staff-to-worker.yaml"
    said = work.cophub("map", "suggest", "sheets.staff", "worker", "--out", str(file), "--json")
    assert said.code == 0, said.err
    fields = {one["field"]: one["expression"] for one in said.json["fields"] if one["expression"]}
    assert fields == {
        "number": "PERNR", "name": "Vollname", "email": "E_Mail", "mobile": "Handynummer", "hired": "Eintrittsdatum",
        "country": "code('land', LAND1)",
    }  # fmt: skip
    text = file.read_text("utf-8")
    assert "example.org" not in text
    assert "+49" not in text
    assert "2020-01" not in text
    found = work.cophub("check", "--json").json["findings"]
    assert [one["code"] for one in found if one["path"] == "mappings/sheets-staff-to-worker.yaml"] == ["mapping.draft"]
    assert work.cophub("run", "sheets-staff-to-worker").code == 65
    again = work.cophub("map", "suggest", "sheets.staff", "worker", "--out", str(file))
    assert again.code == 65
    assert "suggest.exists" in again.err
    file.unlink()


def test_the_other_way_round_and_without_looking_at_records(work: Desk):
    said = work.cophub("map", "suggest", "worker", "sheets.phones", "--no-sample")
    assert said.code == 0, said.err
    assert "from: worker\ninto: sheets.phones\nkey: [EmployeeNumber]\n" in said.out
    assert "  EmployeeNumber: number " in said.out
    assert "  MobilePhone: mobile " in said.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("suggest", "worker", "worker"), "suggest.sides"),
        (("suggest", "sheets.nothing", "worker"), "resource.unknown"),
        (("suggest", "sheets.staff", "nobody"), "reference.model"),
        (("items", "into"), "map.suggest"),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed_is_said(work: Desk, words: tuple[str, ...], code: str):
    said = work.cophub("map", *words)
    assert said.code == 65
    assert f"code   {code}\n" in said.err
