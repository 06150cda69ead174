"""What an expression may say, what it may not, and what becomes of its names."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.mapping.expressions import translate
from hub.mapping.functions import FUNCTIONS, REFUSED
from hub.mapping.record import Node
from hub.mapping.scope import Scope
from hub.workspace.shape import CodesFile
from tests.unit.mapping.bench import COUNTRY, values

OPEN = Scope(
    Node("object"),
    source="hr",
    codes={"country": CodesFile.model_validate(COUNTRY)},
    models=frozenset(("supplier", "person")),
    systems=frozenset(("hr", "crm")),
)
ADDRESS = Node("object", True, {"City": Node("text"), "Count": Node("integer")})
KNOWN = Scope(
    Node("object", fields={"Name": Node("text"), "Amount": Node("decimal"), "Address": ADDRESS}), source="hr"
)


def sql(text: str, scope: Scope = OPEN) -> str:
    expression, issues = translate(text, scope)
    assert expression is not None, issues
    return expression.sql


def refused(text: str, scope: Scope = OPEN) -> tuple[str, str, int]:
    expression, issues = translate(text, scope)
    assert expression is None
    return issues[0].code, issues[0].message + " / " + issues[0].hint, issues[0].column


PURE = sorted(name for name, function in FUNCTIONS.items() if name not in ("code", "key_in", "pinyin"))


@pytest.mark.parametrize("name", PURE)
def test_each_documented_example_gives_what_it_says(name: str) -> None:
    function = FUNCTIONS[name]
    found = duckdb.execute(f"SELECT {sql(function.example)}").fetchall()[0][0]
    assert (found, type(found)) == (function.gives, type(function.gives))


def test_the_examples_of_functions_that_join_give_what_they_say() -> None:
    row = values({"country": FUNCTIONS["code"].example, "name": FUNCTIONS["pinyin"].example}, {})
    assert row["country"] == FUNCTIONS["code"].gives
    assert row["name"] == FUNCTIONS["pinyin"].gives


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("(SELECT 1)", "expression.forbidden"),
        ("a IN (SELECT b FROM c)", "expression.forbidden"),
        ("EXISTS(SELECT 1)", "expression.forbidden"),
        ("SELECT 1", "expression.forbidden"),
        ("FROM t", "expression.forbidden"),
        ("WITH a AS (SELECT 1) SELECT 1", "expression.forbidden"),
        ("read_csv('/etc/passwd')", "expression.forbidden"),
        ("glob('/*')", "expression.forbidden"),
        ("getenv('HOME')", "expression.forbidden"),
        ("current_setting('x')", "expression.forbidden"),
        ("ATTACH 'x.db'", "expression.forbidden"),
        ("SET threads = 1", "expression.forbidden"),
        ("PRAGMA version", "expression.forbidden"),
        ("COPY a TO 'b'", "expression.forbidden"),
        ("a; DROP TABLE b", "expression.forbidden"),
        ("a;", "expression.forbidden"),
        ("count(*)", "expression.forbidden"),
        ("sum(a)", "expression.forbidden"),
        ("row_number() OVER ()", "expression.forbidden"),
        ("max(a) OVER (PARTITION BY b)", "expression.forbidden"),
        ("unnest(a)", "expression.forbidden"),
        ("*", "expression.forbidden"),
        ("a.*", "expression.forbidden"),
        ("COLUMNS('a')", "expression.forbidden"),
        ("$1", "expression.forbidden"),
        ("?", "expression.forbidden"),
        (":name", "expression.forbidden"),
        ("a AS b", "expression.syntax"),
        ("a COLLATE nocase", "expression.forbidden"),
        ("a::STRUCT(b INTEGER)", "expression.type"),
        ("a::no_such_type", "expression.type"),
        ("random()", "expression.volatile"),
        ("now()", "expression.volatile"),
        ("current_date", "expression.volatile"),
        ("gen_random_uuid()", "expression.volatile"),
        ("s.f(a)", "expression.forbidden"),
        ("f(x := 1)", "function.unknown"),
        ("trim(DISTINCT a)", "expression.forbidden"),
        ("upper(a", "expression.syntax"),
        ("'open", "expression.syntax"),
        ("", "expression.empty"),
        ("  -- only a comment", "expression.empty"),
        ("repeat(a, 100001)", "expression.grows"),
        ("repeat(a, b)", "expression.grows"),
        ("repeat(repeat('a', 100000), 100000)", "expression.grows"),
        ("lpad(a, 1000000, '0')", "expression.grows"),
        ("replace(repeat('a', 90000), 'a', repeat('b', 90000))", "expression.grows"),
        ("format('{:9999999}', a)", "expression.grows"),
        ("format(a, b)", "expression.grows"),
        ('extract("year) from x; --" from d)', "expression.syntax"),
        ("extract('year) from x; --' from d)", "expression.syntax"),
        ("range(0, 99999999)", "expression.grows"),
        ("list_transform(range(0, 1000), x -> repeat('a', 1000))", "expression.grows"),
        ("trim(a, b, c)", "function.arguments"),
        ("list_transform(a, b)", "function.arguments"),
        ("upper(x -> x)", "expression.forbidden"),
        ("(" * 70 + "a" + ")" * 70, "expression.too_deep"),
        ("NOT " * 70 + "a", "expression.too_deep"),
        (" + ".join(["a"] * 500), "expression.too_deep"),
        ("a" * 9000, "expression.too_long"),
        ("code('nowhere', a)", "code.list"),
        ("code(list, a)", "expression.constant"),
        ("list_transform(a, x -> code('country', x.c))", "expression.lambda_lookup"),
        ("ref('nobody', a)", "ref.model"),
        ("upper(ref('person', a))", "ref.part"),
        ("key_in('crm', a)", "key_in.direction"),
        ("key_in('nowhere', a)", "key_in.system"),
        ("pinyin(a, 'loud')", "pinyin.style"),
        ("parse_date(a, 'yyyy')", "parse_date.format"),
    ],
)
def test_what_is_no_expression_over_one_record_is_refused(text: str, code: str) -> None:
    assert refused(text)[0] == code


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_no_refused_function_is_allowed_as_well(name: str) -> None:
    assert name not in FUNCTIONS


def test_a_misspelt_function_is_answered_with_the_nearest() -> None:
    assert refused("upper(triim(a))") == (
        "function.unknown",
        "there is no function triim() / did you mean trim?",
        7,
    )


def test_an_unknown_field_is_answered_with_the_nearest_and_its_column() -> None:
    code, message, column = refused("upper(Nmae)", KNOWN)
    assert (code, column) == ("field.unknown", 7)
    assert message == "the record has no field Nmae / did you mean Name?"


def test_a_field_name_is_case_sensitive() -> None:
    assert refused("name", KNOWN)[0] == "field.unknown"


def test_a_field_of_a_list_needs_an_element() -> None:
    code, message, _ = refused("Address.City", KNOWN)
    assert code == "field.list"
    assert "Address[1].City" in message
    assert refused("Name[1]", KNOWN)[0] == "field.list"
    assert refused("Name.First", KNOWN)[0] == "field.unknown"


def test_comments_and_the_authors_text_do_not_survive() -> None:
    assert sql("upper(a /* '); DROP TABLE b; -- */ ) -- c") == 'UPPER(r."a")'


def test_names_become_quoted_paths_below_the_record() -> None:
    assert sql('to_A[1]."select".c') == 'r."to_A"[1]."select"."c"'
    assert sql("code") == 'r."code"'
    assert sql('"say ""hi"""') == 'r."say ""hi"""'


def test_a_declared_type_is_cast_and_a_text_is_not() -> None:
    assert sql("Amount * 2", KNOWN) == 'CAST(r."Amount" AS DECIMAL(18, 6)) * 2'
    assert sql("Name", KNOWN) == 'r."Name"'
    assert sql("list_transform(Address, a -> a.Count + 1)", KNOWN).endswith(
        'CAST("l0_0"."Count" AS BIGINT) + 1)'
    )


def test_parts_of_dates_are_words_of_the_grammar_only() -> None:
    assert sql("extract('Year' from d)") == 'EXTRACT(YEAR FROM r."d")'
    assert sql("d::DATE + INTERVAL 2 days") == "CAST(r.\"d\" AS DATE) + INTERVAL '2' DAYS"
    assert sql('"current_date"') == 'r."current_date"'


def test_both_ways_to_write_a_lambda_are_one() -> None:
    assert sql("list_filter(a, x -> x.b = 1)") == sql("list_filter(a, lambda x: x.b = 1)")


def test_a_lambda_may_read_the_record_and_outer_lambdas() -> None:
    expression, _ = translate("list_transform(a, x -> list_filter(x.b, y -> y.c = x.d AND y.c = e))", OPEN)
    assert expression is not None
    assert set(expression.inputs) == {
        ("a", "[]"),
        ("a", "[]", "b", "[]"),
        ("a", "[]", "b", "[]", "c"),
        ("a", "[]", "d"),
        ("e",),
    }


def test_nested_list_functions_take_no_time() -> None:
    text = "a"
    for _ in range(25):
        text = f"list_filter({text}, x -> x.b = 1)"
    assert sql(text).count("LIST_FILTER") == 25


@pytest.mark.parametrize("text", ["0/!0", "-(1 - !(2 - !a))", "a = !b", "a in (!b, 1)", "a between !b and 1"])
def test_a_negation_within_an_operation_stays_one_term(text: str) -> None:
    expression, _ = translate(text, OPEN)
    assert expression is not None
    assert len(duckdb.extract_statements(f"SELECT {expression.sql}")) == 1



@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.sampled_from(list("abr.()[]{}'\"0123 ,;:$?*+-/<>=|!~@#%^&\\\n_xXA中é")), max_size=40)
)
def test_any_text_is_an_expression_that_duckdb_parses_or_an_issue(text: str) -> None:
    expression, issues = translate(text, OPEN)
    if expression is None:
        assert issues
        assert all(issue.column >= 1 for issue in issues)
    else:
        assert len(duckdb.extract_statements(f"SELECT {expression.sql}")) == 1


WORDS = (
    r"""
a;b.c;1;'x';+;||;and;not;(;);[1];upper(;list_filter(;x -> x.y;,;case when;then;else;end;is null;in ('a')
::date;between;like;-;/;is not true;{'k': 1};.d;[1:2];**
""".strip()
    .replace("\n", ";")
    .split(";")
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_any_row_of_words_is_one_expression_or_an_issue(words: list[str]) -> None:
    expression, issues = translate(" ".join(words), OPEN)
    assert expression is not None or issues
    if expression is not None:
        try:
            assert len(duckdb.extract_statements(f"SELECT {expression.sql}")) == 1
        except duckdb.ParserException:
            assert re.search("IS|LIKE|BETWEEN|IN|::|CAST", expression.sql), (
                "only chained comparisons may not parse"
            )


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text))
def test_a_text_in_quotes_stays_the_text(text: str) -> None:
    quoted: Any = text.replace("'", "''")
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert duckdb.execute(f"SELECT {sql(f'''concat('{quoted}')''')}").fetchall() == [(text,)]
