"""What ``cophub check`` finds in mappings that have a valid shape, with file, line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.errors import Finding
from hub.mapping.check import check
from hub.workspace.load import lint
from tests.unit.mapping.bench import PERSON, inbound, workspace
from tests.unit.workspace.desk import CONNECTORS, write


def codes(*mappings: dict[str, Any], **more: Any) -> list[str]:
    return sorted({finding.code for finding in check(workspace(*mappings, **more))})


def test_findings_name_file_line_and_column(tmp_path: Path) -> None:
    text = """\
mapping: erp-suppliers
from: erp.Supplier
into: supplier
where: LAND = upper(LADN)
fields:
  code: NO
  name: {value: triim(NAME), strength: weak}
  country: code('contry', LAND)
"""
    there, found = lint(write(tmp_path, {"mappings/erp-suppliers.yaml": text}), connectors=CONNECTORS)
    assert there is not None, found
    found = [one for one in check(there) if one.code != "level.missing"]
    assert [(one.path, one.line, one.column, one.code) for one in found] == [
        ("mappings/erp-suppliers.yaml", 4, 21, "field.unknown"),
        ("mappings/erp-suppliers.yaml", 7, 17, "function.unknown"),
        ("mappings/erp-suppliers.yaml", 8, 17, "code.list"),
    ]


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"count": "N * 2"}, "count"),
        ({"born": "upper(N) + 1"}, "born"),
        ({"name": "coalesce(N, 1::INTEGER + DATE '2020-01-01')", "active": "{'a': N}"}, "active"),
        ({"name": "list_sum([N])"}, "name"),
    ],
)
def test_types_that_do_not_fit_are_found_and_named(rules: dict[str, Any], field: str) -> None:
    found = [finding for finding in check(workspace(inbound(rules))) if finding.code == "expression.type"]
    assert any(finding.message.startswith(f"{field}: ") for finding in found)
    assert all('r."' not in finding.message for finding in found)


def test_a_condition_must_be_true_or_false() -> None:
    assert "expression.type" in codes(inbound({}, where="['a']"))


def test_the_same_form_is_bound_once_and_a_bad_one_found_every_time() -> None:
    found = [
        one for one in check(workspace(inbound({"count": "A * 2", "pay": "B * 2"}))) if one.level == "error"
    ]
    assert [one.code for one in found] == ["expression.type", "expression.type"]


def writers(**second: Any) -> list[Finding]:
    first = inbound({"name": "N"}, match=[["no"]])
    other = {
        "mapping": "others",
        "from": "crm.people",
        "into": "person",
        "match": [["no"]],
        "fields": {"no": "Id", "name": {"value": "N", **second}},
    }
    return [finding for finding in check(workspace(first, other)) if finding.code == "field.contended"]


def test_two_writers_of_one_strength_need_a_rank() -> None:
    assert len(writers()) == 2
    assert writers(strength="strong") == []
    assert writers(strength="weak") == []


def test_a_rank_settles_two_writers() -> None:
    model = {**PERSON, "fields": {**PERSON["fields"], "name": {"rank": ["hr", "crm"]}}}
    first = inbound({"name": "N"}, match=[["no"]])
    other = {**first, "mapping": "others", "from": "crm.people"}
    assert codes(first, other, models=(model,)) == []


def test_a_cycle_through_a_pass_through_is_found_and_an_echo_is_not() -> None:
    out = {"mapping": "out", "from": "person", "into": "hr.people", "key": "Id", "fields": {"Id": "no"}}
    assert "exchange.cycle" not in codes(inbound({}), out)
    there = {"mapping": "there", "from": "hr.a", "into": "crm.a", "level": "L1", "fields": {"Id": "Id"}}
    back = {"mapping": "back", "from": "crm.a", "into": "hr.a", "level": "L1", "fields": {"Id": "Id"}}
    assert codes(there) == []
    assert codes(there, back) == ["exchange.cycle"]


def test_levels_of_a_pass_through_are_declared_and_read() -> None:
    there = {"mapping": "there", "from": "hr.a", "into": "crm.a", "fields": {"Id": "Id"}}
    assert codes(there) == ["level.missing"]
    assert codes({**there, "levels": {"Id": "L2"}}) == []
    assert codes({**there, "level": "L1", "levels": {"Idd": "L2"}}) == ["level.unread"]
    assert codes(inbound({}, levels={"Id": "L2"})) == ["level.place"]


def test_what_nobody_classified_is_found_once_for_a_model_and_masked() -> None:
    model = {**PERSON, "level": None}
    (found,) = (one for one in check(workspace(models=(model,))) if one.code == "level.missing")
    assert found.level == "warning"
    assert found.message.startswith("no, name, born, count and 6 more of person have no level")
    assert workspace(models=(model,)).models["person"].fields["name"].level == "L3"


def test_a_classified_key_is_found() -> None:
    fields = {**PERSON["fields"], "no": {"level": "L3", "required": True}}
    assert codes(models=({**PERSON, "fields": fields},)) == ["level.key"]


def test_a_level_travels_through_a_system_into_a_lower_place() -> None:
    out = {
        "mapping": "out",
        "from": "person",
        "into": "crm.c",
        "key": "Id",
        "fields": {"Id": "no", "P": "pay"},
    }
    low = {"model": "note", "level": "L1", "key": ["no"], "fields": {"no": {}, "text": {}, "safe": {"level": "L3"}}}
    back = {
        "mapping": "back",
        "from": "crm.c",
        "into": "note",
        "fields": {"no": "Id", "text": "P", "safe": "P"},
    }
    found = [one for one in check(workspace(out, back, models=(PERSON, low))) if one.code == "level.lower"]
    assert [one.message for one in found] == [
        "note.text has level L1, but gets values of person.pay, level L3"
    ]


def test_a_reference_that_nobody_supplies_is_found() -> None:
    post = {
        "model": "post",
        "level": "L1",
        "key": ["no"],
        "fields": {"no": {}, "holder": {"type": "ref", "model": "person"}},
    }
    posts = {
        "mapping": "posts",
        "from": "hr.posts",
        "into": "post",
        "fields": {"no": "Id", "holder": "ref('person', P)"},
    }
    assert codes(posts, models=(PERSON, post)) == ["ref.unsupplied"]
    assert codes(posts, inbound({}), models=(PERSON, post)) == []
    assert codes(posts, {**inbound({}), "from": "crm.people"}, models=(PERSON, post)) == ["ref.unsupplied"]


def test_a_required_field_needs_a_rule_where_entities_are_created() -> None:
    mapping = {"mapping": "people", "from": "hr.people", "into": "person", "fields": {"name": "N"}}
    assert codes(mapping) == []
    assert codes({**mapping, "unmatched": "create"}) == ["required.unmapped"]


def test_a_pattern_that_duckdb_does_not_know_is_found() -> None:
    model = {**PERSON, "fields": {"no": {}, "name": {"pattern": "(?=a)b"}}}
    assert codes(inbound({"name": "N"}), models=(model,)) == ["pattern.invalid"]


def test_a_disabled_mapping_contends_with_nobody() -> None:
    first = inbound({"name": "N"}, match=[["no"]])
    assert codes(first, {**first, "mapping": "others", "from": "crm.people", "enabled": False}) == []


def test_a_comparison_of_a_field_that_nobody_writes_is_found() -> None:
    assert "compare.unknown" in codes(inbound({"name": "N"}, compare={"nmae": "exact"}))
    assert "compare.unknown" not in codes(inbound({"name": "N"}, compare={"name": "exact"}))


def test_a_key_that_one_source_matches_by_and_another_rewrites_is_contended() -> None:
    first = inbound({"no": "Id"}, match=[["no"]])
    other = {**first, "mapping": "others", "from": "crm.people", "match": [["name"]]}
    found = [one for one in check(workspace(first, other)) if one.code == "field.contended"]
    assert {one.message for one in found if "person.no " in one.message} == {
        f"person.no is also written normal by {name}" for name in ("others", first["mapping"])
    }


@pytest.mark.parametrize(
    ("rule", "value", "found"),
    [
        ("true", False, []),
        ("true", "no", []),
        ("true", 7.5, ["disable.value"]),
        ("true", "perhaps", ["disable.value"]),
        ("DATE '9999-12-31'", "2026-01-31", []),
        ("DATE '9999-12-31'", True, ["disable.value"]),
        ("1", None, []),
        ("name", 7, []),
    ],
)
def test_what_disabling_writes_is_of_the_fields_type(rule: str, value: Any, found: list[str]) -> None:
    mapping = {
        "mapping": "away",
        "from": "person",
        "into": "crm.people",
        "key": "code",
        "fields": {"code": "no", "state": rule},
        "absent": "disable",
        "disable": {"state": value},
    }
    assert [code for code in codes(mapping) if code.startswith("disable.")] == found
