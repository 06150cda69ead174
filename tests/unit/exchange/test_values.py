"""Values arrive exactly as they were, on every database."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

THING = """
    model: thing
    key: [code]
    fields:
      code: {type: text, required: true}
      words: {type: text}
      amount: {type: decimal, digits: 38, scale: 2}
      number: {type: integer}
      flag: {type: boolean}
      day: {type: date}
      moment: {type: datetime}
      tags: {type: text, many: true}
      extra: {type: json}
"""
FIELDS = (
    "{id: text, words: text, amount: decimal, number: integer, flag: boolean, day: date, moment: datetime, "
    "tags: json, extra: json}"
)
THINGS = """
    mapping: things
    from: lab.things
    into: thing
    fields:
      code: id
      words: words
      amount: amount
      number: number
      flag: flag
      day: day
      moment: moment
      tags: CAST(tags AS VARCHAR[])
      extra: extra
    unmatched: create
"""


@pytest.fixture(autouse=True)
def lab(world: World) -> None:
    world.model(THING)
    world.files("lab", things=FIELDS)
    world.mapping(THINGS)


def kept(world: World, **values: Any) -> dict[str, Any]:
    return all_kept(world, values)[0]


def all_kept(world: World, *records: dict[str, Any]) -> list[dict[str, Any]]:
    """The golden rows of records that are read once, and a second time for nothing."""
    count = len(records)
    result = world.first(
        "lab.things", *({"id": str(n), **values} for n, values in enumerate(records, 1)), mapping="things"
    )
    assert world.held("things") == []
    assert some(result, "read", "applied") == {"read": count, "applied": count}
    assert some(world.run("things")) == {"read": count, "unchanged": count}
    golden = world.golden("thing")
    return [golden[str(n)] for n in range(1, count + 1)]


def as_given(world: World, field: str, *values: Any) -> list[Any]:
    """What became of values of one field, one record each."""
    return [row[field] for row in all_kept(world, *({field: value} for value in values))]


def test_text(world: World):
    words = [
        "岚海医疗集团",
        "😀👩‍👩‍👧 é",
        'it\'s; -- "quoted" \\ %s :name {x}',
        " blank ",
        "a\tb\nc",
        "Ｆｕｌｌ",
        "0",
    ]
    assert as_given(world, "words", *words) == words


def test_decimals_are_exact(world: World):
    amounts = ["12345678901234567890.12", "-0.01", "0.1", "999999999999999999999999999999999999.99", "7"]
    assert as_given(world, "amount", *amounts) == [Decimal(amount) for amount in amounts]


def test_a_long_number_without_quotes_is_exact_too(world: World):
    (world.data / "lab-things.ndjson").write_text('{"id": "1", "amount": 12345678901234567890.12}\n')
    world.run("things")
    assert world.golden("thing")["1"]["amount"] == Decimal("12345678901234567890.12")


def test_a_decimal_with_too_many_places_is_not_rounded_in_silence(world: World):
    world.first("lab.things", {"id": "1", "amount": "1.239"}, mapping="things")
    golden = world.golden("thing")
    assert ("1" not in golden and world.held("things")) or golden["1"]["amount"] == Decimal("1.24")


def test_integers_and_booleans(world: World):
    numbers = [0, -1, 2**63 - 1, -(2**63)]
    assert as_given(world, "number", *numbers) == numbers
    assert as_given(world, "flag", True, False) == [True, False]


def test_dates(world: World):
    days = ["2026-02-28", "1900-01-01", "9999-12-31", "0001-01-01"]
    assert as_given(world, "day", *days) == [dt.date.fromisoformat(day) for day in days]


def test_moments_are_kept_in_utc(world: World):
    moments = {
        "2026-03-29T01:30:00Z": "2026-03-29T01:30:00",
        "2026-03-29T01:30:00+08:00": "2026-03-28T17:30:00",
        "2026-03-29 01:30:00.123456-03:30": "2026-03-29T05:00:00.123456",
        "1969-12-31T23:59:59Z": "1969-12-31T23:59:59",
    }
    found = as_given(world, "moment", *moments)
    assert found == [dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC) for utc in moments.values()]


def test_lists_keep_their_order_and_their_texts(world: World):
    assert json.loads(kept(world, tags=["b", "a", '岚, "x"', ""])["tags"]) == ["b", "a", '岚, "x"', ""]


def test_json_keeps_its_shape(world: World):
    extras = [{"a": [1, {"b": None}], "岚": "é"}, [1, 2], "text"]
    assert [json.loads(found) for found in as_given(world, "extra", *extras)] == extras


def test_what_is_not_there_is_null(world: World):
    row = kept(world)
    assert {name: value for name, value in row.items() if name[0] != "_" and value is not None} == {
        "code": "1"
    }


def test_every_value_changes_and_is_taken_back(world: World):
    first = {"words": "a", "amount": "1.10", "number": 1, "flag": True, "day": "2026-01-01"}
    first |= {"moment": "2026-01-01T00:00:00Z", "tags": ["x"], "extra": {"a": 1}}
    second = {"words": "b", "amount": "1.11", "number": 2, "flag": False, "day": "2026-01-02"}
    second |= {"moment": "2026-01-01T00:00:01Z", "tags": ["y"], "extra": {"a": 2}}
    kept(world, **first)
    row = kept(world, **second)
    assert (row["words"], row["amount"], row["number"], row["flag"]) == ("b", Decimal("1.11"), 2, False)
    assert (row["_version"], row["day"], json.loads(row["extra"])) == (2, dt.date(2026, 1, 2), {"a": 2})
    empty = kept(world)
    assert {value for name, value in empty.items() if name[0] != "_"} == {"1", None}


def test_a_value_that_is_written_another_way_is_no_change(world: World):
    kept(world, amount="1.10", moment="2026-01-01T08:00:00+08:00", number=1)
    world.put("lab.things", {"id": "1", "amount": "1.1", "moment": "2026-01-01T00:00:00Z", "number": "1"})
    assert some(world.run("things")) == {"read": 1, "unchanged": 1}


def test_bad_values_name_their_field(world: World):
    bad = {"amount": "much", "number": "1.5x", "flag": "perhaps", "day": "2026-02-30", "moment": "soon"}
    world.first("lab.things", {"id": "1", **bad}, mapping="things")
    assert sorted(entry["field"] for entry in world.held("things")) == sorted(bad)
    assert world.golden("thing") == {}


def test_unique_and_match_on_values_that_are_no_text(world: World):
    world.model(THING.replace("amount: {type: decimal,", "amount: {type: decimal, unique: true,"))
    world.mapping(THINGS, match="[[day, number]]")
    world.first(
        "lab.things", {"id": "1", "amount": "1.10", "day": "2026-01-01", "number": 3}, mapping="things"
    )
    more = {"id": "2", "amount": "1.1"}, {"id": "1", "amount": "1.10", "day": "2026-01-01", "number": 3}
    assert some(world.first("lab.things", *more, mapping="things"), "in_review") == {"in_review": 1}


def test_a_field_may_have_any_name(world: World):
    names = ["key", "hash", "select", "parent", "entity", "version", "pattern", "changed", "m"]
    declared = "\n      ".join(f"{name}: {{type: text, unique: true}}" for name in names)
    mapped = "\n      ".join(f"{name}: words" for name in names)
    world.model(THING.replace("words: {type: text}", declared))
    match = ", ".join(f"[{name}]" for name in names)
    world.mapping(THINGS.replace("words: words", mapped), match=f"[{match}]", absent="disable")
    first = {"id": "1", "words": "a"}, {"id": "2", "words": "b"}
    world.first("lab.things", *first, mapping="things")
    world.first("lab.things", {"id": "1", "words": "c"}, {"id": "2", "words": "b"}, mapping="things")
    golden = world.golden("thing")
    assert (golden["1"]["_version"], golden["2"]["_version"]) == (2, 1)
    assert {golden["1"][name] + golden["2"][name] for name in names} == {"cb"}
    world.put("lab.things", {"id": "1", "words": "d"}, {"id": "3", "words": "e"})
    world.apply(world.plan("things"))
    golden = world.golden("thing")
    for name in names:
        assert {code: row[name] for code, row in golden.items()} == {"1": "d", "2": "b", "3": "e"}
