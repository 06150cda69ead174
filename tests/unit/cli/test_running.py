"""The commands of whoever runs exchanges: migrate run plan apply runs quarantine entities secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk, desk

DATA = "data/suppliers.csv"
MAPPING = "mappings/erp-suppliers.yaml"
MODEL = "config/models/supplier.yaml"


def test_migrate_shows_then_does_then_has_nothing_to_do(tmp_path: Path) -> None:
    work = desk(tmp_path, migrated=False)
    shown = work.cophub("migrate", "--show", "--json").json
    assert "create table e_supplier" in [step["text"] for step in shown["steps"]]
    assert not shown["changed"]
    assert work.cophub("migrate", "--json").json["changed"]
    assert work.cophub("migrate").out == "the database is up to date\n"


def test_nothing_is_dropped_without_asking(work: Desk) -> None:
    work.edit(MODEL, "  phone:", "  fax:")
    work.edit(MAPPING, "phone: {", "fax: {")
    assert "drop with --contract" in work.cophub("migrate").out
    refused = work.cophub("migrate", "--contract", "--json")
    assert refused.json["error"]["code"] == "migrate.confirm"
    dropped = work.cophub("migrate", "--contract", "--yes", "--json").json
    assert "drop e_supplier.phone" in [step["text"] for step in dropped["steps"]]


def test_a_run_says_what_became_of_every_record(work: Desk) -> None:
    work.append(DATA, "1006,,DE,,,1\n")
    said = work.cophub("run", "erp-suppliers")
    assert said.code == 0
    assert said.out.splitlines()[-1] == (
        "totals reconcile: 6 read = 4 applied + 1 out of scope + 1 quarantined"
    )
    again = work.cophub("run", "--all", "--json").json["runs"][0]
    assert (again["counts"]["applied"], again["counts"]["quarantined"]) == (0, 1)


def test_the_same_run_key_answers_the_same_run(work: Desk) -> None:
    first = work.cophub("run", "erp-suppliers", "--run-key", "k1", "--json").json["runs"][0]
    second = work.cophub("run", "erp-suppliers", "--run-key", "k1", "--json").json["runs"][0]
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["run"] == second["run"]


def test_one_failing_exchange_does_not_stop_the_others(work: Desk) -> None:
    text = (work.folder / MAPPING).read_text()
    (work.folder / "mappings" / "aa-first.yaml").write_text(
        text.replace("mapping: erp-suppliers", "mapping: aa-first").replace(".suppliers", ".gone")
    )
    fields = "{number: text, name: text, country: text, tax_number: text, phone: text, active: text}"
    system = f"  gone:\n    path: gone.csv\n    key: [number]\n    fields: {fields}\n"
    work.append("config/systems/erp_files.yaml", system)
    said = work.cophub("run", "--all", "--json")
    states = {one["exchange"]: one["state"] for one in said.json["runs"]}
    assert states == {"aa-first": "failed", "erp-suppliers": "done"}
    assert said.code == said.json["exit"] == 75
    assert "aa-first: error: there is no file gone.csv" in said.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--all", "erp-suppliers"],
        ["erp-suppliers", "--mode", "fast"],
        ["nobody"],
        ["--full", "--mode", "plan"],
    ],
)
def test_a_run_of_nothing_or_of_a_contradiction_is_refused(work: Desk, words: list[str]) -> None:
    assert work.cophub("run", *words).code == 65


def test_a_plan_shows_and_masks_and_apply_does_it(work: Desk) -> None:
    shown = work.cophub("plan", "erp-suppliers")
    assert "+ create 1001" in shown.out
    assert "+49***23" in shown.out
    assert "5550123" not in shown.out
    plan = re.search(r"cophub apply ([0-9a-f]{8})", shown.out)
    assert plan is not None
    assert work.cophub("entities", "supplier", "--json").json["entities"] == []
    done = work.cophub("apply", plan[1], "--json").json
    assert (done["state"], done["counts"]["created"]) == ("done", 4)
    assert work.cophub("apply", plan[1], "--json").json["repeated"]


def test_a_change_is_shown_old_beside_new(work: Desk) -> None:
    work.cophub("run", "--all")
    work.edit(DATA, "Lyon Polymères SA", "Lyon Polymères SARL")
    work.edit(DATA, "+49 711 5550123", "+49 711 5550999")
    said = work.cophub("plan", "erp-suppliers", "--full", "--json").json
    changes = {one["key"]: one["fields"] for one in said["outputs"][0]["changes"]}
    assert changes["1003"] == [
        {"field": "name", "old": "Lyon Polymères SA", "new": "Lyon Polymères SARL", "level": "L1"}
    ]
    assert changes["1001"] == [{"field": "phone", "old": "+49***23", "new": "+49***99", "level": "L3"}]
    assert "Lyon Polymères SA → Lyon Polymères SARL" in work.cophub("plan", "show", said["plan"][-8:]).out


def test_a_plan_is_also_written_into_a_file(work: Desk, tmp_path: Path) -> None:
    said = work.cophub("plan", "erp-suppliers", "--out", str(tmp_path / "plan.json"), "--json")
    assert json.loads((tmp_path / "plan.json").read_text()) == said.json


def test_the_guard_holds_with_a_code_of_its_own(work: Desk) -> None:
    work.edit(MAPPING, "guard: {", "guard: {create: 2, ")
    held = work.cophub("run", "erp-suppliers", "--json")
    assert (held.code, held.json["runs"][0]["state"]) == (76, "held")
    plan = work.cophub("plan", "erp-suppliers")
    assert "guard: held: 4 records to create, the guard allows 2" in plan.out
    assert work.cophub("run", "erp-suppliers", "--initial").code == 0


def test_a_plan_for_another_workspace_is_refused(work: Desk) -> None:
    plan = work.cophub("plan", "erp-suppliers", "--json").json["plan"]
    work.edit(MAPPING, "trim(name)", "upper(trim(name))")
    assert "The workspace changed" in work.cophub("plan", "show", plan).out
    said = work.cophub("apply", plan)
    assert said.code == 65
    assert "plan.workspace" in said.err


@pytest.mark.parametrize("what", [["1006"], ["--all"]])
def test_a_replay_takes_a_record_by_its_key_or_everything(work: Desk, what: list[str]) -> None:
    work.append(DATA, "1006,,DE,,,1\n1007,,DE,,,1\n")
    work.cophub("run", "erp-suppliers")
    said = work.cophub("quarantine", "replay", *what, "--json").json["runs"]
    assert [one["counts"]["read"] for one in said] == [2 if what == ["--all"] else 1]


def test_runs_are_listed_and_shown_by_the_end_of_their_id(work: Desk) -> None:
    assert work.cophub("runs").out == "no run yet: cophub run NAME\n"
    work.cophub("run", "erp-suppliers")
    work.cophub("plan", "erp-suppliers")
    rows = work.cophub("runs", "erp-suppliers", "--json").json["runs"]
    assert [row["mode"] for row in rows] == ["plan", "incremental"]
    shown = work.cophub("runs", "show", rows[1]["id"][-8:])
    assert "totals reconcile: 5 read" in shown.out
    assert "cophub plan show" in work.cophub("runs", "show", rows[0]["id"]).out
    assert work.cophub("runs", "show", "00000000").code == 65
    assert work.cophub("runs", "erp-suppliers", "extra").code == 65


def test_the_quarantine_is_grouped_by_cause(work: Desk) -> None:
    assert work.cophub("quarantine").out == "the quarantine is empty\n"
    work.append(DATA, "1006,,DE,,,1\n1007,Neu,XX,,,1\n1008,,FR,,,1\n")
    work.cophub("run", "--all")
    said = work.cophub("quarantine")
    assert "2 × quarantined required name in erp-suppliers → supplier" in said.out
    assert "country='XX'  suppliers.csv:8" in said.out
    assert "name empty  suppliers.csv:7" in said.out
    some = work.cophub("quarantine", "erp-suppliers", "--code", "code", "--json").json
    assert [cause["code"] for cause in some["causes"]] == ["code.unknown"]
    shown = work.cophub("quarantine", "show", some["causes"][0]["examples"][0]["id"][-8:])
    assert "suppliers.csv:8" in shown.out


def test_what_is_mended_leaves_the_quarantine(work: Desk) -> None:
    work.append(DATA, "1006,,DE,,,1\n")
    work.cophub("run", "--all")
    work.edit(DATA, "1006,,DE", "1006,Now named,DE")
    work.cophub("run", "--all")
    assert work.cophub("quarantine", "--json").json["total"] == 0
    assert work.cophub("quarantine", "--resolved", "--json").json["total"] == 1


def test_golden_records_are_shown_with_their_origin_and_masked(work: Desk) -> None:
    assert work.cophub("entities", "supplier").out == "there is no supplier yet\n"
    work.cophub("run", "--all")
    assert "北京华信医疗" in work.cophub("entities", "supplier").out
    one = work.cophub("entities", "supplier", "--key", "1001", "--json")
    (entity,) = one.json["entities"]
    assert entity["origins"]["name"] == "erp-suppliers"
    assert entity["values"]["phone"] == "+49***23"
    assert entity["links"] == [{"exchange": "erp-suppliers", "key": "1001"}]
    assert work.cophub("entities", "supplier", "--key", "9").code == 65
    assert "did you mean supplier?" in work.cophub("entities", "suplier").err


def test_a_secret_is_set_from_stdin_listed_rotated_and_removed_and_never_shown(work: Desk) -> None:
    said = [work.cophub("secrets", "set", "s4/password", stdin="pa55w0rd-x\n")]
    said += [
        work.cophub("secrets", "list"),
        work.cophub("secrets", "rotate"),
        work.cophub("secrets", "list", "--json"),
    ]
    said += [work.cophub("secrets", "remove", "s4/password")]
    assert [one.code for one in said] == [0] * 5
    assert said[3].json["secrets"][0] | {"updated": ""} == {
        "name": "s4/password",
        "source": "store",
        "version": 1,
        "updated": "",
        "used_by": [],
    }
    assert not any("pa55w0rd" in one.out + one.err for one in said)
    assert work.cophub("secrets", "remove", "s4/password").code == 77
    assert work.cophub("secrets", "set", "s4/password", stdin="").code == 77


def test_a_missing_secret_is_listed_with_who_needs_it(work: Desk) -> None:
    (work.folder / "config" / "systems" / "crm.yaml").write_text(
        "system: crm\nconnector: rest\nurl: https://crm.example.com\n"
        "auth: {basic: {username: hub, password: secret://crm/password}}\n"
    )
    said = work.cophub("secrets", "list")
    assert "MISSING" in said.out
    assert "cophub secrets set crm/password" in said.out


def test_a_master_key_is_made_for_its_owner_only(work: Desk, tmp_path: Path) -> None:
    assert len(work.cophub("secrets", "keygen").out.strip()) == 44
    assert work.cophub("secrets", "keygen", "--out", str(tmp_path / "key")).code == 0
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert work.cophub("secrets", "keygen", "--out", str(tmp_path / "key")).code == 65
