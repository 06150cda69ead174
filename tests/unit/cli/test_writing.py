"""The commands of whoever writes a workspace: init check test schema diff map systems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk, cophub

TEST = "mappings/erp-suppliers.test.yaml"
MAPPING = "mappings/erp-suppliers.yaml"


def test_what_init_writes_is_free_of_findings_and_passes_its_tests(tmp_path: Path) -> None:
    assert cophub("init", str(tmp_path / "new")).code == 0
    assert cophub("check", "-w", str(tmp_path / "new")).out.startswith("no findings in 1 system")
    assert cophub("test", "-w", str(tmp_path / "new")).out.splitlines()[-1] == "ok: 3 tests passed"
    assert cophub("init", str(tmp_path / "new")).code == 65


def test_check_finds_shape_and_meaning_in_one_pass(work: Desk) -> None:
    work.edit(MAPPING, "upper(country)", "uper(country)")
    work.edit("config/hub.yaml", "title:", "titel:")
    first = work.cophub("check", "--json")
    work.edit("config/hub.yaml", "titel:", "title:")
    second = work.cophub("check")
    assert (first.code, second.code) == (1, 1)
    assert "key.unknown" in {one["code"] for one in first.json["findings"]}
    assert "mappings/erp-suppliers.yaml:12:28:" in second.out
    assert "did you mean upper" in second.out


def test_a_failing_mapping_test_shows_the_difference_and_its_line(work: Desk) -> None:
    work.edit(TEST, "name: ACME, country: DE,", "name: ACNE, country: DE,")
    said = work.cophub("test")
    assert said.code == 1
    assert f"{TEST}:2:3" in said.out
    assert '- name: "ACNE"' in said.out
    assert '+ name: "ACME"' in said.out
    assert said.out.splitlines()[-1] == "1 failed, 2 tests passed"
    assert work.cophub("test", "nothing").code == 65


def test_schema_prints_or_writes(work: Desk, tmp_path: Path) -> None:
    assert json.loads(work.cophub("schema", "--print", "model").out)["title"] == "COP Hub: model file"
    assert work.cophub("schema", str(tmp_path / "schemas")).code == 0
    assert (tmp_path / "schemas" / "mapping.schema.json").is_file()
    assert "one of client, codes" in work.cophub("schema", "--print", "modell").err


def test_diff_shows_what_an_environment_changes(work: Desk) -> None:
    environments = work.folder / "config" / "environments"
    environments.mkdir()
    (environments / "prod.yaml").write_text("environment: prod\nsystems:\n  erp_files: {writes: off}\n")
    said = work.cophub("diff", "--to", "prod")
    assert "~ system erp_files: writes: on → off" in said.out
    assert work.cophub("diff", "--to", "prod", "--json").json["differences"][0]["path"] == "writes"
    assert work.cophub("diff").code == 65


def test_lineage_names_sources_functions_codes_and_level(work: Desk) -> None:
    said = work.cophub("map", "erp-suppliers", "--lineage")
    assert "erp_files.suppliers.country" in said.out
    assert "code list country" in said.out
    assert "by upper(), replace()" in said.out
    fields = work.cophub("map", "erp-suppliers", "--json").json["outputs"][0]["fields"]
    assert {one["field"]: one["level"] for one in fields}["phone"] == "L3"


def test_a_record_is_mapped_or_traced_step_by_step(work: Desk, tmp_path: Path) -> None:
    record = tmp_path / "one.json"
    record.write_text('{"number": "7", "name": " x ", "country": "de", "active": "1"}')
    said = work.cophub("map", "erp-suppliers", "--record", str(record))
    assert json.loads(said.out)["country"] == "DE"
    steps = work.cophub("map", "erp-suppliers", "--record", "-", "--explain", stdin=record.read_text())
    assert "code('country', upper(country))" in steps.out
    assert 'gives "x"' in steps.out


@pytest.mark.parametrize(
    ("text", "expected"), [("[", "is not JSON"), ("[1, 2]", "one JSON object"), (None, "No such file")]
)
def test_a_record_that_is_none_is_told(work: Desk, tmp_path: Path, text: str | None, expected: str) -> None:
    record = tmp_path / "one.json"
    if text is not None:
        record.write_text(text)
    said = work.cophub("map", "erp-suppliers", "--record", str(record))
    assert said.code == 65
    assert expected in said.err


def test_a_record_that_would_be_quarantined_says_why(work: Desk) -> None:
    bad = '{"number": "7", "name": "x", "country": "XX", "active": "1"}'
    said = work.cophub("map", "erp-suppliers", "--record", "-", stdin=bad)
    assert said.code == 1
    assert "problem: country:" in said.out
    outside = work.cophub("map", "erp-suppliers", "--record", "-", stdin=bad.replace('"1"', '"0"'))
    assert "no output: out of scope" in outside.out


def test_systems_are_listed_checked_and_described(work: Desk) -> None:
    assert "erp_files   files       on               1   ../data" in work.cophub("systems").out
    assert work.cophub("systems", "check").code == 0
    assert "number" in work.cophub("systems", "describe", "erp_files").out
    assert work.cophub("systems", "describe", "erp_files", "suppliers", "--json").json["resource"]["key"] == [
        "number"
    ]
    (work.folder / "data" / "suppliers.csv").unlink()
    assert work.cophub("systems", "check", "erp_files").code == 1
    assert work.cophub("systems", "check", "erpfiles").code == 65
