"""The YAML reader: YAML 1.2 scalars, what is refused, and where things stand."""

from __future__ import annotations

import math

import pytest

from hub.workspace.yaml import MAX_BYTES, read

SCALARS = [
    ("on", "on"), ("off", "off"), ("yes", "yes"), ("NO", "NO"), ("y", "y"),
    ("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"),
    ("~", None), ("null", None), ("Null", None), ("NULL", None), ("", None), ("nULL", "nULL"),
    ("0o17", 15), ("0x1F", 31), ("017", 17), ("0123", 123), ("0b11", "0b11"), ("-5", -5), ("+12", 12),
    ("1_000", "1_000"), ("12:30", "12:30"), ("190:20:30", "190:20:30"), ("1,000", "1,000"),
    ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-2", -0.015), ("1e", "1e"), (".", "."),
    (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"),
    ("2024-01-31", "2024-01-31"), ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
    ("2%", "2%"), ("15m", "15m"), ("=", "="), ("<<", "<<"), ("1.2.3", "1.2.3"),
    ("'1'", "1"), ('"true"', "true"),
    ("'~'", "~"), ("0o8", "0o8"), ("0xG", "0xG"), ("--1", "--1"), ("0-1", "0-1"),
]  # fmt: skip


def value(text: str) -> object:
    located, findings = read(text)
    assert findings == []
    assert located is not None
    return located.value


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, expected: object) -> None:
    found = value(f"a: {text}")
    assert found == {"a": expected}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(expected)


def test_not_a_number_is_read() -> None:
    found = value("[.nan, .NaN]")
    assert isinstance(found, list)
    assert all(math.isnan(one) for one in found)


def test_keys_are_the_text_as_written() -> None:
    assert value("{NO: a, on: b, 001: c, 12:30: d, true: e, ~: f, 'x y': g}") == {
        "NO": "a", "on": "b", "001": "c", "12:30": "d", "true": "e", "~": "f", "x y": "g",
    }  # fmt: skip


def test_block_texts_and_a_byte_order_mark_are_read() -> None:
    assert value("\ufeffa: |\n  1\n  2\nb: >-\n  x\n  y\n") == {"a": "1\n2\n", "b": "x y"}


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        ("a:\n\tb: 1", "yaml.syntax", (2, 1), "spaces"),
        ("a:\n  - x\n\t- y", "yaml.syntax", (3, 1), "spaces"),
        ("a: b: c", "yaml.syntax", (1, 5), "quotes"),
        ("a: @x", "yaml.syntax", (1, 4), "starts with @"),
        ("a: 'x", "yaml.syntax", (1, 6), "close the quotes"),
        ("a: {b: 1", "yaml.syntax", (2, 1), "close the bracket"),
        ('a: "\\q"', "yaml.syntax", (1, 5), "single quotes"),
        ("a:\n  b: 1\n c: 2", "yaml.syntax", (3, 2), "indentation"),
        ("a: 1\nb: \x07", "yaml.syntax", (2, 4), "remove"),
        ("a: !!str 1", "yaml.tag", (1, 4), "leave the tag out"),
        ("a: !!python/object:os.system {}", "yaml.tag", (1, 4), "leave the tag out"),
        ("a: 1\nb: 2\na: 3", "yaml.duplicate", (3, 1), "remove one"),
        ("a: &x 1", "yaml.alias", (1, 4), "write the value out"),
        ("a: *x", "yaml.alias", (1, 4), "write the value out"),
        ("a: 1\n---\nb: 2", "yaml.documents", (2, 1), "two files"),
        ("? [a]\n: 1", "yaml.key", (1, 3), "quotes"),
        ("# nothing", "yaml.empty", (1, 1), "remove the file"),
        ("[" * 5000, "yaml.depth", (1, 40), "flatter"),
        ("a: " + "9" * 5000, "yaml.number", (1, 4), "quotes"),
    ],
)
def test_what_is_refused_names_line_column_and_remedy(
    text: str, code: str, place: tuple[int, int], hint: str
) -> None:
    _, findings = read(text, "f.yaml")
    assert [(one.code, one.line, one.column) for one in findings] == [(code, *place)]
    assert findings[0].level == "error"
    assert hint in findings[0].hint


def test_files_that_are_too_large_or_not_utf8_are_refused() -> None:
    assert [one.code for one in read(b"a" * (MAX_BYTES + 1))[1]] == ["yaml.size"]
    assert [one.code for one in read("a: é".encode("latin-1"))[1]] == ["yaml.encoding"]
    assert [one.code for one in read("a: 1".encode("utf-16"))[1]] == ["yaml.encoding"]


def test_an_alias_bomb_is_refused_before_it_is_composed() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    located, findings = read("\n".join(lines))
    assert located is None
    assert {one.code for one in findings} == {"yaml.alias"}
    assert len(findings) == 10


def test_stars_and_ampersands_inside_text_are_no_aliases() -> None:
    assert value("a: price *2 & tax\nb: '*x'\nc: [x *y, '&z']") == {
        "a": "price *2 & tax", "b": "*x", "c": ["x *y", "&z"],
    }  # fmt: skip


def test_two_duplicates_and_a_tag_are_all_found_and_the_first_value_counts() -> None:
    located, findings = read("a: 1\na: 2\nb: {c: !x y, c: 4}")
    assert [(one.code, one.line) for one in findings] == [
        ("yaml.duplicate", 2), ("yaml.tag", 3), ("yaml.duplicate", 3),
    ]  # fmt: skip
    assert located is not None
    assert located.value == {"a": 1, "b": {"c": "y"}}


TEXT = """\
from: a.b
into:
  - into: x
    fields:
      name: {value: 1}
      "on": 2
"""


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        (("from",), (1, 7)),
        (("from", "[key]"), (1, 1)),
        (("into",), (2, 1)),
        (("into", "list[Output]", 0, "fields", "name", "function-before[<lambda>()]", "value"), (5, 21)),
        (("into", 0, "fields", "on", "[key]"), (6, 7)),
        (("into", 0, "fields", "missing"), (4, 5)),
        (("into", 5), (2, 1)),
        (("nothing", "here"), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_a_pydantic_location_leads_to_its_line_and_column(
    loc: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    located, _ = read(TEXT)
    assert located is not None
    assert located.locate(loc) == place
