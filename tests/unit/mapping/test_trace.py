"""Lineage, one record explained, mapping tests, and the lock on DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub.mapping.cases import run_cases
from hub.mapping.compile import compile_mapping
from hub.mapping.duck import open_run_file
from hub.mapping.explain import Step, explain
from hub.mapping.lineage import lineage
from tests.unit.mapping.bench import inbound, workspace


def steps(mapping: dict[str, Any], record: dict[str, Any]) -> list[Step]:
    there = workspace(mapping)
    return explain(compile_mapping(there.mapping(mapping["mapping"]), there)[0], there, record)


def test_a_record_is_traced_from_its_key_to_its_output() -> None:
    mapping = inbound({"name": "pinyin(N)", "country": "code('country', A[1].C)"}, where="Kind = 'a'")
    found = steps(mapping, {"Id": 7, "Kind": "a", "N": "张伟", "A": [{"C": "GER"}]})
    assert [(step.stage, step.name, step.value) for step in found[:-1]] == [
        ("key", "Id", '"7"'),
        ("where", "person", "true"),
        ("lookup", "pinyin(capitalized)", '"Zhang Wei"'),
        ("lookup", "code(country, hr)", '"DE"'),
        ("field", "no", '"7"'),
        ("field", "name", '"Zhang Wei"'),
        ("field", "country", '"DE"'),
    ]
    assert found[-1].stage == "result"
    assert found[6].reads == '{"A":[{"C":"GER"}]}'


def test_a_refused_record_is_traced_to_its_reason() -> None:
    found = steps(inbound({"count": "N", "country": "code('country', C)"}), {"Id": "1", "N": "x", "C": "XX"})
    notes = {(step.stage, step.name): step.note for step in found}
    assert "Could not convert" in notes["field", "count"]
    assert notes["lookup", "code(country, hr)"] == "nothing is known for it"
    assert {step.value for step in found if step.stage == "problem"} == {'"value.invalid"', '"code.unknown"'}


def test_a_record_out_of_scope_says_so() -> None:
    found = steps(inbound({}, where="Kind = 'a'"), {"Id": "1", "Kind": "b"})
    assert [step.note for step in found if step.stage == "where"] == ["out of scope"]


def test_lineage_names_sources_functions_codes_and_level() -> None:
    there = workspace(
        {
            "mapping": "out",
            "from": "person",
            "into": "crm.c",
            "key": "Id",
            "fields": {"Id": "no", "P": "round(pay * 2) || code('country', country)"},
        }
    )
    one = lineage(compile_mapping(there.mapping("out"), there)[0], there)[1]
    assert (one.inputs, one.functions, one.codes) == (
        ("person.pay", "person.country"),
        ("round", "code"),
        ("country",),
    )
    assert one.level == "L3"


def test_lineage_follows_lists_and_joined_resources() -> None:
    mapping = inbound({"tags": "list_transform(L, x -> x.N)", "name": "bank.Iban"})
    mapping["with"] = {"bank": {"from": "hr.banks", "on": "bank.P = Id"}}
    there = workspace(mapping)
    found = {
        one.field: one.inputs for one in lineage(compile_mapping(there.mapping("people"), there)[0], there)
    }
    assert found["tags"] == ("hr.people.L[].N",)
    assert found["name"] == ("hr.banks.Iban",)


GIVEN = {"Id": "1", "N": "5", "B": "2000-02-01", "P": "1.50", "Boss": "9", "S": "2026-01-01T01:00:00+01:00"}
MAPPING = inbound(
    {"count": "N", "born": "B", "pay": "P", "boss": "ref('person', Boss)", "seen": "S"}, where="N <> '0'"
)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"expect": {"no": "1", "count": 5, "born": "2000-02-01", "pay": 1.5, "boss": "9"}}, ""),
        ({"expect": {"seen": "2026-01-01T00:00:00Z", "name": None}}, ""),
        ({"expect": {"boss": "P-9"}, "lookups": {"person": {"9": "P-9"}}}, ""),
        ({"expect": {"no": 1}}, "1 fields differ"),
        ({"expect": {"nmae": "x"}}, "1 fields differ"),
        ({"expect_none": True}, "expected no output, got one"),
        ({"expect_problem": {"field": "name", "code": "required"}}, "expected the problem"),
        ({"given": {"Id": "1", "N": "0"}, "expect_none": True}, ""),
        ({"given": {"Id": "1", "N": "0"}, "expect": {}}, "expected an output, got none"),
        ({"given": {"Id": "1", "N": "x"}, "expect_problem": {"field": "count", "code": "value.invalid"}}, ""),
        (
            {"given": {"Id": "1", "N": "x"}, "expect": {"no": "1"}},
            "expected an output, got count: Could not convert",
        ),
        ({"into": "nobody"}, "the mapping has no output nobody"),
    ],
)
def test_a_mapping_test_passes_or_says_what_differs(case: dict[str, Any], message: str) -> None:
    (result,) = run_cases(workspace(MAPPING, tests={"people": [{"given": GIVEN, **case}]}))
    assert result.ok == (message == "")
    assert result.message.startswith(message)


def test_a_failed_mapping_test_shows_the_difference() -> None:
    (result,) = run_cases(workspace(MAPPING, tests={"people": [{"given": GIVEN, "expect": {"count": 6}}]}))
    assert str(result).splitlines() == [
        "test people:1: people case 1: failed: 1 fields differ",
        "    count: expected 6, got 5",
    ]


def test_an_outbound_mapping_is_tested_from_a_golden_record() -> None:
    out = {
        "mapping": "out",
        "from": "person",
        "into": "crm.c",
        "key": "Id",
        "fields": {"Id": "key_in('crm', id)", "A.b": "code('country', country)", "n": "count + 1"},
    }
    case = {
        "given": {"id": "e1", "country": "DE", "count": 4},
        "lookups": {"crm": {"e1": "K"}},
        "expect": {"Id": "K", "A.b": "276", "n": 5},
    }
    assert [str(result) for result in run_cases(workspace(out, tests={"out": [case]}))] == [
        "test out:1: out case 1: ok"
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "ATTACH '/tmp/cophub-other.duckdb'",
        "COPY (SELECT 1) TO '/tmp/cophub-out.csv'",
        "SET threads = 64",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM local_variable",
        "CREATE PERSISTENT SECRET s (TYPE S3)",
    ],
)
def test_a_run_file_gives_nothing_but_its_folders(tmp_path: Path, statement: str) -> None:
    local_variable = [1]
    con = open_run_file(tmp_path / "scratch", [tmp_path / "stage"])
    with pytest.raises(duckdb.Error):
        con.execute(statement)
    con.close()
    assert local_variable == [1]


def test_a_run_file_reads_its_folders_and_counts_in_utc(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / "a.ndjson").write_text('{"a":1}\n')
    con = open_run_file(tmp_path / "scratch", [stage])
    assert con.execute(f"SELECT count(*) FROM read_ndjson_objects('{stage}/a.ndjson')").fetchall() == [(1,)]
    text = con.execute("SELECT CAST(TIMESTAMPTZ '2026-01-01 00:00:00' AS VARCHAR)").fetchall()[0][0]
    assert text == "2026-01-01 00:00:00+00"
    con.close()
