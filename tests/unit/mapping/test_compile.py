"""What a mapping file compiles to, and what changes its hash."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.contract import Field
from hub.errors import ConfigError
from hub.mapping.compile import compile_mapping
from hub.mapping.reference import page
from tests.unit.mapping.bench import COUNTRY, PERSON, compiled, inbound, workspace


def test_only_what_is_read_is_in_the_structure_key_included() -> None:
    one = compiled(inbound({"name": "trim(a.b)", "tags": "list_transform(l, x -> x.y)", "more": "m"}))
    assert json.loads(one.structure or "") == {
        "Id": "VARCHAR",
        "a": {"b": "VARCHAR"},
        "l": [{"y": "VARCHAR"}],
        "m": "JSON",
    }
    assert one.paths == ("Id", "a.b", "l.y", "m")
    assert one.key == "COALESCE(CAST(r.\"Id\" AS VARCHAR), '')"


def test_columns_know_what_they_read_and_where_they_stand() -> None:
    one = compiled(inbound({"boss": {"value": "ref('person', B)", "strength": "weak"}}))
    boss = one.columns[1]
    assert (boss.name, boss.type, boss.strength, boss.inputs, boss.ref) == (
        "boss",
        "VARCHAR",
        "weak",
        ("B",),
        "person",
    )
    assert boss.where == "mapping people:1"


def test_an_outbound_mapping_keeps_types_and_names_and_knows_its_key() -> None:
    out = {
        "mapping": "out",
        "from": "person",
        "into": "crm.c",
        "key": "X__c",
        "fields": {"X__c": "no", "A.b": "born"},
    }
    one = compiled(out)
    assert (one.direction, one.structure, one.key, one.target_key) == ("outbound", None, None, ("X__c",))
    assert [(column.name, column.type, column.sql) for column in one.columns] == [
        ("X__c", "", 'r."no"'),
        ("A.b", "", 'r."born"'),
    ]


def test_a_pass_through_has_both_keys() -> None:
    one = compiled({"mapping": "p", "from": "hr.a", "into": "crm.b", "fields": {"Id": "No", "N": "M"}})
    assert (one.direction, one.key_fields, one.target_key, one.model) == ("pass", ("Id",), ("Id",), None)


def test_a_composite_key_is_the_contracts_json() -> None:
    assert compiled(inbound({}, key=["A", "B"])).key_fields == ("A", "B")


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (inbound({"name": "upper(N)"}), {}),
    (inbound({"name": "N"}, where="N <> ''"), {}),
    (inbound({"name": {"value": "N", "strength": "weak"}}), {}),
    (inbound({"name": "N", "count": "M"}), {}),
    (inbound({"name": "N"}, key="M"), {}),
    (inbound({"name": "code('country', N)"}), {}),
    (
        inbound({"name": "N"}),
        {"models": ({**PERSON, "fields": {**PERSON["fields"], "name": {"max_length": 3}}},)},
    ),
]


@pytest.mark.parametrize(("mapping", "more"), CHANGES)
def test_what_changes_results_changes_the_hash(mapping: dict[str, Any], more: dict[str, Any]) -> None:
    assert compiled(mapping, **more).hash != compiled(inbound({"name": "N"})).hash


def test_a_code_list_that_is_used_changes_the_hash_another_does_not() -> None:
    used, other = inbound({"country": "code('country', C)"}), inbound({"name": "N"})
    longer = {**COUNTRY, "values": {**COUNTRY["values"], "FR": "France"}}
    assert compiled(used).hash != compiled(used, codes=(longer,)).hash
    assert compiled(other).hash == compiled(other, codes=(longer,)).hash


def test_what_changes_no_result_does_not_change_the_hash() -> None:
    plain, dressed = inbound({"name": "trim( N )"}), inbound({"name": "TRIM(N) -- the name"}, title="People")
    assert compiled(plain).hash == compiled(dressed).hash


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        (inbound({"name": "a.b || list_transform(a, x -> x.c)[1]"}), "field.shape"),
        (inbound({"name": "a || a.b"}), "field.shape"),
        (inbound({"name": "A || a"}), "field.shape"),
        (inbound({"name": "ref('person', N)"}), "ref.type"),
        (inbound({"boss": "N"}), "ref.missing"),
        (inbound({"nmae": "N"}), "field.unknown"),
        (inbound({"name": "p.N"}, each="Positions as p"), "each.key"),
        (inbound({"name": "N"}, each="Positions"), "each.form"),
        (
            {"mapping": "o", "from": "person", "into": "crm.c", "key": "Z", "fields": {"X": "no"}},
            "key.unmapped",
        ),
        ({"mapping": "o", "from": "person", "into": "crm.c", "fields": {"X": "nmae"}}, "field.unknown"),
        (
            {
                "mapping": "o",
                "from": "person",
                "into": "crm.c",
                "fields": {"_Key": "no", "A": "no", "a": "no"},
            },
            "field.reserved",
        ),
        (
            {"mapping": "o", "from": "person", "into": "crm.c", "fields": {"A": "no", "a": "no"}},
            "field.clash",
        ),
        ({**inbound({}), "with": {"b": {"from": "hr.b", "on": "b.x > Id"}}}, "with.on"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused_with_all_its_findings(
    mapping: dict[str, Any], code: str
) -> None:
    there = workspace(mapping)
    with pytest.raises(ConfigError) as caught:
        compile_mapping(there.mapping(mapping["mapping"]), there)
    assert code in [finding.code for finding in caught.value.findings]


def test_a_declared_record_knows_its_fields() -> None:
    fields = {"people": (Field("Id"), Field("Born", "date"), Field("Address", fields=(Field("City"),)))}
    with pytest.raises(ConfigError, match="has no field Borm"):
        compiled(inbound({"born": "Borm"}), fields=fields)
    with pytest.raises(ConfigError, match="each: the record has no field"):
        compiled(inbound({"name": "p.x"}, each="Positons as p", key="p.x"), fields=fields)
    assert compiled(inbound({"name": "Address.City"}), fields=fields).columns[1].inputs == ("Address.City",)


def test_the_reference_page_is_up_to_date(pytestconfig: pytest.Config) -> None:
    written = pytestconfig.rootpath / "docs" / "reference" / "functions.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "python -m hub.mapping.reference > docs/reference/functions.md"
    )
