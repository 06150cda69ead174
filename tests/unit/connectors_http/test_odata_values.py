"""Literals, keys and V2's own times."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.odata.edmx import Property, Type
from connectors.odata.values import iso, key_of_address, literal, predicate, split_key, to_json
from hub.errors import RecordRejected

GUID = "00163e30-4e2a-1ed8-8483-a08c52249f04"


def prop(kind: str, *, day: bool = False) -> Property:
    return Property("p", kind, date=day)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("Edm.DateTime", "/Date(1518393600000)/", "2018-02-12T00:00:00"),
        ("Edm.DateTime", "/Date(-86400000)/", "1969-12-31T00:00:00"),
        ("Edm.DateTime", "/Date(-62135596800000)/", "0001-01-01T00:00:00"),
        ("Edm.DateTime", "/Date(253402214400000)/", "9999-12-31T00:00:00"),
        ("Edm.DateTime", "/Date(1618796144000+0000)/", "2021-04-19T01:35:44Z"),
        ("Edm.DateTimeOffset", "/Date(1618796144123+0060)/", "2021-04-19T02:35:44.123+01:00"),
        ("Edm.DateTimeOffset", "/Date(1618796144000)/", "2021-04-19T01:35:44Z"),
        ("Edm.Time", "PT17H49M05S", "17:49:05"),
        ("Edm.Time", "P0DT01H", "01:00:00"),
        ("Edm.DateTime", "2018-02-12", "2018-02-12"),
    ],
)
def test_v2_times_become_iso(kind: str, text: str, expected: str):
    assert iso(prop(kind), text) == expected


def test_a_v2_day_has_no_time():
    assert iso(prop("Edm.DateTime", day=True), "/Date(1518393600000)/") == "2018-02-12"


@pytest.mark.parametrize(
    ("kind", "value", "v2", "v4"),
    [
        ("Edm.String", "O'Neil", "'O''Neil'", "'O''Neil'"),
        ("Edm.Int32", 7, "7", "7"),
        ("Edm.Int64", "7", "7L", "7"),
        ("Edm.Decimal", Decimal("1.50"), "1.50M", "1.50"),
        ("Edm.Boolean", True, "true", "true"),
        ("Edm.Guid", GUID, f"guid'{GUID}'", GUID),
        ("Edm.DateTimeOffset", "2026-01-02T03:04+01:00", "datetimeoffset'2026-01-02T02:04:00Z'",
         "2026-01-02T02:04:00Z"),
        ("Edm.DateTime", "2026-01-02", "datetime'2026-01-02T00:00:00'", "datetime'2026-01-02T00:00:00'"),
        ("Edm.Date", "2026-01-02T00:00:00", "2026-01-02", "2026-01-02"),
        ("Edm.Time", "17:49:05", "time'PT17H49M05S'", "time'PT17H49M05S'"),
    ],
)  # fmt: skip
def test_literals_follow_the_type_and_the_version(kind: str, value: Any, v2: str, v4: str):
    assert (literal(prop(kind), value, 2), literal(prop(kind), value, 4)) == (v2, v4)


@pytest.mark.parametrize(
    ("kind", "value", "v2", "v4"),
    [
        ("Edm.Decimal", Decimal("1.50"), b'"1.50"', b"1.50"),
        ("Edm.Int64", "9007199254740993", b'"9007199254740993"', b"9007199254740993"),
        ("Edm.Boolean", "true", b"true", b"true"),
        ("Edm.String", 7, b'"7"', b'"7"'),
        ("Edm.DateTime", date(2018, 2, 12), b'"/Date(1518393600000)/"', b'"/Date(1518393600000)/"'),
        (
            "Edm.DateTimeOffset",
            datetime(2018, 2, 12),
            b'"/Date(1518393600000+0000)/"',
            b'"2018-02-12T00:00:00Z"',
        ),
        ("Edm.Time", "17:49:05", b'"PT17H49M05S"', b'"PT17H49M05S"'),
        ("Edm.String", None, b"null", b"null"),
    ],
)
def test_bodies_follow_the_type_and_the_version(kind: str, value: Any, v2: bytes, v4: bytes):
    assert msgspec.json.encode(to_json(prop(kind), value, 2)) == v2
    assert msgspec.json.encode(to_json(prop(kind), value, 4)) == v4


@pytest.mark.parametrize(
    ("kind", "value"),
    [("Edm.Int32", "x"), ("Edm.DateTime", "soon"), ("Edm.Decimal", "1,5"), ("Edm.Boolean", "maybe")],
)
def test_a_value_that_does_not_fit_rejects_the_record(kind: str, value: str):
    with pytest.raises(RecordRejected) as caught:
        to_json(prop(kind), value, 2)
    assert (caught.value.code, caught.value.where) == ("value.type", "p")


@pytest.mark.parametrize(
    "kind", ["Int32", "Int64", "Decimal", "Boolean", "Guid", "Date", "DateTime", "Duration", "Time"]
)
def test_a_value_cannot_become_part_of_a_filter(kind: str):
    with pytest.raises(RecordRejected):
        literal(prop(f"Edm.{kind}"), "1 or 1 eq 1", 4)


PAIR = Type("t", ("A", "B"), {"A": Property("A", "Edm.String"), "B": Property("B", "Edm.Int64")})
DAY = Type("t", ("A",), {"A": Property("A", "Edm.DateTime", date=True)})
ONE = Type("t", ("A",), {"A": Property("A", "Edm.String")})


@pytest.mark.parametrize(
    ("type_", "values", "expected"),
    [
        (ONE, {"A": "a/b'c?"}, "('a%2Fb''c%3F')"),
        (PAIR, {"A": "a,b=(1)", "B": 7}, "(A='a%2Cb%3D%281%29',B=7L)"),
        (DAY, {"A": "2026-01-02"}, "(datetime'2026-01-02T00%3A00%3A00')"),
    ],
)
def test_a_key_predicate_is_quoted_and_read_back(type_: Type, values: dict[str, Any], expected: str):
    made = predicate(type_, values, 2)
    assert made == expected
    text = key_of_address(type_, f"http://host/service/Set{made}")
    assert text is not None
    assert split_key(type_, text) == {name: str(value) for name, value in values.items()}


def test_an_address_without_a_key_has_none():
    assert key_of_address(ONE, "http://host/service/Set") is None
