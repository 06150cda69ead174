"""Rules with prior: evidence in bits, swapped fields, groups, and what the bits are estimated from."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import ConfigError
from hub.exchange.matching.learn import learn
from hub.exchange.matching.weights import estimate_weights
from hub.exchange.runfile import RunFile, open_run
from hub.testing.matching import alike, link, rule_of
from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns

NAMES = {"by": "name", "bits": [7.0, 5.0, 0.0, -4.0]}
SET: dict[str, Any] = {
    "fields": {"first": "text", "last": "text", "born": "date", "email": "text"},
    "rule": {
        "on": {
            "first": NAMES | {"swap": "last"},
            "last": NAMES,
            "born": {"bits": [12.0, 6.0, 3.0, -2.0]},
            "email": {"by": "email", "bits": [16.0, 15.0, 7.0, -6.0]},
        },
        "block": ["either(first, last)", "born", "email"],
        "prior": 0.001,
        "at_least": 0.9,
        "review": 0.2,
    },
}


def person(
    number: str, first: str | None, last: str | None, born: str | None, email: str | None = None
) -> dict[str, Any]:
    return {"id": number, "first": first, "last": last, "born": born, "email": email}


def scored(run: RunFile, *people: dict[str, Any]) -> dict[tuple[str, str], tuple[float, float]]:
    """Bits and score of the pairs that are alike."""
    run.table("rows", pa.Table.from_pylist(list(people)))
    rule, model = rule_of(SET)
    alike(run, rule, model, "rows")
    found = run.sql("SELECT l, r, strength, score FROM likely")
    return {(left, right): (bits, score) for left, right, bits, score in found}


@pytest.mark.parametrize(
    ("other", "bits"),
    [
        (("Ada", "Byron", "1990-01-02", None), 7 + 7 + 12),
        (("Byron", "Ada", "1990-01-02", None), 7 + 7 + 12),  # the names changed places
        (("Byron", None, "1990-01-02", None), 7 + 12),  # and one of them is missing
        (("Ada", "Byron", "1990-02-01", None), 7 + 7 + 6),  # day and month changed places
        (("Ada", "Byron", "1990-01-20", None), 7 + 7 + 6),
        (("Ada", "Byron", "1991-01-03", None), 7 + 7 + 3),
        (("Ada", "Byron", "1955-12-31", "ada.byron@example.org"), 7 + 7 - 2 + 16),
        (("Ada", "Byron", None, "ada.byrno@example.org"), 7 + 7 + 15),
        (("Ada", "Byron", None, "ada.byron@exmaple.com"), 7 + 7 + 15),
        (("Ada", "Byron", None, "a@example.org"), 7 + 7 + 7),
        (("Ada", "Byron", None, "lovelace@sample.net"), 7 + 7 - 6),
    ],
)
def test_evidence_adds_up(tmp_path: Path, other: tuple[str | None, ...], bits: float):
    with open_run(tmp_path) as run:
        (found,) = scored(
            run, person("1", "Ada", "Byron", "1990-01-02", "ada.byron@example.org"), person("2", *other)
        ).values()
    prior = -9.964341
    assert found[0] == pytest.approx(prior + bits, abs=1e-5)
    assert found[1] == pytest.approx(1 / (1 + 2 ** -(prior + bits)), abs=1e-5)


GROUP = [
    person("1", "Ada", "Byron", "1990-01-02"),
    person("2", "Ada", None, "1990-01-02", "ada@example.org"),
    person("3", None, "Lovelace", None, "ada@example.org"),
    person("4", "Charles", "Babbage", "1791-12-26", "cb@example.org"),
]


@settings(max_examples=6, deadline=None)
@given(people=st.permutations(GROUP), names=st.permutations("1234"))
def test_records_meet_through_a_third_one_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, people: list[dict[str, Any]], names: list[str]
):
    renamed = dict(zip("1234", names, strict=True))
    with open_run(tmp_path_factory.mktemp("run")) as run:
        scored(run, *(one | {"id": renamed[one["id"]]} for one in people))
        together = {frozenset(pair) for pair in run.sql("SELECT l, r FROM together")}
    assert together == {frozenset(renamed[one] for one in pair) for pair in ("12", "23", "13")}


def test_a_chain_of_likenesses_does_not_join_strangers(tmp_path: Path):
    """A record that shares the address of one person and the name of another stands between two others."""
    with open_run(tmp_path) as run:
        scored(
            run,
            person("1", "Ada", "Byron", "1990-01-02", "family@example.org"),
            person("2", "Anne", "Milbanke", "1960-05-17", "family@example.org"),
            person("3", "Anne", "Milbanke", "1960-05-17", None),
        )
        together = {frozenset(pair) for pair in run.sql("SELECT l, r FROM together")}
    assert together == {frozenset("23")}


def test_the_next_best_is_weighed_in_odds(tmp_path: Path):
    """Both score over 0.99, but one has ten bits more; where both have the same it is a tie."""
    golden = [person("1", "Ada", "Byron", "1990-01-02"), person("2", "Ada", "Byron", "1991-01-03")]
    new = [person("A", "Ada", "Byron", "1990-01-02"), person("B", "Ada", "Byron", None)]
    with open_run(tmp_path) as run:
        run.table("new", pa.Table.from_pylist(new))
        run.table("golden", pa.Table.from_pylist(golden))
        link(run, *rule_of(SET), "new", "golden")
        fates = {key: (entity, fate) for key, entity, _, fate in run.sql("SELECT * FROM fates")}
    assert fates["A"] == ("1", "link")
    assert fates["B"][1] == "match.ambiguous"


def test_bits_are_found_without_labels(tmp_path: Path):
    """Four hundred people of whom half stand twice, every second time with a wrong date."""
    draw = random.Random(4711)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(60)]
    people = []
    for n in range(400):
        born = dt.date(1940, 1, 1) + dt.timedelta(days=draw.randrange(25_000))
        one = person(
            f"{n}", draw.choice(names), draw.choice(names), str(born), f"{draw.randrange(10**9)}@example.org"
        )
        people.append(one)
        if n % 2:
            wrong = {"born": str(born + dt.timedelta(days=4321))} if n % 4 == 1 else {}
            people.append(one | {"id": f"{n}b"} | wrong)
    with open_run(tmp_path) as run:
        run.table("rows", pa.Table.from_pylist(people))
        made = alike(run, *rule_of(SET), "rows")
        learned = learn(made, "new_form")
    assert learned is not None
    assert learned.same / 2 == pytest.approx(200, rel=0.1)  # each pair is met from both sides
    assert learned.bits["email"][0] > learned.bits["born"][0] > 4
    assert learned.bits["born"][3] == pytest.approx(-1, abs=0.3)  # half of them differ
    assert learned.bits["first"][0] > 4
    assert learned.bits["first"][1:] == [0.0, pytest.approx(-9, abs=1), pytest.approx(-9, abs=1)]


PERSON = """
    model: person
    key: [code]
    fields:
      code: {type: text, required: true, rank: [hr]}
      first: {type: text, rank: [hr]}
      last: {type: text, rank: [hr]}
      born: {type: date, rank: [hr]}
"""
MAPPING = """
    mapping: NAME
    from: NAME.people
    into: person
    match: MATCH
    fields: {code: id, first: first, last: last, born: born}
    unmatched: create
"""
RULE = """
      - on:
          first: {by: name, bits: [7, 5, 0, -4], swap: last}
          last: {by: name, bits: [7, 5, 0, -4]}
          born: {bits: [12, 6, 3, -2]}
        block: ["either(first, last)", born]
        prior: 0.001
        at_least: 0.9
        review: 0.2
"""
ADA = {"id": "1", "first": "Ada", "last": "Byron", "born": "1990-01-02"}


@pytest.fixture
def people(world: World) -> World:
    world.model(PERSON)
    for name, match in (("hr", "[]"), ("crm", RULE)):
        world.files(name, people="{id: text, first: text, last: text, born: text}")
        world.mapping(MAPPING.replace("NAME", name).replace("MATCH", match))
    return world


def test_the_link_keeps_the_bits_of_each_field(people: World):
    people.first("hr.people", ADA, mapping="hr")
    swapped = {"id": "A", "first": "Byron", "last": "Ada", "born": "1990-01-20"}
    assert some(people.first("crm.people", swapped, mapping="crm"), "linked") == {"linked": 1}
    ((confidence, why),) = people.rows("SELECT confidence, why FROM evidence")
    assert confidence > 0.99
    assert json.loads(why)["born"] == {"likeness": 0.85, "bits": 6.0, "by": "date"}


def test_records_that_a_group_joins_are_reviewed_together(people: World):
    people.first(
        "crm.people",
        ADA | {"id": "A", "last": None},
        ADA | {"id": "B"},
        ADA | {"id": "C", "born": None},
        mapping="crm",
    )
    assert people.reasons("crm") == [(key, "in_review", "match.collision") for key in "ABC"]


def test_weights_are_estimated_of_what_is_not_linked(people: World):
    ada = [ADA | {"id": f"{n}", "first": f"Ada{n}x{n}", "born": f"19{n + 10}-01-02"} for n in range(30)]
    people.first("hr.people", *ada, mapping="hr")
    people.put("crm.people", *(one | {"id": f"C{one['id']}"} for one in ada))
    before = people.dump()
    with people.opened() as opened:
        ((title, learned),) = estimate_weights(opened.hub, "crm")
        with pytest.raises(ConfigError) as caught:
            estimate_weights(opened.hub, "hr")
    assert caught.value.code == "weights.none"
    assert title == "first + last + born ≈"
    assert learned.prior == pytest.approx(1 / 30, rel=0.2)
    assert learned.bits["born"][0] > 3 > 0 > learned.bits["born"][3]
    assert people.dump() == before
