"""Values that are tried until nobody has them: login names of namesakes, for ever the same person's."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from hub.mapping.check import check
from hub.store.database import now
from hub.store.issued_tables import issued
from hub.workspace.load import load
from tests.unit.exchange.world import World

pytestmark = pytest.mark.by_turns

PERSON = """
    model: person
    key: [code]
    fields:
      code: {type: text, required: true}
      login: {type: text, required: true, unique: true}
"""
PEOPLE = """
    mapping: people
    from: hr.people
    into: person
    where: gone IS NULL
    match: [[code]]
    fields:
      code: id
      login: {value: "lower(pinyin(family, 'joined') || '.' || pinyin(given, 'joined'))", until_free: RULE}
    unmatched: create
    out_of_scope: {reaction: delete}
    guard: off
"""
FIELDS = "{id: text, family: text, given: text, gone: text}"


@pytest.fixture
def hr(world: World) -> World:
    world.model(PERSON)
    world.files("hr", people=FIELDS)
    ruled(world, "{longest: 20}")
    return world


def ruled(world: World, rule: str) -> None:
    world.mapping(PEOPLE.replace("RULE", rule))


def person(code: str, family: str = "张", given: str = "三", **more: Any) -> dict[str, Any]:
    return {"id": code, "family": family, "given": given, **more}


def logins(world: World, *people: dict[str, Any]) -> dict[str, str]:
    if people:
        world.put("hr.people", *people)
        world.run("people", initial=True)
    return {code: row["login"] for code, row in sorted(world.golden("person").items()) if row["_state"] < 2}


def test_namesakes_have_numbers_in_the_order_of_the_records(hr: World):
    people = [person("a"), person("b"), person("c", "李", "四"), person("d", "章", "三")]
    wanted = {"a": "zhang.san", "b": "zhang.san2", "c": "li.si", "d": "zhang.san3"}
    assert logins(hr, *people) == wanted
    assert logins(hr, *people, person("e")) == wanted | {"e": "zhang.san4"}


def test_further_candidates_come_before_numbers(hr: World):
    ruled(hr, "{then: [\"pinyin(given, 'joined') || '.' || pinyin(family, 'joined')\", given || family]}")
    found = logins(hr, *(person(code) for code in "abcd"))
    assert found == {"a": "zhang.san", "b": "San.Zhang", "c": "三张", "d": "zhang.san2"}


def test_who_is_renamed_keeps_the_login_and_so_does_who_comes_back(hr: World):
    assert logins(hr, person("a"), person("b")) == {"a": "zhang.san", "b": "zhang.san2"}
    assert logins(hr, person("a", "王"), person("b"))["a"] == "zhang.san"
    assert logins(hr, person("a", gone="1"), person("b"), person("c"))["c"] == "zhang.san3"
    assert logins(hr, person("a"), person("b"), person("c"))["a"] == "zhang.san"


def test_the_login_of_who_was_deleted_is_free_after_the_grace(hr: World):
    ruled(hr, "{reuse: 30d}")
    logins(hr, person("a"), person("b"))
    assert logins(hr, person("a", gone="1"), person("b"), person("c"))["c"] == "zhang.san3"
    with hr.opened() as opened, opened.hub.database.begin() as connection:
        golden = opened.hub.database.tables["e_person"]
        earlier = {"_updated_at": now() - dt.timedelta(days=31)}
        connection.execute(update(golden).where(golden.c["_state"] == 2).values(earlier))
    assert logins(hr, person("a", gone="1"), person("b"), person("c"), person("d"))["d"] == "zhang.san"
    assert hr.one("SELECT count(*) FROM issued WHERE value = 'zhang.san'") == 1


def test_what_carries_a_number_is_cut_before_it_and_is_nobody_elses(hr: World):
    ruled(hr, "{longest: 9}")
    people = [person("a", "zhang", "sanx"), person("b", "zhang", "sanx"), person("c", "zhang", "sa2")]
    assert logins(hr, *people) == {"a": "zhang.san", "b": "zhang.sa2", "c": "zhang.sa3"} or logins(hr) == {
        "a": "zhang.san", "b": "zhang.sa3", "c": "zhang.sa2",
    }  # fmt: skip


@pytest.mark.parametrize("held", ["Zhang.San", "ｚｈａｎｇ．ｓａｎ", "zhàng.sān", " zhang.san "], ids=ascii)
def test_a_name_that_a_directory_takes_for_the_same_is_not_free(hr: World, held: str):
    logins(hr, person("a", "李", "四"))
    with hr.opened() as opened, opened.hub.database.begin() as connection:
        golden = opened.hub.database.tables["e_person"]
        connection.execute(update(golden).values(login=held))
    assert logins(hr, person("a", "李", "四"), person("b"))["b"] == "zhang.san2"


def test_candidates_that_differ_in_letters_alone_are_one(hr: World):
    ruled(hr, "{then: [\"upper(pinyin(family, 'joined') || '.' || pinyin(given, 'joined'))\"]}")
    assert logins(hr, person("a"), person("b")) == {"a": "zhang.san", "b": "zhang.san2"}


def test_what_is_cut_does_not_end_with_a_dot(hr: World):
    ruled(hr, "{longest: 6}")
    assert logins(hr, person("a"), person("b")) == {"a": "zhang", "b": "zhang2"}


def test_many_namesakes_have_one_each(hr: World):
    people = [person(f"{number:03}") for number in range(300)]
    assert len(set(logins(hr, *people).values())) == 300
    assert logins(hr, *people, person("999"))["999"] == "zhang.san301"


def test_what_another_system_has_in_any_letters_is_not_free(hr: World):
    hr.files("ad", account="{id: text, name: text}")
    hr.put("ad.account", {"id": "1", "name": "ZHANG.SAN"}, {"id": "2", "name": "zhang.san3"})
    ruled(hr, "{beside: [ad.account.name]}")
    assert logins(hr, person("a"), person("b")) == {"a": "zhang.san2", "b": "zhang.san4"}


def test_of_two_plans_that_found_the_same_the_second_is_refused_and_finds_another(hr: World):
    logins(hr, person("x", "王", "五"))
    hr.mapping(PEOPLE.replace("RULE", "{longest: 20}").replace("mapping: people", "mapping: others")
               .replace("hr.people", "hr.others"))  # fmt: skip
    hr.files("hr", people=FIELDS, others=FIELDS)
    hr.put("hr.people", person("x", "王", "五"), person("a"))
    hr.put("hr.others", person("b"))
    first, second = hr.plan("people"), hr.plan("others", initial=True)
    assert hr.apply(first).counts["created"] == 1
    assert hr.apply(second).counts["refused"] == 1
    hr.run("others")
    assert logins(hr) == {"a": "zhang.san", "b": "zhang.san2", "x": "wang.wu"}


def test_the_store_gives_a_value_to_one(hr: World):
    logins(hr, person("a"))
    taken = {"model": "person", "field": "login", "value": "zhang.san", "entity": uuid.uuid4(), "at": now()}
    with hr.opened() as opened, pytest.raises(IntegrityError), opened.hub.database.begin() as connection:
        connection.execute(insert(issued).values(taken))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("match: [[code]]", "match: [[login]]", "until_free.match"),
        ("RULE", "{beside: [nowhere.account.name]}", "until_free.beside"),
        ("RULE", "{beside: [hr.people.nothing]}", "until_free.beside"),
        ("RULE", "{then: [nothing]}", "field.unknown"),
        ("RULE", "{then: [\"upper(given) + 1\"]}", "expression.type"),
    ],
)
def test_the_check_tells_what_cannot_be(hr: World, old: str, new: str, code: str):
    hr.mapping(PEOPLE.replace(old, new).replace("RULE", "{longest: 20}"))
    assert code in {one.code for one in check(load(hr.folder))}


def test_the_check_wants_a_unique_text(hr: World):
    hr.model(PERSON.replace(", unique: true", ""))
    assert [one.code for one in check(load(hr.folder))] == ["until_free.field"]
