"""What the command line says to slips: what, where, why and what to do, and never a traceback."""

from __future__ import annotations

import json

import pytest

from .desk import Desk, Said, desk

SLIPS = [
    ("run erp-suppliers --mode linkonly", 65, "run.mode", "did you mean link_only?"),
    ("audit list --action plann", 65, "audit.action", "did you mean plan"),
    ("audit list --since 2026-13", 65, "audit.since", "2026-01-31"),
    ("audit verify --export gone --key abc", 65, "audit.key", "cophub audit key"),
    ("review --exchange erp-supplier", 65, "reference.mapping", "did you mean erp-suppliers?"),
    ("review link 0000 1001 --reason x", 65, "review.unknown", "cophub review"),
    ("review merge 1001 1002 --reason x", 65, "argument.missing", "--model MODEL"),
    ("review merge 1001 1001 --model supplier --reason x", 65, "merge.same", "merges"),
    ("review unmerge 0000 --reason x", 65, "merge.unknown", "cophub review merges"),
    ("links show 1001 --model suplier", 65, "reference.model", "did you mean supplier?"),
    ("links report erp-suppliers", 65, "links.report", "--mode link_only"),
    ("links import gone.csv --exchange erp-suppliers --reason x", 65, "links.file", ""),
    ("approve 0000 --reason x", 65, "plan.unknown", "cophub plan"),
    ("quarantine replay", 65, "quarantine.replay", "--all"),
    ("quarantine replay --code required", 65, "quarantine.replay", "--all"),
    ("quarantine replay erp-suppliers --all", 65, "quarantine.replay", "--all"),
    ("quarantine --all", 65, "quarantine.replay", "replay --all"),
    ("quarantine replay 0000", 65, "quarantine.unknown", "cophub quarantine"),
    ("quarantine dismiss erp-suppliers", 65, "quarantine.dismiss", "--reason"),
    ("events list --state helt", 65, "event.state", "held"),
    ("worker --once --only inbx", 65, "worker.duty", "inbox"),
    ("systems reset erp_file", 65, "reference.system", "did you mean erp_files?"),
    ("entities supplier --key 1001 --unmask --reason x", 65, "unmask.reason", "5 letters"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk(tmp_path_factory.mktemp("slips"))
    assert made.cophub("run", "erp-suppliers", "--initial").code == 0
    return made


@pytest.mark.parametrize(("words", "exit_code", "code", "hint"), SLIPS, ids=lambda one: str(one))
def test_a_slip_is_named_with_its_remedy(
    made: Desk, words: str, exit_code: int, code: str, hint: str
) -> None:
    said = made.cophub(*words.split())
    assert said.code == exit_code
    assert code in said.err
    assert hint in " ".join(said.err.split())
    assert "Traceback" not in said.err + said.out


def table(made: Desk, text: str) -> str:
    file = made.folder / "table.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def imported(made: Desk, file: str, *more: str) -> Said:
    return made.cophub("links", "import", file, "--reason", "the old table", *more)


def test_a_table_of_another_exchange_is_no_conflict_of_its_lines(made: Desk) -> None:
    said = imported(made, table(made, "key,code\n1001,1001\n"), "--exchange", "erp-supplier")
    assert (said.code, "did you mean erp-suppliers?" in said.err) == (65, True)


def test_a_table_without_entities_says_which_columns_it_has(made: Desk) -> None:
    said = imported(made, table(made, "key;kode\n1;2\n"), "--exchange", "erp-suppliers")
    assert "it has key, kode, and neither entity nor code" in " ".join(said.err.split())


def test_links_that_are_exported_are_repeated_when_imported(made: Desk) -> None:
    file = made.folder / "links.csv"
    assert made.cophub("links", "export", "erp-suppliers", "--out", str(file)).code == 0
    said = made.cophub("--json", "links", "import", str(file), "--reason", "again")
    assert (said.code, said.json["counts"], said.json["plans"]) == (0, {"linked": 4}, [])


def test_an_import_without_a_reason_is_refused(made: Desk) -> None:
    said = made.cophub("links", "import", table(made, "key,code\n1001,1001\n"), "--reason", " ")
    assert (said.code, "links.reason" in said.err) == (65, True)


def test_an_empty_answer_to_a_filter_does_not_say_that_all_is_well(made: Desk) -> None:
    assert "the quarantine is empty" in made.cophub("quarantine").out
    assert "nothing of that" in made.cophub("quarantine", "--code", "requird").out


def test_an_edited_export_does_not_verify(made: Desk) -> None:
    file, key = made.folder / "chain.jsonl", made.cophub("audit", "key").out.split()[-1]
    assert made.cophub("audit", "export", str(file)).code == 0
    check = ("audit", "verify", "--export", str(file), "--key", key)
    assert made.cophub(*check).code == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    edited = json.dumps(json.loads(lines[0]) | {"actor": "nobody"})
    file.write_text("\n".join([edited, *lines[1:]]) + "\n", encoding="utf-8")
    said = made.cophub(*check)
    assert (said.code, "edited" in said.out + said.err) == (1, True)
