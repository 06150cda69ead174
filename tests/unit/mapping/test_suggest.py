"""Proposals of field pairs: what names mean, what values say, how right it is on labelled sets, and what is written."""

from __future__ import annotations

import itertools
import random

import pytest

from bench.suggest import Figures, measured
from hub.contract import Field
from hub.mapping.suggest.drafting import sketch
from hub.mapping.suggest.pairs import _hungarian, proposals
from hub.mapping.suggest.sides import of_fields, of_model
from hub.mapping.suggest.values import Expected, Sample, judged
from hub.mapping.suggest.words import meant
from hub.workspace.model import ModelFile
from hub.workspace.yaml import read

MODEL = ModelFile.model_validate({
    "model": "employee", "key": ["number"], "level": "L1",
    "fields": {
        "number": {"type": "text", "required": True},
        "email": {"type": "text", "format": "email"},
        "mobile": {"type": "text", "format": "phone", "level": "L3"},
        "hired": {"type": "date"},
        "active": {"type": "boolean"},
    },
})  # fmt: skip
ROWS = [
    {"a1": f"E{number:05}", "a2": f"p{number}@example.org", "handy": f"+86 1380000{number:04}",
     "eintritt": "2020-01-31", "aktiv": "1", "note": "secret-note"}
    for number in range(20)
]  # fmt: skip
FIELDS = [Field(name) for name in ROWS[0]]


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("NAME1", "name"), ("LAND1", "country"), ("KUNNR", "id"), ("STRAS", "street"), ("ntgew", "net_weight"),
        ("BillingPostalCode", "postal"), ("POSTAL_CODE", "postal"), ("Geburtsdatum", "birth"), ("入职日期", "hired"),
        ("供应商名称", "name"), ("SupplierName", "name"), ("parentid", "parent"), ("Kostenstelle", "cost_center"),
    ],
)  # fmt: skip
def test_names_of_many_houses_mean_the_same(name: str, meaning: str):
    found = meant(name, ["supplier"])
    assert max(found, key=lambda one: found[one]) == meaning


def test_initials_of_pinyin_are_read_only_where_they_are_expected():
    assert meant("rzrq", (), True) == {"hired": 1.0}
    assert meant("rzrq") == {"rzrq": 1.0}


def test_values_speak_for_and_against():
    mails = Sample(tuple(row["a2"] for row in ROWS), 20)
    assert judged(mails, Expected(format="email"))[0] > 0.5 > 0 > judged(mails, Expected(format="phone"))[0]
    same = Sample(("x",) * 20, 20)
    assert judged(same, Expected(key=True))[0] < -0.5
    assert judged(Sample(("DE", "FR", "CN"), 3), Expected(codes=frozenset({"DE", "FR", "CN"})))[0] > 0.6
    golden = Expected(golden=frozenset(mails.values))
    assert judged(mails, golden)[1] == "100% of the values are golden values already"


def test_fields_without_a_name_are_found_by_their_values_and_one_stays_one():
    found = proposals(of_model(MODEL, {}), of_fields(FIELDS, ["a1"], ROWS), ("employee", "x"))
    made = {one.target.text: one for one in found}
    assert {name: one.source.text for name, one in made.items() if one.source} == {
        "email": "a2", "mobile": "handy", "hired": "eintritt", "active": "aktiv",
    }  # fmt: skip
    used = [one.source for one in made.values() if one.source]
    assert len({side.text for side in used}) == len(used)


def test_the_best_total_is_chosen():
    drawn = random.Random(7)
    for _ in range(60):
        height = drawn.randint(1, 4)
        width = drawn.randint(height, 5)
        costs = [[drawn.random() for _ in range(width)] for _ in range(height)]
        least = min(
            sum(costs[row][column] for row, column in enumerate(chosen))
            for chosen in itertools.permutations(range(width), height)
        )
        assert sum(costs[row][column] for row, column in enumerate(_hungarian(costs, width))) == pytest.approx(least)


def test_the_draft_is_yaml_with_reasons_and_without_a_value():
    made = proposals(of_model(MODEL, {}), of_fields(FIELDS, ["a1"], ROWS), ("employee", "x"))
    text = sketch("hr-x", "hr.x", "employee", MODEL.key, made, {}, {}).text()
    located, findings = read(text)
    assert located is not None
    assert findings == []
    assert located.value["draft"] is True
    assert located.value["fields"]["hired"] == "parse_date(eintritt, '%Y-%m-%d', '%Y/%m/%d', '%d.%m.%Y')"
    assert "# number: required, and nothing is proposed" in text
    values = {value for row in ROWS for value in row.values() if len(value) > 1}
    assert not [value for value in values if value in text]


@pytest.mark.parametrize(
    ("name", "reverse", "precision", "recall"),
    [
        ("tuned", False, 0.97, 0.95), ("tuned", True, 0.93, 0.93),
        ("held-out", False, 0.95, 0.85), ("held-out", True, 0.95, 0.85),
    ],
)  # fmt: skip
def test_proposals_are_as_right_as_the_docs_say(name: str, reverse: bool, precision: float, recall: float):
    whole = Figures()
    for _, figures in measured(name, reverse=reverse):
        whole.add(figures)
    assert whole.wanted > 100
    assert (whole.precision >= precision, whole.recall >= recall) == (True, True), whole.wrong
