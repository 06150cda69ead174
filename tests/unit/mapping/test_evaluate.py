"""Records become outputs; a bad one becomes its problems, and the others do not notice."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contract import Field, key_text
from hub.errors import ConfigError
from hub.mapping.compile import compile_mapping
from hub.mapping.evaluate import evaluate
from hub.mapping.lookups import ANSWER
from hub.mapping.scope import Lookup
from hub.mapping.single import memory, relation
from tests.unit.mapping.bench import PERSON, inbound, run, values, workspace


def test_each_type_of_field_takes_the_sources_text() -> None:
    rules = {"name": "n", "born": "b", "count": "c", "pay": "p", "seen": "s", "active": "a", "more": "m"}
    record = {
        "n": "张伟",
        "b": "2000-02-01",
        "c": 7,
        "p": "12.345",
        "s": "2026-01-01T10:00:00",
        "a": True,
        "m": {"x": [1]},
    }
    row = values(rules, record)
    assert (row["name"], row["born"], row["count"], row["pay"]) == ("张伟", "2000-02-01", 7, 12.35)
    assert row["seen"] == "2026-01-01 10:00:00+00"
    assert (row["active"], row["more"]) == (True, {"x": [1]})


def test_what_is_missing_null_or_out_of_range_is_null() -> None:
    rules = {"name": "a.b.c", "country": "l[3].x", "tags": "list_transform(m, x -> x.y)", "count": "n"}
    for record in ({}, {"a": None, "l": None, "m": None}, {"a": {"b": {}}, "l": [{"x": "1"}], "n": ""}):
        row = values(rules, record)
        assert [row[name] for name in rules] == [None, None, None, None]


def test_one_bad_row_of_many_is_rejected_with_its_reason_and_its_input() -> None:
    records: list[dict[str, Any]] = [
        {"Id": str(number), "B": "2000-01-01", "N": number} for number in range(50)
    ]
    records[7]["N"] = "seven"
    records[9]["B"] = "1.2.2000"
    ran = run(inbound({"count": "N::INTEGER * 2", "born": "B"}, where="N::VARCHAR <> '8'"), *records)
    assert ran.codes == [("7", "count", "value.invalid"), ("9", "born", "value.invalid")]
    assert (ran.counts.read, ran.counts.mapped, ran.counts.out_of_scope, ran.counts.rejected) == (
        50,
        47,
        1,
        2,
    )
    assert ran.problems[0]["input"] == {"N": "seven"} or ran.problems[0]["input"] == '{"N":"seven"}'
    assert "seven" in ran.problems[0]["message"]
    assert "LINE" not in ran.problems[0]["message"]


def test_expressions_that_share_a_part_that_raises_do_not_fail_the_batch() -> None:
    rules = {"born": "B::DATE", "count": "year(B::DATE)", "name": "(B::DATE)::VARCHAR || 'x'"}
    ran = run(inbound(rules), {"Id": "1", "B": "x"}, {"Id": "2", "B": "2000-01-01"})
    assert ran.codes == [("1", field, "value.invalid") for field in sorted(rules)]
    assert [row["_key"] for row in ran.rows] == ["2"]


def test_a_mapping_whose_types_do_not_fit_is_the_files_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        run(inbound({"count": "N * 2"}), {"Id": "1", "N": 1})
    assert caught.value.code == "expression.type"
    assert "Candidate" not in caught.value.message


def test_a_condition_that_raises_rejects_its_row() -> None:
    ran = run(
        inbound({}, where="N::INTEGER > 1"),
        {"Id": "1", "N": "x"},
        {"Id": "2", "N": "2"},
        {"Id": "3", "N": "0"},
    )
    assert ran.codes == [("1", "where", "value.invalid")]
    assert (ran.counts.mapped, ran.counts.out_of_scope) == (1, 1)


def test_an_unknown_code_in_a_condition_rejects_its_row() -> None:
    records = [{"Id": str(number), "C": code} for number, code in enumerate(["GER", "XX", "NO", None])]
    ran = run(inbound({}, where="code('country', C) = 'DE'"), *records)
    assert ran.codes == [("1", "where", "code.unknown")]
    assert (ran.counts.read, ran.counts.mapped, ran.counts.out_of_scope) == (4, 1, 2)


def test_a_condition_that_is_null_is_out_of_scope() -> None:
    ran = run(inbound({}, where="Kind = 'a'"), {"Id": "1", "Kind": "a"}, {"Id": "2"})
    assert (ran.counts.mapped, ran.counts.out_of_scope, ran.counts.rejected) == (1, 1, 0)


def test_a_record_with_several_problems_is_one_rejected_record() -> None:
    ran = run(inbound({"count": "N", "born": "B"}), {"Id": "1", "N": "x", "B": "y"})
    assert (ran.counts.rejected, ran.counts.problems) == (1, 2)


def test_a_classified_value_is_not_told_in_the_reason() -> None:
    ran = run(inbound({"pay": "P"}), {"Id": "1", "P": "secret-7"})
    assert "secret" not in ran.problems[0]["message"]


def test_a_fraction_is_no_whole_number() -> None:
    ran = run(inbound({"count": "N"}), {"Id": "1", "N": 1.5}, {"Id": "2", "N": 2.0})
    assert ran.codes == [("1", "count", "value.fraction")]
    assert ran.rows[0]["count"] == 2


def test_a_record_of_another_shape_is_rejected_not_emptied() -> None:
    rules = {"name": "a.b", "tags": "list_transform(l, x -> x.y)"}
    ran = run(
        inbound(rules), {"Id": "1", "l": "text"}, {"Id": "2", "a": [1]}, {"Id": "3", "a": "", "l": None}
    )
    assert ran.codes == [("1", "", "record.shape"), ("2", "", "record.shape")]
    assert ran.problems[0]["message"] == "l is not a list"


@pytest.mark.parametrize(
    ("field", "good", "bad", "code"),
    [
        ({"required": True}, "x", None, "required"),
        ({"required": True}, "x", "", "required"),
        ({"format": "email"}, "Max.M+x@example.co.uk", "bad-mail", "format.email"),
        ({"format": "email"}, "张伟@例子.中国", "a@b@c.de", "format.email"),
        ({"format": "phone"}, "+49 (30) 1234-56", "call me", "format.phone"),
        ({"format": "url"}, "https://example.com/a?b", "example.com", "format.url"),
        ({"pattern": "[A-Z]{2}[0-9]+"}, "DE12", "DE12x", "format.pattern"),
        ({"max_length": 2}, "张伟", "abc", "value.too_long"),
        ({"type": "integer", "min": 0}, 0, -1, "value.too_small"),
        ({"type": "decimal", "max": 9.5}, "9.5", "9.51", "value.too_large"),
        ({"type": "decimal", "digits": 4, "scale": 2}, "99.99", "100", "value.invalid"),
        ({"type": "code", "list": "country"}, "DE", "XX", "code.unknown"),
        ({"many": True, "max_length": 1}, ["a", "b"], ["a", "bc"], "value.too_long"),
        ({"many": True, "required": True}, ["a"], [], "required"),
    ],
)
def test_a_models_demands_are_checked(field: dict[str, Any], good: object, bad: object, code: str) -> None:
    model = {"model": "person", "level": "L1", "key": ["no"], "fields": {"no": {}, "it": field}}
    rule = "list_transform(V, x -> x)" if field.get("many") else "V"
    ran = run(inbound({"it": rule}), {"Id": "1", "V": good}, {"Id": "2", "V": bad}, models=(model,))
    assert [row["_key"] for row in ran.rows] == ["1"]
    assert ran.codes == [("2", "it", code)]


def test_a_code_is_translated_inwards_and_an_unknown_one_rejected() -> None:
    records = [
        {"Id": str(number), "C": code}
        for number, code in enumerate(["GER", "CN", "DE", "XX", "", None, " D "])
    ]
    ran = run(inbound({"country": "code('country', C)"}), *records)
    assert {row["_key"]: row["country"] for row in ran.rows} == {
        "0": "DE",
        "1": "CN",
        "4": None,
        "5": None,
        "6": "DE",
    }
    assert ran.codes == [("2", "country", "code.unknown"), ("3", "country", "code.unknown")]


def test_a_code_counts_only_in_the_branch_that_is_taken() -> None:
    code = "code('country', C)"
    rule = f"CASE WHEN K = 'a' THEN {code} WHEN K = 'b' THEN 'NO' ELSE if(K = 'c', {code}, 'CN') END"
    records = [{"Id": kind, "K": kind, "C": "XX"} for kind in "abcd"]
    ran = run(inbound({"country": rule}), *records)
    assert {row["_key"]: row["country"] for row in ran.rows} == {"b": "NO", "d": "CN"}
    assert ran.codes == [("a", "country", "code.unknown"), ("c", "country", "code.unknown")]


def test_an_unknown_code_may_be_null_where_the_list_says_so() -> None:
    lenient = {"codes": "country", "values": {"DE": ""}, "missing": "null"}
    ran = run(inbound({"country": "code('country', C)"}), {"Id": "1", "C": "XX"}, codes=(lenient,))
    assert ran.rows[0]["country"] is None


def test_codes_go_out_in_the_targets_words() -> None:
    out = {
        "mapping": "out",
        "from": "person",
        "into": "crm.c",
        "key": "n",
        "fields": {"n": "no", "c": "code('country', country)"},
    }
    ran = run(out, {"no": "1", "country": "DE"}, {"no": "2", "country": "NO", "id": "2"})
    assert [row["c"] for row in ran.rows] == ["276", "NO"]


def test_pinyin_is_made_in_several_styles() -> None:
    for style, latin in (
        ("capitalized", "Zhang Wei"),
        ("joined", "ZhangWei"),
        ("lower", "zhang wei"),
        ("initials", "ZW"),
    ):
        assert values({"name": f"pinyin(N, '{style}')"}, {"N": "张伟"})["name"] == latin
    assert values({"name": "pinyin(N)"}, {"N": "ACME 上海"})["name"] == "ACME Shang Hai"


def test_lookups_may_feed_each_other() -> None:
    codes = {"codes": "city", "values": {"SH": ""}, "systems": {"hr": {"Shang Hai": "SH"}}}
    ran = run(inbound({"name": "code('city', pinyin(N))"}), {"Id": "1", "N": "上海"}, codes=(codes,))
    assert ran.rows[0]["name"] == "SH"


def test_a_reference_is_the_sources_key() -> None:
    assert values({"boss": "ref('person', B)"}, {"B": 7})["boss"] == "7"
    assert values({"boss": "ref('person', B)"}, {"B": " "})["boss"] is None
    assert values({"boss": "ref('person', A, B)"}, {"A": 1, "B": 'x"张'})["boss"] == key_text(["1", 'x"张'])
    assert values({"boss": "ref('person', A, B)"}, {})["boss"] is None


def test_keys_in_other_systems_come_from_the_provider() -> None:
    out = {
        "mapping": "out",
        "from": "person",
        "into": "crm.c",
        "key": "n",
        "fields": {"n": "no", "own": "key_in('crm', id)", "boss": "key_in('crm', boss)"},
    }
    asked: list[tuple[Lookup, list[object]]] = []

    def provide(lookup: Lookup, inputs: pa.Array[Any]) -> pa.Table:
        asked.append((lookup, inputs.to_pylist()))
        return pa.table([["e1"], ["K1"]], schema=ANSWER)

    records = [{"id": "e1", "no": "1", "boss": "e1"}, {"id": "e2", "no": "2", "boss": "e1"}]
    ran = run(out, *records, provider=provide)
    assert [(row["own"], row["boss"]) for row in ran.rows] == [("K1", "K1"), (None, "K1")]
    assert sorted(inputs for _, inputs in asked) == [["e1"], ["e1", "e2"]] or len(asked) == 2


def test_parse_date_takes_the_first_format_that_fits() -> None:
    rule = {"born": "parse_date(B, '%Y-%m-%d', '%d.%m.%Y')"}
    records = [
        {"Id": str(number), "B": text}
        for number, text in enumerate(["2000-02-01", "01.02.2000", " ", "31.31.2000"])
    ]
    ran = run(inbound(rule), *records)
    assert [row["born"] for row in ran.rows] == ["2000-02-01", "2000-02-01", None]
    assert ran.problems[0]["message"] == '"31.31.2000" fits no format given'


def test_each_gives_one_output_per_element_with_its_own_key() -> None:
    mapping = inbound(
        {"count": "p.N", "name": "Name || p.N"}, each="Positions as p", key="p.Id", where="p.N <> '0'"
    )
    mapping["fields"]["no"] = "p.Id"
    positions = [{"Id": "x", "N": 1}, {"Id": "y", "N": "?"}, {"Id": "z", "N": 0}]
    ran = run(
        mapping, {"Id": "1", "Name": "a", "Positions": positions}, {"Id": "2", "Positions": []}, {"Id": "3"}
    )
    assert [(row["_key"], row["_parent"], row["name"]) for row in ran.rows] == [
        (key_text(["1", "x"]), "1", "a1")
    ]
    assert ran.codes == [(key_text(["1", "y"]), "count", "value.invalid")]
    assert (ran.counts.read, ran.counts.mapped, ran.counts.out_of_scope, ran.counts.rejected) == (3, 1, 1, 1)


def test_typed_fields_of_elements_are_taken_as_those_of_the_record_are() -> None:
    typed = (Field("N", "decimal"), Field("I", "integer"), Field("D", "date"), Field("K"))
    there: dict[str, Any] = {"fields": {"people": (Field("Id"), Field("P", many=True, fields=typed))}}
    mapping = inbound({"pay": "p.N", "count": "p.I", "born": "p.D"}, each="P as p", key="p.K")
    full = {"K": "a", "N": "4.50", "I": 7, "D": "2000-02-01"}
    others = [{"K": "b", "N": "", "I": "", "D": ""}, {"K": "c"}, {"K": "d", "N": "much"}]
    ran = run(mapping, {"Id": "1", "P": [full, *others]}, **there)
    shown = [(row["pay"], row["count"], row["born"]) for row in ran.rows]
    assert shown == [(4.5, 7, "2000-02-01"), (None, None, None), (None, None, None)]
    assert ran.codes == [(key_text(["1", "d"]), "pay", "value.invalid")]


def test_a_typed_list_of_numbers_can_be_summed() -> None:
    fields = (
        Field("Id"),
        Field("L", "integer", many=True),
        Field("P", many=True, fields=(Field("N", "decimal"),)),
    )
    there: dict[str, Any] = {"fields": {"people": fields}}
    assert values({"count": "list_sum(L)"}, {"L": [1, "2"]}, **there)["count"] == 3
    assert values({"count": "len(P)"}, {"P": [{"N": 1}, {}]}, **there)["count"] == 2
    assert (
        values({"pay": "list_sum(list_transform(P, p -> p.N * 2))"}, {"P": [{"N": 1.5}, {"N": 1}]}, **there)[
            "pay"
        ]
        == 5
    )


def test_a_joined_resource_is_read_under_its_alias() -> None:
    mapping = inbound({"name": "bank[1].Iban", "count": "list_count(bank)"})
    mapping["with"] = {
        "bank": {"from": "hr.banks", "on": "bank.Person = Id AND bank.Kind = Kind", "many": True}
    }
    there = workspace(mapping)
    (join,) = compile_mapping(there.mapping("people"), there)[0].joins
    assert (join.system, join.resource, join.many, join.paths) == (
        "hr",
        "banks",
        True,
        ("Iban", "Kind", "Person"),
    )
    assert join.pairs[0] == ('CAST(r."Id" AS VARCHAR)', 'CAST(j."Person" AS VARCHAR)')
    ran = run(mapping, {"Id": "1", "bank": [{"Iban": "X", "Person": "1"}]})
    assert (ran.rows[0]["name"], ran.rows[0]["count"]) == ("X", 1)


def test_a_field_may_be_named_like_anything() -> None:
    record = {"key": "a", "hash": "b", "r": "c", "select": "d", 'say "x"': "e", "l0_0": "f", "shape": "g"}
    rule = 'concat_ws(\'\', "key", hash, r, "select", "say ""x""", l0_0, shape)'
    assert values({"name": rule}, record)["name"] == "abcdefg"
    assert values({"tags": "list_transform(v, r -> r || key)"}, {**record, "v": ["x"]})["tags"] == ["xa"]


def test_an_output_field_may_be_named_like_a_column_of_ours() -> None:
    out = {
        "mapping": "o",
        "from": "person",
        "into": "crm.c",
        "fields": {"r": "no", "e": "name", "shape": "no"},
    }
    assert [row["r"] for row in run(out, {"no": "1", "name": "x"}).rows] == ["1"]
    fields = {"r": {"required": True}, "s": {"format": "email"}}
    model = {"model": "person", "level": "L1", "key": ["r"], "fields": fields}
    mapping = {"mapping": "people", "from": "hr.p", "into": "person", "fields": {"r": "Id", "s": "M"}}
    assert run(mapping, {"Id": "1", "M": "x"}, models=(model,)).codes == [("1", "s", "format.email")]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
        ),
        max_size=8,
    )
)
def test_every_record_is_mapped_or_rejected_whatever_its_values(found: list[object]) -> None:
    rules = {"count": "V", "born": "V::DATE", "pay": "V::DOUBLE / 2", "country": "code('country', V)"}
    mapping = inbound(rules)
    there = workspace(mapping)
    one = compile_mapping(there.mapping("people"), there)[0]
    with memory() as con:
        records = [{"Id": str(number), "V": value} for number, value in enumerate(found)]
        counts = evaluate(con, one, relation(con, one, there, records) if records else _none(con, one.record))
    assert counts.read == len(found) == counts.mapped + counts.rejected


def _none(con: Any, record: str) -> str:
    return f"SELECT '' AS key, 0 AS hash, CAST(NULL AS {record}) AS r WHERE false"


def test_the_outputs_of_a_list_are_compiled_apart() -> None:
    mapping = {
        "mapping": "people",
        "from": "hr.people",
        "key": "Id",
        "into": [
            {"into": "person", "fields": {"no": "Id"}},
            {"into": "person", "each": "L as l", "key": "l.N", "fields": {"no": "l.N"}},
        ],
    }
    record = {"Id": "1", "L": [{"N": "a"}, {"N": "b"}]}
    assert [row["no"] for row in run(mapping, record).rows] == ["1"]
    assert [row["no"] for row in run(mapping, record, output=1).rows] == ["a", "b"]
    assert PERSON["model"] == "person"
