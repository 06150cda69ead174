"""The demo once, as a user starts it, and what came of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from hub.demo import Played, play
from hub.demo.scene import sample
from hub.demo.story import EXCHANGES, SUPPLIER, Ran
from hub.errors import ConfigError
from hub.exchange.manifest import READ_PARTS
from hub.workspace.load import load


@pytest.fixture(scope="module")
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def played(told: io.StringIO, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo") / "landscape", Console(file=told, width=118))


def named(runs: tuple[Ran, ...], exchange: str) -> dict[str, int]:
    counts = next(ran.counts for ran in runs if ran.result.exchange == exchange)
    return {name: count for name, count in counts.items() if count}


def test_every_exchange_of_the_sample_is_played() -> None:
    assert sorted(EXCHANGES) == sorted(load(sample()).mappings)


@pytest.mark.parametrize(
    ("exchange", "counts"),
    [
        ("hr-departments", {"read": 20, "applied": 20, "created": 20}),
        (
            "hr-employees",
            {"read": 250, "applied": 237, "waiting": 7, "in_review": 2, "quarantined": 4, "created": 237},
        ),
        ("s4-cost-centers", {"read": 60, "applied": 60, "created": 60}),
        ("s4-materials", {"read": 300, "applied": 297, "in_review": 2, "quarantined": 1, "created": 297}),
        (
            "s4-suppliers",
            {
                "read": 128,
                "applied": 115,
                "out_of_scope": 8,
                "in_review": 2,
                "quarantined": 3,
                "created": 115,
            },
        ),
        ("s4-bank-accounts", {"read": 120, "applied": 115, "waiting": 4, "quarantined": 1, "created": 115}),
        ("suppliers-to-crm", {"read": 115, "applied": 115, "created": 115}),
        ("suppliers-to-erp", {"read": 115, "applied": 115, "created": 115}),
        ("materials-to-erp", {"read": 297, "applied": 297, "created": 297}),
        ("employees-to-files", {"read": 237, "applied": 225, "out_of_scope": 12, "created": 225}),
    ],
)
def test_the_first_load_brings_what_is_good(played: Played, exchange: str, counts: dict[str, int]) -> None:
    assert named(played.first, exchange) == counts


def test_every_record_read_has_one_fate(played: Played) -> None:
    for ran in (*played.first, *played.second, *played.travel.runs):
        fates = sum(ran.counts.get(name, 0) for name in READ_PARTS)
        assert ran.counts.get("read", 0) == fates, ran.result.exchange


def test_a_second_source_finds_the_supplier_and_adds_to_it(played: Played) -> None:
    before = played.travel.before
    assert {name for name, _ in before.links} >= {"s4-suppliers", "erp-suppliers", "crm-accounts"}
    assert before.origins["name"] == "s4-suppliers"
    assert before.origins["phone"] == before.origins["payment_terms"] == "erp-suppliers"
    assert before.origins["account_owner"] == "crm-accounts"


def test_what_is_bad_is_held_back_with_its_reason(played: Played) -> None:
    reasons = {(cause.exchange, cause.state, cause.code, cause.field): cause.count for cause in played.causes}
    expected = {
        ("s4-suppliers", "quarantined", "required", "name"): 1,
        ("s4-suppliers", "quarantined", "code.unknown", "country"): 1,
        ("s4-suppliers", "quarantined", "format.email", "email"): 1,
        ("s4-suppliers", "in_review", "match.collision", "tax_number"): 2,
        ("s4-materials", "quarantined", "required", "name"): 1,
        ("s4-materials", "in_review", "collision", "gtin"): 2,
        ("hr-employees", "waiting", "ref.missing", "manager"): 7,
        ("hr-employees", "quarantined", "value.invalid", "hired"): 1,
        ("files-distributors", "quarantined", "format.phone", "phone"): 1,
        ("erp-suppliers", "in_review", "match.none", ""): 3,
    }
    assert expected.items() <= reasons.items()


def test_every_reason_names_record_and_place(played: Played) -> None:
    entries = [entry for cause in played.causes for entry in cause.examples]
    assert all(entry.key and entry.position and entry.message for entry in entries)
    torn = next(entry for entry in entries if entry.exchange == "files-distributors")
    assert (torn.key, torn.position) == ("6", "in/distributors.csv:7")


def test_a_second_run_changes_nothing(played: Played) -> None:
    assert [ran.result.exchange for ran in played.second if ran.counts.get("applied")] == []
    assert (played.crm_writes, played.erp_writes) == (0, 0)


def test_a_change_in_sap_arrives_in_crm_and_erp_once(played: Played) -> None:
    travel = played.travel
    assert (travel.after.version, travel.before.version) == (
        travel.before.version + 1,
        travel.after.version - 1,
    )
    assert travel.before.values["name"] != travel.after.values["name"]
    assert travel.crm[1]["name_local"] == travel.erp[1]["name"] == travel.after.values["name"]
    assert [line.split(" (")[0] for line in travel.crm_log] == [f"update accounts {travel.crm[1]['id']}"]
    assert list(travel.erp_log) == [f"update md_supplier {SUPPLIER}"]


def test_accounts_entered_by_hand_are_not_created_again(played: Played) -> None:
    assert named(played.first, "suppliers-claim-crm")["created"] == 23
    assert played.travel.crm[1]["owner"] == "sales"


def test_the_demo_says_what_it_did_and_shows_no_classified_value(played: Played, told: io.StringIO) -> None:
    text = told.getvalue()
    assert "in/distributors.csv:7" in text
    assert played.travel.after.values["name"] in text
    assert played.travel.before.values["phone"] not in text
    assert "s4-demo" not in text


def test_files_are_written_whole(played: Played) -> None:
    lines = (played.folder / "data" / "out" / "phone-book.csv").read_text("utf-8").splitlines()
    assert (lines[0], len(lines)) == ('"number","name","name_latin","position","department","email"', 226)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        play(tmp_path)
